import math
from dataclasses import replace

import pytest
import torch
from genomes import SITES, TRAITS, lived_genome

from evolora.errors import GenomeError
from evolora.organism.distance import delta_norm
from evolora.organism.founding import draw_traits, found_genome, zero_genome
from evolora.organism.traits import TraitRange
from evolora.rng import stream

RANGES = {
    "rank": TraitRange(2, 6, 1.0),
    "mutation_scale": TraitRange(0.02, 0.05, 0.2, logarithmic=True),
    "learning_rate": TraitRange(1e-4, 1e-3, 0.2, logarithmic=True),
    "temperature": TraitRange(0.8, 1.0, 0.1),
    "answer_limit": TraitRange(8, 16, 2.0),
    "num_examples": TraitRange(0, 2, 0.5),
}


@pytest.mark.parametrize("seed", range(5))
def test_a_founder_has_exactly_no_delta_and_a_as_peft_draws_it(seed: int) -> None:
    genome = found_genome(SITES, TRAITS, 2.0, stream(seed))
    assert delta_norm(genome) == 0.0
    for site in SITES:
        f = genome.factors[site.name]
        assert f.a.shape == (4, site.in_features) and f.b.shape == (site.out_features, 4)
        assert f.a.dtype == torch.float32 and f.a.abs().max() <= 1 / math.sqrt(site.in_features)
        assert f.a.abs().max() > 0.8 / math.sqrt(site.in_features)


def test_the_same_stream_founds_the_same_genome_whatever_torch_was_seeded_with() -> None:
    torch.manual_seed(1)
    first = found_genome(SITES, TRAITS, 2.0, stream(3))
    torch.manual_seed(2)
    second = found_genome(SITES, TRAITS, 2.0, stream(3))
    other = found_genome(SITES, TRAITS, 2.0, stream(4))
    assert all(torch.equal(first.factors[s].a, second.factors[s].a) for s in first.factors)
    assert not any(torch.equal(first.factors[s].a, other.factors[s].a) for s in first.factors)


def test_a_zero_genome_is_all_zeros() -> None:
    genome = zero_genome(SITES, TRAITS, 2.0)
    assert all(not f.a.any() and not f.b.any() for f in genome.factors.values())
    assert len(genome.factors) == len(SITES)


def test_founding_traits_fill_their_ranges_and_stay_inside() -> None:
    drawn = [draw_traits(RANGES, ["words", "sums"], 0.3, stream(seed)) for seed in range(300)]
    for name, span in RANGES.items():
        values = [getattr(traits, name) for traits in drawn]
        assert span.low <= min(values) and max(values) <= span.high
        assert max(values) - min(values) > 0.9 * (span.high - span.low)
    assert {traits.rank for traits in drawn} == {2, 3, 4, 5, 6}
    preferences = torch.tensor([traits.niche_preferences["sums"] for traits in drawn])
    assert abs(float(preferences.std()) - 0.3) < 0.05
    assert drawn[0] == draw_traits(RANGES, ["sums", "words"], 0.3, stream(0))


def test_a_missing_trait_range_is_named() -> None:
    ranges = {name: span for name, span in RANGES.items() if name != "temperature"}
    with pytest.raises(GenomeError, match="temperature"):
        draw_traits(ranges, [], 0.3, stream(0))


def test_a_rank_trait_that_differs_from_the_weights_is_refused() -> None:
    genome = lived_genome(1)
    with pytest.raises(GenomeError, match="expected 5"):
        genome.with_traits(replace(genome.traits, rank=5)).validated()
    assert genome.validated() is genome
