"""How an organism chooses niches, and what it remembers of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evolora.organism.organism import Organism

LONGEST_PRACTICE = 40  # tasks that an organism's longer memory of a niche averages over


@dataclass(frozen=True)
class Forager:
    """Chooses niches from what an organism inherited, what it learnt and how full they are, with a weight for each; or,
    where `even`, deals every organism all niches in turn, in an order of chance."""

    preference_weight: float
    profit_weight: float
    even: bool = False
    scent_weight: float = 0.0

    def choose(
        self,
        organism: Organism,
        niche_names: Sequence[str],
        visits: int,
        rng: np.random.Generator,
        fullness: Sequence[float] | None = None,
    ) -> list[str]:
        """The niches of `visits` visits, drawn with replacement from `probabilities`; each as often as any if even."""
        if self.even:
            rounds = [rng.permutation(len(niche_names)) for _ in range(-(-visits // len(niche_names)))]
            return [niche_names[int(index)] for index in np.concatenate(rounds)[:visits]]
        chosen = rng.choice(len(niche_names), size=visits, p=self.probabilities(organism, niche_names, fullness))
        return [niche_names[index] for index in chosen]

    def probabilities(
        self, organism: Organism, niche_names: Sequence[str], fullness: Sequence[float] | None = None
    ) -> NDArray[np.float64]:
        """Softmax of preference_weight · heritable log-weight + profit_weight · learnt profit + scent_weight ·
        `fullness`, `(niches,)`; fullness is stock / capacity, in [0, 1], 0 where it is not given.

        Learnt profit is divided by its largest absolute value, so it lies in [-1, 1] whatever the prices; a
        niche never visited counts 0, better than a known loss and worse than a known gain.
        """
        preferences = organism.genome.traits.niche_preferences
        inherited = np.array([preferences.get(name, 0.0) for name in niche_names])
        learnt = np.array([organism.profit.get(name, 0.0) for name in niche_names])
        largest = float(np.abs(learnt).max())
        if largest > 0:
            learnt = learnt / largest
        attraction = self.preference_weight * inherited + self.profit_weight * learnt
        if fullness is not None:
            attraction = attraction + self.scent_weight * np.asarray(fullness)
        weights = np.exp(attraction - attraction.max())
        return np.asarray(weights / weights.sum(), dtype=np.float64)


def remember(organism: Organism, niche: str, profit_per_answer: float, mean_score: float, smoothing: float) -> None:
    """Update an organism's memory of a niche: `profit_per_answer` in net energy, `mean_score` in [0, 1].

    `smoothing` in (0, 1] is the weight of the new observation; a first visit is taken as it is.
    """
    for memory, seen in ((organism.profit, profit_per_answer), (organism.competence, mean_score)):
        before = memory.get(niche, seen)
        memory[niche] = before + smoothing * (seen - before)
    tasks, mean = organism.practice.get(niche, (0, 0.0))
    tasks = min(tasks + 1, LONGEST_PRACTICE)
    organism.practice[niche] = (tasks, mean + (mean_score - mean) / tasks)
