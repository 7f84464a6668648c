import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from genomes import SITES, TRAITS, lived_genome
from hypothesis import given, settings
from hypothesis import strategies as st

from evolora.errors import GenomeError
from evolora.organism.distance import delta_norm, distance
from evolora.organism.founding import found_genome
from evolora.organism.genome import Genome
from evolora.organism.merging import MERGES, Merged, child_rank, merge, merging
from evolora.organism.merging.sparse import dare_dense, ties_dense
from evolora.organism.mutation import decay, resize
from evolora.organism.traits import TraitRange
from evolora.rng import stream

ALL = sorted(MERGES)
LINEAR = ["concatenation", "weighted_sum"]
WEIGHTS = st.floats(0.05, 0.95)
SEEDS = st.integers(0, 10_000)
FULL = 24  # a rank that holds any (24, 24) delta


def child_of(merged: Merged, rank: int) -> Genome:
    return merged.genome(replace(TRAITS, rank=rank))


def dense(genome: Genome, site: str) -> torch.Tensor:
    if site in genome.factors:
        return genome.delta(site).double()
    shape = next(s for s in SITES if s.name == site)
    return torch.zeros(shape.out_features, shape.in_features, dtype=torch.float64)


def test_the_operators_of_the_world_file_are_registered() -> None:
    assert ALL == ["concatenation", "crossover", "dare", "spherical", "ties", "weighted_sum"]


@pytest.mark.parametrize("name", ALL)
@given(seed=SEEDS, weight=WEIGHTS)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_merging_equal_parents_gives_that_parent(name: str, seed: int, weight: float) -> None:
    parent = lived_genome(seed)
    merged = merge(name, parent, parent, weight, 4, stream(seed, name))
    assert distance(parent, child_of(merged, 4)) <= 1e-5 * delta_norm(parent)
    assert merged.truncation_error <= 1e-5


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("rank", [1, 3, 4, 9])
def test_a_child_has_the_rank_asked_for_and_every_direction_can_learn(name: str, rank: int) -> None:
    merged = merge(name, lived_genome(1, rank=3), lived_genome(2, rank=5), 0.4, rank, stream(1))
    child = child_of(merged, rank)
    assert child.is_finite() and child.factors.keys() == {site.name for site in SITES}
    assert all((f.a.abs().sum(dim=1) > 0).all() for f in child.factors.values())


@pytest.mark.parametrize("name", ALL)
def test_a_merge_is_a_function_of_parents_and_stream(name: str) -> None:
    first, second = lived_genome(1), lived_genome(2)
    children = [merge(name, first, second, 0.5, 3, stream(7)) for _ in range(2)]
    reordered = first.with_factors(dict(reversed(first.factors.items())))
    children.append(merge(name, reordered, second, 0.5, 3, stream(7)))
    for other in children[1:]:
        assert all(torch.equal(f.b, other.factors[s].b) for s, f in children[0].factors.items())


@pytest.mark.parametrize("name", LINEAR)
@given(seed=SEEDS, weight=WEIGHTS, rank=st.integers(1, 9))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_the_weighted_sum_is_the_best_approximation_of_the_dense_one(
    name: str, seed: int, weight: float, rank: int
) -> None:
    first, second = lived_genome(seed, rank=3), lived_genome(seed + 1, rank=5)
    merged = merge(name, first, second, weight, rank, stream(seed))
    child = child_of(merged, rank)
    lost = best = norm = 0.0
    for site in first.factors:
        target = weight * dense(first, site) + (1 - weight) * dense(second, site)
        lost += float((dense(child, site) - target).square().sum())
        best += float(torch.linalg.svdvals(target)[rank:].square().sum())
        norm += float(target.square().sum())
    assert math.sqrt(lost / norm) == pytest.approx(math.sqrt(best / norm), abs=1e-4)
    assert merged.truncation_error == pytest.approx(math.sqrt(best / norm), abs=1e-4)


@pytest.mark.parametrize("name", ["weighted_sum", "concatenation", "spherical", "ties"])
@given(seed=SEEDS, weight=WEIGHTS)
@settings(max_examples=10, deadline=None, derandomize=True)
def test_swapping_the_parents_and_their_weights_changes_nothing(name: str, seed: int, weight: float) -> None:
    first, second = lived_genome(seed), lived_genome(seed + 1)
    one = child_of(merge(name, first, second, weight, FULL, stream(seed)), FULL)
    other = child_of(merge(name, second, first, 1 - weight, FULL, stream(seed)), FULL)
    assert distance(one, other) <= 1e-4 * delta_norm(one)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["weighted_sum", "concatenation", "spherical", "ties"])
def test_the_stated_error_is_the_measured_one(name: str, seed: int) -> None:
    first, second = lived_genome(seed, rank=4), lived_genome(seed + 1, rank=2)
    whole = child_of(merge(name, first, second, 0.4, FULL, stream(seed)), FULL)
    merged = merge(name, first, second, 0.4, 3, stream(seed))
    measured = distance(whole, child_of(merged, 3)) / delta_norm(whole)
    assert merged.truncation_error == pytest.approx(measured, rel=1e-3) and measured > 0.01


@pytest.mark.parametrize("seed", range(4))
def test_the_stated_error_of_dare_is_the_measured_one(seed: int) -> None:
    site = SITES[0].name  # one site: the stream's first draws are its masks
    first, second = (g.with_factors({site: g.factors[site]}) for g in (lived_genome(seed), lived_genome(seed + 1)))
    merged = merge("dare", first, second, 0.4, 3, stream(seed))
    target = dare_dense(first.factors[site].product(), second.factors[site].product(), 0.4, stream(seed))
    measured = float((target - merged.factors[site].product()).norm() / target.norm())
    assert merged.truncation_error == pytest.approx(measured, rel=1e-4) and measured > 0.1


@pytest.mark.parametrize("name", ALL)
def test_a_site_that_neither_parent_has_stays_unadapted_and_one_that_one_has_is_half_there(name: str) -> None:
    first, second = lived_genome(1), lived_genome(2)
    both, only = SITES[0].name, SITES[1].name
    first = first.with_factors({site: f for site, f in first.factors.items() if site != both})
    second = second.with_factors({site: f for site, f in second.factors.items() if site not in (both, only)})
    child = child_of(merge(name, first, second, 0.5, FULL, stream(3)), FULL)
    assert both not in child.factors
    if name in ("weighted_sum", "concatenation", "spherical"):
        torch.testing.assert_close(dense(child, only), 0.5 * dense(first, only), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ALL)
def test_two_founders_make_a_child_with_zero_delta_that_can_learn(name: str) -> None:
    first, second = (found_genome(SITES, TRAITS, 2.0, stream(seed)) for seed in (1, 2))
    merged = merge(name, first, second, 0.5, 4, stream(3))
    child = child_of(merged, 4)
    assert delta_norm(child) == 0.0 and merged.truncation_error == 0.0
    assert all((f.a.abs().sum(dim=1) > 0).all() for f in child.factors.values())


def test_concatenation_at_full_rank_loses_nothing_and_keeps_the_parents_directions() -> None:
    first, second = lived_genome(1, rank=3), lived_genome(2, rank=5)
    merged = merge("concatenation", first, second, 0.3, 8, stream(1))
    assert merged.truncation_error == 0.0
    for site, f in merged.factors.items():
        assert torch.equal(f.a, torch.cat([first.factors[site].a, second.factors[site].a]))


@pytest.mark.parametrize("seed", range(5))
def test_crossover_takes_every_site_whole_from_one_parent(seed: int) -> None:
    first, second = lived_genome(seed, rank=4), lived_genome(seed + 100, rank=2)
    merged = merge("crossover", first, second, 0.5, 4, stream(seed))
    child = child_of(merged, 4)
    origins = []
    for site in child.factors:
        gaps = [(dense(child, site) - dense(parent, site)).norm() for parent in (first, second)]
        assert min(gaps) < 1e-6
        origins.append(int(gaps[1] < gaps[0]))
    assert merged.truncation_error == 0.0 and 0 < sum(origins) < len(origins)


def test_crossover_follows_its_weight() -> None:
    first, second = lived_genome(1), lived_genome(2)
    taken = 0
    for seed in range(60):
        child = merge("crossover", first, second, 0.8, 4, stream(seed, "crossover"))
        taken += sum(child.factors[site].a is first.factors[site].a for site in child.factors)
    assert taken / (60 * len(SITES)) == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("weight", [0.2, 0.5, 0.7])
def test_spherical_keeps_the_norm_of_equally_long_parents_where_the_sum_shrinks(weight: float) -> None:
    first, second = lived_genome(1), lived_genome(2)
    site = SITES[0].name
    ratio = float(first.delta(site).norm() / second.delta(site).norm())
    longer = decay(second, 0.0).with_factors({site: replace(second.factors[site], b=second.factors[site].b * ratio)})
    alone = first.with_factors({site: first.factors[site]})
    child = child_of(merge("spherical", alone, longer, weight, FULL, stream(1)), FULL)
    assert delta_norm(child) == pytest.approx(delta_norm(alone), rel=1e-4)
    total = child_of(merge("weighted_sum", alone, longer, weight, FULL, stream(1)), FULL)
    assert delta_norm(total) < 0.95 * delta_norm(alone)
    x, y, z = (dense(g, site).flatten() for g in (alone, longer, child))
    angle = math.acos(float(x @ y / (x.norm() * y.norm())))
    assert math.acos(float(x @ z / (x.norm() * z.norm()))) == pytest.approx((1 - weight) * angle, abs=1e-3)


def test_spherical_of_opposite_parents_is_linear() -> None:
    first = lived_genome(1)
    opposite = first.with_factors({s: replace(f, b=-f.b) for s, f in first.factors.items()})
    child = child_of(merge("spherical", first, opposite, 0.75, 4, stream(1)), 4)
    assert distance(child, decay(first, 0.5)) < 1e-5 * delta_norm(first)


def test_ties_elects_a_sign_trims_the_redundant_and_averages_what_agrees() -> None:
    first = torch.tensor([[4.0, 4.0, 4.0, 1.0, -1.0, 0.5]])
    second = torch.tensor([[3.5, -3.0, 1.0, -5.0, 2.0, 0.25]])
    # in turn: agree; conflict; second trimmed; first trimmed; both redundant, conflict; both redundant, agree
    expected = torch.tensor([[3.75, 4.0, 4.0, -5.0, 2.0, 0.375]])
    torch.testing.assert_close(ties_dense(first, second, 0.5), expected)


def test_ties_with_a_parent_that_does_nothing_gives_the_other_whole() -> None:
    parent, founder = lived_genome(1), found_genome(SITES, TRAITS, 2.0, stream(2))
    child = child_of(merge("ties", parent, founder, 0.5, 4, stream(3)), 4)
    assert distance(child, parent) < 1e-5 * delta_norm(parent)


def test_dare_is_the_weighted_sum_on_average_and_not_each_time() -> None:
    first, second = (lived_genome(seed).factors[SITES[0].name].product() for seed in (1, 2))
    target = torch.lerp(second, first, 0.3)
    draws = [dare_dense(first, second, 0.3, stream(seed, "dare")) for seed in range(400)]
    spread = float((draws[0] - target).norm())
    assert spread > 0.2 * float(target.norm())
    assert float((torch.stack(draws).mean(0) - target).norm()) < 2 * spread / math.sqrt(400)


@pytest.mark.parametrize("name", ALL)
def test_operators_see_deltas_not_factors(name: str) -> None:
    """The same delta written in other factors gives the same child: never A with A and B with B."""
    first, second = lived_genome(1), lived_genome(2)
    turn = torch.linalg.qr(torch.from_numpy(stream(9).standard_normal((4, 4), dtype=np.float32))).Q
    turned = first.with_factors({s: replace(f, a=3 * turn.T @ f.a, b=f.b @ turn / 3) for s, f in first.factors.items()})
    children = [child_of(merge(name, parent, second, 0.5, FULL, stream(4)), FULL) for parent in (first, turned)]
    assert distance(*children) < 1e-3 * delta_norm(children[0])


def test_unfit_parents_are_refused_with_the_reason() -> None:
    first, second = lived_genome(1), lived_genome(2)
    with pytest.raises(GenomeError, match="equal scaling"):
        merge("ties", first, replace(second, scaling=1.0), 0.5, 4, stream(1))
    for weight in (0.0, 1.0, math.nan):
        with pytest.raises(GenomeError, match="weight between 0 and 1"):
            merge("ties", first, second, weight, 4, stream(1))
    with pytest.raises(GenomeError, match="rank of 1"):
        merge("ties", first, second, 0.5, 0, stream(1))
    with pytest.raises(GenomeError, match="got average"):
        merge("average", first, second, 0.5, 4, stream(1))
    site, other = SITES[0].name, SITES[1].name
    with pytest.raises(GenomeError, match="widths"):
        swapped = second.with_factors({**second.factors, site: second.factors[other]})
        merge("ties", first, swapped, 0.5, 4, stream(1))
    second.factors[site].a[0, 0] = math.inf
    with pytest.raises(GenomeError, match="infinity"):
        merge("ties", first, second, 0.5, 4, stream(1))
    with pytest.raises(GenomeError, match="expected 3"):
        merge("crossover", first, first, 0.5, 4, stream(1)).genome(replace(TRAITS, rank=3))
    with pytest.raises(GenomeError, match="ties again"):
        merging("ties")(None)  # type: ignore[arg-type]


def test_a_childs_rank_is_a_parents_or_their_sum_inside_the_range() -> None:
    span = TraitRange(2, 10, 1.0)
    drawn = {child_rank("weighted_sum", 3, 5, span, stream(seed)) for seed in range(30)}
    assert drawn == {3, 5}
    assert child_rank("concatenation", 3, 5, span, stream(1)) == 8
    assert child_rank("concatenation", 8, 8, span, stream(1)) == 10


def test_merging_at_a_smaller_rank_equals_merging_then_resizing() -> None:
    first, second = lived_genome(1), lived_genome(2)
    whole = child_of(merge("weighted_sum", first, second, 0.5, 8, stream(1)), 8)
    small = child_of(merge("weighted_sum", first, second, 0.5, 3, stream(1)), 3)
    assert distance(resize(whole, 3, stream(1))[0], small) < 1e-4 * delta_norm(small)
