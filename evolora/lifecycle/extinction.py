"""Mass extinctions: who dies when the world itself strikes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evolora.calendar import recurs
from evolora.organism.organism import Organism

Target = Literal["random", "poorest", "richest", "clade", "niche"]


@dataclass(frozen=True)
class Extinction:
    """At generation `at`, and every `every` generations from then on, a `share` in [0, 1] of the living dies.

    `by` says who: chance; the poorest or richest; whole founder lineages (clades) in random order, the last of them
    only as far as the share goes; or, by niche, that share of those at home in `niche`.
    """

    at: int
    share: float
    by: Target
    every: int | None = None
    niche: str = ""

    def strikes(self, generation: int) -> bool:
        """Whether it happens in `generation`."""
        return recurs(generation, self.at, self.every)

    def find_victims(
        self,
        organisms: Iterable[Organism],
        energies: Mapping[int, int],
        homes: Mapping[int, str],
        rng: np.random.Generator,
    ) -> list[int]:
        """Ids of those who die, in id order: the share, to the nearest whole organism.

        `energies` in units and `homes` (the niche an organism spent its generation in) are by organism id.
        """
        living = sorted(organisms, key=lambda organism: organism.id)
        if self.by == "niche":
            living = [organism for organism in living if homes.get(organism.id) == self.niche]
        shuffled = [living[int(place)] for place in rng.permutation(len(living))]
        if self.by == "clade":
            shuffled = _by_clade(shuffled)
        elif self.by in ("poorest", "richest"):
            sign = 1 if self.by == "poorest" else -1
            shuffled.sort(key=lambda organism: sign * energies[organism.id])  # stable: chance decides among equals
        return sorted(organism.id for organism in shuffled[: int(self.share * len(living) + 0.5)])


def _by_clade(shuffled: list[Organism]) -> list[Organism]:
    """The same organisms, lineage after lineage in order of first appearance."""
    clades: defaultdict[int, list[Organism]] = defaultdict(list)
    for organism in shuffled:
        clades[organism.lineage].append(organism)
    return [organism for clade in clades.values() for organism in clade]
