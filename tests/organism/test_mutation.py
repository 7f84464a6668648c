import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from genomes import SITES, TRAITS, lived_genome

from evolora.errors import GenomeError
from evolora.organism.distance import delta_norm, distance
from evolora.organism.founding import found_genome
from evolora.organism.genome import Factors, Genome, OptimizerState
from evolora.organism.mutation import MUTATIONS, decay, mutate, mutation, resize
from evolora.organism.mutation.layers import layer_of, sites_by_layer
from evolora.organism.traits import TraitRange
from evolora.rng import stream

CONTINUOUS = ["gaussian", "layer_noise", "singular_value_scaling"]
RANKS = TraitRange(1, 16, 1.0)


def test_the_operators_of_the_manual_are_registered() -> None:
    structural = {"grow_rank", "shrink_rank", "drop_site", "drop_layer"}
    assert set(MUTATIONS) == {*CONTINUOUS, *structural}


@pytest.mark.parametrize("name", [*CONTINUOUS, "shrink_rank"])
def test_a_mutation_beyond_what_float32_holds_leaves_the_genome_as_it_is(name: str) -> None:
    lived = lived_genome(1)
    huge = lived.with_factors({site: Factors(f.a * 1e20, f.b * 1e20) for site, f in lived.factors.items()})
    assert huge.is_finite() and mutate(name, huge, RANKS, stream(1, name)) is huge


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_mutant_is_a_valid_finite_function_of_its_parent_and_stream(name: str, seed: int) -> None:
    parent = lived_genome(seed)
    before = {site: (f.a.clone(), f.b.clone()) for site, f in parent.factors.items()}
    child = mutate(name, parent, RANKS, stream(seed, name))
    again = mutate(name, parent, RANKS, stream(seed, name))
    assert child.validated() and child.is_finite() and child.scaling == parent.scaling
    assert child.factors.keys() == again.factors.keys() <= parent.factors.keys()
    for site, f in child.factors.items():
        assert torch.equal(f.a, again.factors[site].a) and torch.equal(f.b, again.factors[site].b)
        assert f.a.dtype == f.b.dtype == torch.float32
    for site, (a, b) in before.items():
        assert torch.equal(parent.factors[site].a, a) and torch.equal(parent.factors[site].b, b)


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_mutation_does_not_depend_on_the_order_sites_are_stored_in(name: str) -> None:
    parent = lived_genome(5)
    shuffled = parent.with_factors(dict(reversed(parent.factors.items())))
    first, second = (MUTATIONS[name](g, stream(5, name)) for g in (parent, shuffled))
    assert first.factors.keys() == second.factors.keys()
    assert all(torch.equal(f.b, second.factors[site].b) for site, f in first.factors.items())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", CONTINUOUS)
def test_mutation_at_scale_zero_is_identity(name: str, seed: int) -> None:
    parent = lived_genome(seed, scale=0.0)
    child = MUTATIONS[name](parent, stream(seed))
    for site, f in parent.factors.items():
        assert torch.equal(child.factors[site].a, f.a) and torch.equal(child.factors[site].b, f.b)


@pytest.mark.parametrize("scale", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_the_delta_changes_by_about_mutation_scale(name: str, scale: float) -> None:
    changes = []
    for seed in range(12):
        parent = lived_genome(seed, scale=scale)
        changes.append(distance(parent, MUTATIONS[name](parent, stream(seed))) / delta_norm(parent))
    assert 0.5 * scale < float(np.mean(changes)) < 1.6 * scale


@pytest.mark.parametrize("seed", range(5))
def test_founders_differ_after_one_mutation(seed: int) -> None:
    founder = found_genome(SITES, TRAITS, 2.0, stream(seed))
    first, second = (MUTATIONS["gaussian"](founder, stream(seed, n)) for n in range(2))
    assert delta_norm(first) > 0 and distance(first, second) > delta_norm(first)


def test_layer_noise_touches_one_layer_only() -> None:
    parent = lived_genome(1)
    child = MUTATIONS["layer_noise"](parent, stream(1))
    touched = {layer_of(s) for s, f in parent.factors.items() if not torch.equal(f.b, child.factors[s].b)}
    assert len(touched) == 1


@pytest.mark.parametrize("seed", range(5))
def test_singular_value_scaling_keeps_singular_vectors(seed: int) -> None:
    parent = lived_genome(seed, scale=0.3)
    child = MUTATIONS["singular_value_scaling"](parent, stream(seed))
    for site in parent.factors:
        u, s, vh = torch.linalg.svd(parent.delta(site).double(), full_matrices=False)
        core = u[:, :4].T @ child.delta(site).double() @ vh[:4].T  # diagonal if the directions were kept
        factors = torch.diagonal(core) / s[:4]
        assert (core - torch.diag(torch.diagonal(core))).norm() < 1e-4 * core.norm()
        assert (factors > 0).all() and (factors.log().abs() < 0.3 * 5).all() and (factors - 1).abs().max() > 1e-3
        assert child.delta(site).norm() == pytest.approx(float(core.norm()), rel=1e-4)


def test_singular_value_scaling_leaves_a_founder_a_founder() -> None:
    founder = found_genome(SITES, TRAITS, 2.0, stream(1))
    assert delta_norm(MUTATIONS["singular_value_scaling"](founder, stream(1))) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_growing_rank_keeps_the_function_and_adds_directions_that_can_learn(seed: int) -> None:
    parent = lived_genome(seed)
    child = MUTATIONS["grow_rank"](parent, stream(seed))
    assert child.traits.rank == 5
    assert distance(parent, child) < 1e-5 * delta_norm(parent)
    for f in child.factors.values():
        assert f.rank == 5 and f.a[4].abs().sum() > 0 and not f.b[:, 4].any()


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_resizing_down_is_the_best_approximation_and_states_its_error(rank: int) -> None:
    parent = lived_genome(2)
    child, error = resize(parent, rank, stream(2))
    tails = [torch.linalg.svdvals(parent.delta(s).double())[rank:].square().sum() for s in parent.factors]
    best = math.sqrt(float(sum(tails))) / delta_norm(parent)
    assert error == pytest.approx(best, rel=1e-3)
    assert distance(parent, child) / delta_norm(parent) == pytest.approx(error, rel=1e-3)
    assert child.traits.rank == rank


def test_shrinking_undoes_growing() -> None:
    parent = lived_genome(3)
    child = MUTATIONS["shrink_rank"](MUTATIONS["grow_rank"](parent, stream(1)), stream(2))
    assert child.traits.rank == parent.traits.rank
    assert distance(parent, child) < 1e-5 * delta_norm(parent)


@pytest.mark.parametrize(("name", "rank"), [("grow_rank", 4), ("shrink_rank", 4)])
def test_a_mutation_out_of_the_rank_range_leaves_the_genome_as_it_was(name: str, rank: int) -> None:
    parent = lived_genome(1, rank=rank)
    assert mutate(name, parent, TraitRange(rank, rank, 1.0), stream(1)) is parent


def test_rank_one_cannot_shrink() -> None:
    parent = lived_genome(1, rank=1)
    assert MUTATIONS["shrink_rank"](parent, stream(1)) is parent


@pytest.mark.parametrize("seed", range(5))
def test_dropping_removes_one_site_or_one_layer_and_nothing_else(seed: int) -> None:
    parent = lived_genome(seed)
    fewer = MUTATIONS["drop_site"](parent, stream(seed))
    assert len(fewer.factors) == len(SITES) - 1
    shallower = MUTATIONS["drop_layer"](parent, stream(seed))
    assert len(sites_by_layer(shallower)) == 2 and len(shallower.factors) == 6
    for child in (fewer, shallower):
        assert all(child.factors[site] is parent.factors[site] for site in child.factors)


@pytest.mark.parametrize("name", ["drop_site", "drop_layer"])
def test_dropping_never_empties_a_genome(name: str) -> None:
    genome = lived_genome(1)
    for step in range(20):
        genome = MUTATIONS[name](genome, stream(step))
    assert len(sites_by_layer(genome)) == 1 and genome.factors


def test_layers_are_read_from_module_paths() -> None:
    assert layer_of("model.layers.11.self_attn.q_proj") == 11
    assert layer_of("transformer.h.3.attn.c_attn") == 3
    assert layer_of("lm_head") is None


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_decay_shrinks_every_delta_by_its_share(share: float) -> None:
    parent = lived_genome(1)
    child = decay(parent, share)
    for site in parent.factors:
        torch.testing.assert_close(child.delta(site), (1 - share) * parent.delta(site))
        assert torch.equal(child.factors[site].a, parent.factors[site].a)
    with pytest.raises(GenomeError, match=r"\[0, 1\]"):
        decay(parent, 1.5)


def test_an_unknown_operator_is_answered_with_the_known_ones() -> None:
    with pytest.raises(GenomeError, match=r"gaussian.*got cosmic"):
        mutate("cosmic", lived_genome(1), RANKS, stream(1))


def test_a_genome_that_is_not_finite_cannot_mutate() -> None:
    parent = lived_genome(1)
    parent.factors[SITES[0].name].b[0, 0] = math.nan
    with pytest.raises(GenomeError, match="NaN"):
        mutate("gaussian", parent, RANKS, stream(1))


def test_an_operator_that_breaks_the_rank_invariant_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(genome: Genome, rng: np.random.Generator) -> Genome:
        return genome.with_traits(replace(genome.traits, rank=genome.traits.rank + 1))

    monkeypatch.setitem(MUTATIONS, "forgetful", forgetful)
    with pytest.raises(GenomeError, match="expected 5"):
        mutate("forgetful", lived_genome(1), RANKS, stream(1))


def test_a_name_is_registered_once() -> None:
    register: Callable[..., object] = mutation("gaussian")
    with pytest.raises(GenomeError, match="gaussian again"):
        register(MUTATIONS["gaussian"])


def test_optimizer_moments_fit_until_the_shape_changes() -> None:
    genome = lived_genome(1)
    moments = OptimizerState(step=1, first=genome.factors, second=genome.factors)
    assert moments.fits(MUTATIONS["gaussian"](genome, stream(1)))
    for name in ("grow_rank", "shrink_rank", "drop_site", "drop_layer"):
        assert not moments.fits(MUTATIONS[name](genome, stream(1)))
