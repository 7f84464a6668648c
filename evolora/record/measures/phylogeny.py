"""The shape of the family tree of the living, and who their genome comes from.

Trees follow first parents (a merge weighs its first parent one half or more), and their root is the host, one step
above every founder. Branch lengths are births, so a distance counts the births that lie between two organisms.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from evolora.history import Ancestor


@dataclass(frozen=True)
class Tree:
    """The part of a pedigree that leads from the living to their founders through first parents.

    `nodes` are its organisms, ascending, so parents come before children; `living` those alive. `parents` has each
    node's first parent (None: a founder) and `descendants` how many of the living are it or descend from it.
    """

    nodes: tuple[int, ...]
    living: tuple[int, ...]
    parents: Mapping[int, int | None]
    descendants: Mapping[int, int]


def first_parent_tree(pedigree: Mapping[int, Ancestor], living: Collection[int]) -> Tree:
    """The tree of the `living` in a pedigree that holds them and all their ancestors. O(nodes)."""
    parents: dict[int, int | None] = {}
    for leaf in living:
        node: int | None = leaf
        while node is not None and node not in parents:
            above = pedigree[node].parents
            parents[node] = above[0] if above else None
            node = parents[node]
    nodes = tuple(sorted(parents))
    descendants = dict.fromkeys(nodes, 0)
    descendants.update(dict.fromkeys(living, 1))
    for node in reversed(nodes):
        above_node = parents[node]
        if above_node is not None:
            descendants[above_node] += descendants[node]
    return Tree(nodes, tuple(sorted(living)), parents, descendants)


def depths(tree: Tree) -> dict[int, int]:
    """Births between each node and its founder, whose depth is 0."""
    result: dict[int, int] = {}
    for node in tree.nodes:
        parent = tree.parents[node]
        result[node] = 0 if parent is None else result[parent] + 1
    return result


def num_roots(tree: Tree) -> int:
    """Founders with living descendants (or alive themselves)."""
    return sum(parent is None for parent in tree.parents.values())


def common_ancestor(tree: Tree) -> int | None:
    """The id of the most recent common ancestor of all the living; None with several founders, or nobody alive."""
    everybody = len(tree.living)
    shared = [node for node in tree.nodes if tree.descendants[node] == everybody]
    return max(shared) if shared and everybody else None


def coalescence_time(tree: Tree, pedigree: Mapping[int, Ancestor], generation: int) -> int | None:
    """Generations since the lines of all the living, followed back, had met in one organism.

    The last lines to meet are the common ancestor's own and that of the first of its children to have living
    descendants. 0 where one organism is alive; None without a common ancestor.
    """
    ancestor = common_ancestor(tree)
    if ancestor is None:
        return None
    branches = [pedigree[node].born for node in tree.nodes if tree.parents[node] == ancestor]
    return generation - min(branches) if branches else 0


def faith_pd(tree: Tree) -> int:
    """Phylogenetic diversity: total branch length of the tree that joins the living to the host, in births.

    Source: Faith 1992, Biol Conserv 61:1-10.
    """
    return len(tree.nodes)  # one branch above every node


def mean_pairwise_distance(tree: Tree) -> float | None:
    """Mean over pairs of the living of the births between them, through the host where they share no founder.

    Every branch parts those below it from the others. None with fewer than two alive.
    Source: Webb 2000, Am Nat 156:145-155.
    """
    num = len(tree.living)
    if num < 2:
        return None
    parted = sum(below * (num - below) for below in tree.descendants.values())
    return parted / (num * (num - 1) / 2)


def distinctiveness(tree: Tree) -> dict[int, float]:
    """Evolutionary distinctiveness of each of the living: its path to the host, every branch shared fairly (births).

    Fair proportion: a branch of length 1 is divided among all the living below it; the values sum to Faith's PD.
    Source: Redding & Mooers 2006, Conserv Biol 20:1670-1678; Isaac et al. 2007, PLoS ONE 2:e296.
    """
    shares: dict[int, float] = {}
    for node in tree.nodes:
        parent = tree.parents[node]
        shares[node] = (0.0 if parent is None else shares[parent]) + 1 / tree.descendants[node]
    return {node: shares[node] for node in tree.living}


def ancestors(pedigree: Mapping[int, Ancestor], organisms: Collection[int]) -> list[int]:
    """`organisms` and all their ancestors through both parents of merges, ascending."""
    found, open_ends = set(organisms), list(organisms)
    while open_ends:
        for parent in pedigree[open_ends.pop()].parents:
            if parent not in found:
                found.add(parent)
                open_ends.append(parent)
    return sorted(found)


def ancestor_shares(pedigree: Mapping[int, Ancestor], living: Collection[int]) -> dict[int, float]:
    """Ancestor -> share in [0, 1] of the living genome that came through it, both parents of merges followed.

    Every living organism counts 1/N, itself included, and is made of its parents in equal parts (merges here are even).
    Mutation is left out: it changes a genome and not where it came from. Ids are ascending.
    """
    weights = dict.fromkeys(ancestors(pedigree, living), 0.0)
    weights.update(dict.fromkeys(living, 1 / max(1, len(living))))
    for node in sorted(weights, reverse=True):  # children before parents
        parents = pedigree[node].parents
        for parent in parents:
            weights[parent] += weights[node] / len(parents)
    return dict(sorted(weights.items()))


def founder_shares(pedigree: Mapping[int, Ancestor], living: Collection[int]) -> dict[int, float]:
    """Founder -> share in [0, 1] of the living genome that comes from it; the shares sum to 1.

    Source: founder contributions of pedigree analysis, Lacy 1989, Zoo Biol 8:111-123.
    """
    shares = ancestor_shares(pedigree, living)
    return {node: share for node, share in shares.items() if not pedigree[node].parents}


def effective_founders(shares: Collection[float]) -> float | None:
    """1 / Σ share², the number of equally represented founders that would be as diverse; None without shares.

    Source: Lacy 1989, Zoo Biol 8:111-123.
    """
    return 1 / float(np.square(list(shares)).sum()) if shares else None


def reticulation_rate(pedigree: Mapping[int, Ancestor], living: Collection[int]) -> float | None:
    """Share in [0, 1] of the births in the ancestry of the living (their own too) that were merges of two parents.

    None where there was no birth but founders'.
    """
    births = [own for node in ancestors(pedigree, living) if (own := pedigree[node].parents)]
    return sum(len(parents) > 1 for parents in births) / len(births) if births else None
