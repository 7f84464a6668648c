"""The family tree against phylotrackpy, scikit-bio and trees worked by hand.

Both oracles are given the host as the root above all founders, as our trees have it.
"""

import io

import numpy as np
import pytest
from phylotrackpy import systematics
from skbio import TreeNode
from skbio.diversity.alpha import faith_pd as skbio_faith_pd

from evolora.history import Ancestor
from evolora.record.measures.phylogeny import (
    ancestors,
    coalescence_time,
    common_ancestor,
    depths,
    distinctiveness,
    effective_founders,
    faith_pd,
    first_parent_tree,
    founder_shares,
    mean_pairwise_distance,
    num_roots,
    reticulation_rate,
)

GROWN = [(1, 1, 40, 8), (2, 5, 60, 8), (3, 4, 200, 12), (4, 3, 0, 3), (5, 6, 300, 40), (6, 1, 30, 1)]


def grow(seed: int, founders: int, births: int, size: int) -> tuple[dict[int, Ancestor], list[int]]:
    """A random pedigree of clones and its living."""
    rng = np.random.default_rng(seed)
    pedigree = {founder: Ancestor(0, ()) for founder in range(founders)}
    living = list(range(founders))
    for child in range(founders, founders + births):
        pedigree[child] = Ancestor(1 + child // 3, (int(rng.choice(living)),))
        living.append(child)
        if len(living) > size:
            living.remove(int(rng.choice(living)))
    return pedigree, living


def track(pedigree: dict[int, Ancestor], living: list[int]) -> systematics.Systematics:
    tracker = systematics.Systematics(lambda own: own, True, True, False, False)
    host = tracker.add_org("host")
    taxa = {}
    for own, (_, parents) in pedigree.items():
        taxa[own] = tracker.add_org(str(own), taxa[parents[0]] if parents else host)
    for own in pedigree:
        if own not in living:
            tracker.remove_org(taxa[own])
    tracker.remove_org(host)
    return tracker


@pytest.mark.parametrize("case", GROWN)
def test_the_tree_is_phylotrackpys(case):
    pedigree, living = grow(*case)
    tree, oracle = first_parent_tree(pedigree, living), track(pedigree, living)
    depth = depths(tree)
    assert faith_pd(tree) == oracle.get_phylogenetic_diversity()
    assert max(depth[own] for own in living) + 1 == oracle.get_max_depth()  # the oracle counts from the host
    assert np.mean([depth[own] for own in living]) + 1 == pytest.approx(oracle.get_ave_depth())
    ancestor = common_ancestor(tree)
    assert (ancestor is None) == (num_roots(tree) > 1)
    assert ("host" if ancestor is None else str(ancestor)) == oracle.get_mrca().get_info()
    if ancestor is not None:
        assert depth[ancestor] + 1 == oracle.mrca_depth()
    if len(living) > 1:
        assert mean_pairwise_distance(tree) == pytest.approx(oracle.get_mean_pairwise_distance(False))


@pytest.mark.parametrize("case", GROWN)
def test_faiths_pd_is_that_of_scikit_bio(case):
    """Scikit-bio wants the living as tips, so each hangs on its own node by a branch of length 0."""
    pedigree, living = grow(*case)
    children: dict[int | None, list[int]] = {}
    for own, (_, parents) in pedigree.items():
        children.setdefault(parents[0] if parents else None, []).append(own)

    def newick(own: int) -> str:
        below = [f"t{own}:0", *(f"{newick(child)}:1" for child in children.get(own, []))]
        return f"({','.join(below)})"

    tips = [f"t{own}" for own in pedigree]
    host = ",".join(f"{newick(founder)}:1" for founder in children[None])
    text = f"(({host}):0,outside:0);"  # it also wants a root with two branches
    counts = [int(own in living) for own in pedigree]
    oracle = skbio_faith_pd(counts, taxa=tips, tree=TreeNode.read(io.StringIO(text)))
    assert faith_pd(first_parent_tree(pedigree, living)) == pytest.approx(oracle)


@pytest.mark.parametrize("case", GROWN)
def test_distinctiveness_divides_the_whole_tree(case):
    pedigree, living = grow(*case)
    tree = first_parent_tree(pedigree, living)
    values = distinctiveness(tree)
    assert sorted(values) == sorted(living) and sum(values.values()) == pytest.approx(faith_pd(tree))


# 0 bears 1 and 2 (generations 2 and 3), 1 bears 3 (4), 2 bears 4 (5); 5 is another founder, without heirs
FAMILY = {
    0: Ancestor(0, ()),
    1: Ancestor(2, (0,)),
    2: Ancestor(3, (0,)),
    3: Ancestor(4, (1,)),
    4: Ancestor(5, (2,)),
    5: Ancestor(0, ()),
}


@pytest.mark.parametrize(
    ("living", "ancestor", "time"),
    [
        ([3, 4], 0, 10 - 2),  # the lines to 1 and to 2 meet in 0, before 1 was born in generation 2
        ([2, 4], 2, 10 - 5),  # 2 lives beside its child: one organism until generation 5
        ([4], 4, 0),
        ([4, 5], None, None),
        ([], None, None),
    ],
)
def test_lines_meet_worked_by_hand(living, ancestor, time):
    tree = first_parent_tree(FAMILY, living)
    assert common_ancestor(tree) == ancestor and coalescence_time(tree, FAMILY, 10) == time


def test_fair_proportions_worked_by_hand():
    """Branches host-0 (above 3 and 4), 0-1, 1-3, 0-2, 2-4: each of the two has two of its own and half of the first."""
    assert distinctiveness(first_parent_tree(FAMILY, [3, 4])) == {3: 2.5, 4: 2.5}
    assert distinctiveness(first_parent_tree(FAMILY, [0, 3])) == {0: 0.5, 3: 2.5}
    assert distinctiveness(first_parent_tree(FAMILY, [])) == {}


def test_distances_worked_by_hand():
    """3 and 4 are four births apart (3-1-0-2-4); 5 is five from either, through the host."""
    assert mean_pairwise_distance(first_parent_tree(FAMILY, [3, 4])) == 4
    assert mean_pairwise_distance(first_parent_tree(FAMILY, [3, 4, 5])) == pytest.approx((4 + 4 + 4 + 0 + 0) / 3)
    assert mean_pairwise_distance(first_parent_tree(FAMILY, [3])) is None


# founders 0, 1, 2; 3 merges 0 and 1; 4 merges 3 and 2; 5 is a clone of 4
MERGED = {
    0: Ancestor(0, ()),
    1: Ancestor(0, ()),
    2: Ancestor(0, ()),
    3: Ancestor(1, (0, 1)),
    4: Ancestor(2, (3, 2)),
    5: Ancestor(3, (4,)),
}


@pytest.mark.parametrize(
    ("living", "shares", "merged"),
    [
        ([5], {0: 0.25, 1: 0.25, 2: 0.5}, 2 / 3),
        ([2, 3], {0: 0.25, 1: 0.25, 2: 0.5}, 1.0),
        ([3, 5], {0: 0.375, 1: 0.375, 2: 0.25}, 2 / 3),
        ([1], {1: 1.0}, None),
        ([], {}, None),
    ],
)
def test_genomes_come_from_founders_by_halves_worked_by_hand(living, shares, merged):
    assert founder_shares(MERGED, living) == shares
    assert reticulation_rate(MERGED, living) == (None if merged is None else pytest.approx(merged))


def test_the_tree_follows_first_parents_and_ancestors_follow_both():
    tree = first_parent_tree(MERGED, [5])
    assert tree.nodes == (0, 3, 4, 5) and ancestors(MERGED, [5]) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(("shares", "expected"), [([0.5, 0.5], 2), ([1.0], 1), ([0.25, 0.25, 0.5], 8 / 3), ([], None)])
def test_effective_founders_worked_by_hand(shares, expected):
    assert effective_founders(shares) == (None if expected is None else pytest.approx(expected))
