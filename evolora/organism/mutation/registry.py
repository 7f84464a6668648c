"""The names of the weight mutations."""

from collections.abc import Callable

import numpy as np
import torch

from evolora.errors import GenomeError
from evolora.organism.genome import Genome
from evolora.organism.low_rank import one_thread
from evolora.organism.traits import TraitRange

Mutation = Callable[[Genome, np.random.Generator], Genome]

MUTATIONS: dict[str, Mutation] = {}


def mutation(name: str) -> Callable[[Mutation], Mutation]:
    """Register a function as the mutation operator `name`, the name a world file gives it."""

    def register(operator: Mutation) -> Mutation:
        if name in MUTATIONS:
            raise GenomeError(f"mutation: expected a new name, got {name} again; choose another")
        MUTATIONS[name] = operator
        return operator

    return register


@one_thread()
def mutate(name: str, genome: Genome, rank_range: TraitRange, rng: np.random.Generator) -> Genome:
    """The genome after one mutation; unchanged if the operator would take the rank out of `rank_range`, or the weights
    beyond what float32 holds: a child of those could do nothing.

    Raises:
        GenomeError: no operator has that name, the weights are not finite, or the result breaks the rank
        invariant.
    """
    if name not in MUTATIONS:
        raise GenomeError(f"mutation: expected one of {', '.join(sorted(MUTATIONS))}, got {name}")
    if not genome.is_finite():
        raise GenomeError("mutation: expected finite weights, got a parent with NaN or infinity")
    try:
        child = MUTATIONS[name](genome, rng).validated()
    except torch.linalg.LinAlgError:  # type: ignore[attr-defined]  # what it decomposes overflowed on the way
        return genome
    changed = child.traits.rank != genome.traits.rank
    is_out = changed and not rank_range.low <= child.traits.rank <= rank_range.high
    return genome if is_out or not child.is_finite() else child
