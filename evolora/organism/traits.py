"""Trait genes: the heritable numbers of an organism that are not weights."""

from collections.abc import Mapping
from dataclasses import dataclass

from evolora.errors import GenomeError


@dataclass(frozen=True)
class Traits:
    """What an organism is besides its weights. Every field is used by some stage of a generation.

    rank: LoRA rank of every adapted site.
    mutation_scale: relative size of weight mutation (self-adaptive: it mutates too).
    learning_rate: Adam step size within a lifetime.
    temperature: sampling temperature when it forages; held-out tests are greedy.
    answer_limit: most tokens it will pay to generate per answer.
    num_examples: worked examples it pays to have in its prompt.
    niche_preferences: niche name -> log-weight in foraging.
    """

    rank: int
    mutation_scale: float
    learning_rate: float
    temperature: float
    answer_limit: int
    num_examples: int
    niche_preferences: Mapping[str, float]


@dataclass(frozen=True)
class TraitRange:
    """Bounds and step of one numeric trait.

    `step` is the standard deviation of one mutation: of the logarithm where `logarithmic`, in the trait's own
    unit otherwise; integer traits are rounded stochastically.
    """

    low: float
    high: float
    step: float
    logarithmic: bool = False


def range_of(ranges: Mapping[str, TraitRange], name: str) -> TraitRange:
    """The range of one trait.

    Raises:
        GenomeError: there is none.
    """
    if name not in ranges:
        raise GenomeError(f"traits: expected a range for {name}, got ranges for {', '.join(sorted(ranges)) or 'none'}")
    return ranges[name]
