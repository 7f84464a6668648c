"""One adapter out of many: a weighted sum of deltas, all alike (a soup) or by weights searched for (LoRAHub)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from evolora.organism.genome import Factors, Genome
from evolora.routing.exam import Numbers


def weighted_sum(genomes: Sequence[Genome], weights: Sequence[float]) -> Genome:
    """The genome whose delta is exactly the weighted sum of the others': factors side by side, ranks added up.

    Traits are the first genome's. A site that a genome lacks adds zero there.
    """
    factors: dict[str, Factors] = {}
    whole = sum(genome.traits.rank for genome in genomes)
    for site in sorted({site for genome in genomes for site in genome.factors}):
        own = [
            (genome.factors[site], weight)
            for genome, weight in zip(genomes, weights, strict=True)
            if site in genome.factors
        ]
        a = torch.cat([f.a for f, _ in own])
        b = torch.cat([f.b * weight for f, weight in own], dim=1)
        missing = whole - a.shape[0]
        factors[site] = Factors(
            torch.cat([a, torch.zeros(missing, a.shape[1])]), torch.cat([b, torch.zeros(b.shape[0], missing)], dim=1)
        )
    return Genome(factors, replace(genomes[0].traits, rank=whole), genomes[0].scaling).validated()


def soup(genomes: Sequence[Genome]) -> Genome:
    """The mean delta of all (model soups: Wortsman et al. 2022)."""
    return weighted_sum(genomes, [1 / len(genomes)] * len(genomes))


def search_weights(
    num: int, worth: Callable[[Sequence[Numbers]], list[float]], rounds: int, brood: int, rng: np.random.Generator
) -> Numbers:
    """Weights (num,) found without gradients, as LoRAHub does (Huang et al. 2023): a (1, brood) evolution strategy.

    `worth` scores several weightings at once; the bounds of 1.5 either way are LoRAHub's. Its optimiser
    (nevergrad, from weights of 0), its loss and its penalty of large weights are not: the start is at equal shares, and
    every round tries `brood` normal steps from the best so far, whose size is halved where none was better. The last
    best is returned.
    """
    best = np.full(num, 1 / num)
    size = 0.5
    for _ in range(rounds):
        tried = [np.clip(best + size * rng.standard_normal(num), -1.5, 1.5) for _ in range(brood)]
        most, *values = worth([best, *tried])  # asked again: the questions may be others
        place = int(np.argmax(values))
        if values[place] > most:
            best = tried[place]
        else:
            size /= 2
    return best
