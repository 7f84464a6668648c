"""Genomes for the tests of this folder."""

from dataclasses import replace

from evolora.organism.founding import found_genome
from evolora.organism.genome import Factors, Genome, SiteShape
from evolora.organism.low_rank import normal
from evolora.organism.traits import Traits
from evolora.rng import stream

TRAITS = Traits(
    rank=4,
    mutation_scale=0.05,
    learning_rate=1e-3,
    temperature=0.9,
    answer_limit=8,
    num_examples=1,
    niche_preferences={"sums": 0.5, "words": -0.25},
)
WIDTHS = {"self_attn.q_proj": (24, 24), "self_attn.v_proj": (24, 12), "mlp.down_proj": (40, 24)}
SITES = [
    SiteShape(f"model.layers.{layer}.{module}", *widths) for layer in range(3) for module, widths in WIDTHS.items()
]


def lived_genome(seed: int, rank: int = 4, strength: float = 0.1, scale: float = 0.05) -> Genome:
    """A genome as learning leaves it: B not zero, singular values uneven."""
    rng = stream(seed, "lived genome")
    genome = found_genome(SITES, replace(TRAITS, rank=rank, mutation_scale=scale), 2.0, rng)
    return genome.with_factors(
        {
            site: Factors(a=f.a, b=strength * normal(tuple(f.b.shape), rng) / (1.0 + normal((rank,), rng).abs()))
            for site, f in genome.factors.items()
        }
    )
