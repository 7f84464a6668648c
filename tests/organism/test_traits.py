from dataclasses import replace

import numpy as np
import pytest
from genomes import TRAITS

from evolora.errors import GenomeError
from evolora.organism.merging import merge_traits
from evolora.organism.trait_mutation import mutate_traits
from evolora.organism.traits import TraitRange, Traits
from evolora.rng import stream

RANGES = {
    "rank": TraitRange(2, 16, 1.0),
    "mutation_scale": TraitRange(0.001, 0.5, 0.2),
    "learning_rate": TraitRange(1e-5, 1e-2, 0.2, logarithmic=True),
    "temperature": TraitRange(0.3, 1.5, 0.1),
    "answer_limit": TraitRange(2, 32, 2.0),
    "num_examples": TraitRange(0, 4, 0.5),
}
OTHER = Traits(8, 0.2, 3e-3, 1.2, 16, 3, {"sums": -1.0, "logic": 2.0})


@pytest.mark.parametrize("seed", range(10))
def test_traits_with_all_steps_zero_are_inherited_unchanged(seed: int) -> None:
    still = {name: replace(span, step=0.0) for name, span in RANGES.items()}
    assert mutate_traits(TRAITS, still, 0.0, stream(seed)) == TRAITS


def test_mutated_traits_stay_in_bounds_over_a_long_lineage() -> None:
    traits, rng = TRAITS, stream(1)
    for _ in range(2000):
        traits = mutate_traits(traits, RANGES, 0.3, rng)
        for name, span in RANGES.items():
            assert span.low <= getattr(traits, name) <= span.high
        assert isinstance(traits.answer_limit, int) and isinstance(traits.num_examples, int)
    assert traits.rank == TRAITS.rank


def test_steps_have_the_stated_size() -> None:
    children = [mutate_traits(TRAITS, RANGES, 0.3, stream(seed, "trait")) for seed in range(1500)]
    temperatures = [child.temperature for child in children]
    assert np.std(temperatures) == pytest.approx(0.1, rel=0.1)
    ratios = np.log([child.mutation_scale / TRAITS.mutation_scale for child in children])
    assert np.std(ratios) == pytest.approx(0.2, rel=0.1) and abs(np.mean(ratios)) < 0.02
    limits = [child.answer_limit for child in children]
    assert np.mean(limits) == pytest.approx(TRAITS.answer_limit, abs=0.2)
    preferences = [child.niche_preferences["sums"] for child in children]
    assert np.std(preferences) == pytest.approx(0.3, rel=0.1)


def test_whole_traits_change_now_and_then_under_a_small_step() -> None:
    small = {**RANGES, "num_examples": TraitRange(0, 4, 0.1)}
    changed = [mutate_traits(TRAITS, small, 0.0, stream(seed)).num_examples != 1 for seed in range(400)]
    assert 0.02 < np.mean(changed) < 0.2


@pytest.mark.parametrize("seed", range(5))
def test_a_scale_or_rate_of_none_stays_none_and_changes_no_other_trait(seed: int) -> None:
    from_zero = {**RANGES, **{name: replace(RANGES[name], low=0.0) for name in ("mutation_scale", "learning_rate")}}
    none = replace(TRAITS, mutation_scale=0.0, learning_rate=0.0)
    child, other = (mutate_traits(traits, from_zero, 0.3, stream(seed)) for traits in (none, TRAITS))
    assert (child.mutation_scale, child.learning_rate) == (0.0, 0.0)
    assert child == replace(other, mutation_scale=0.0, learning_rate=0.0)
    assert merge_traits(none, TRAITS, 0.5, TRAITS.rank, stream(seed)).mutation_scale == 0.0


def test_a_logarithmic_trait_below_zero_is_refused() -> None:
    with pytest.raises(GenomeError, match="learning_rate: expected 0 or more"):
        mutate_traits(replace(TRAITS, learning_rate=-0.1), RANGES, 0.0, stream(1))


@pytest.mark.parametrize("seed", range(10))
def test_equal_parents_hand_on_their_traits(seed: int) -> None:
    assert merge_traits(TRAITS, TRAITS, 0.1 + 0.08 * seed, TRAITS.rank, stream(seed)) == TRAITS


def test_a_child_of_two_takes_traits_from_either_and_the_middle_where_stated() -> None:
    children = [merge_traits(TRAITS, OTHER, 0.75, 5, stream(seed, "merge")) for seed in range(400)]
    for name in ("learning_rate", "temperature", "answer_limit", "num_examples"):
        taken = [getattr(child, name) for child in children]
        assert set(taken) == {getattr(TRAITS, name), getattr(OTHER, name)}
        assert np.mean([value == getattr(TRAITS, name) for value in taken]) == pytest.approx(0.75, abs=0.08)
    child = children[0]
    assert child.rank == 5
    assert child.mutation_scale == pytest.approx(0.05**0.75 * 0.2**0.25)
    expected = {"sums": 0.125, "words": -0.1875, "logic": 0.5}
    assert child.niche_preferences == pytest.approx(expected)
