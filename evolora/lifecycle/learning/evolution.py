"""Evolution strategies: an organism tries its generation again with noise on its weights, and goes where it pays."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from evolora.environment.encounter import Outcome
from evolora.lifecycle.learning.method import Trial, Tried
from evolora.organism.learning import Comparison
from evolora.organism.perturbation import Noise
from evolora.rng import key64


@dataclass(frozen=True)
class Evolution:
    """`pairs` antithetic perturbations of standard deviation `scale` (in the unit of the weights).

    Every perturbed self meets the encounters that were lived, with the same sampling keys: common random numbers, so
    that scores differ by the noise alone. Needs no backward pass and no optimizer state.
    """

    pairs: int
    scale: float

    def trials(self, lived: Sequence[Outcome], key: int) -> list[Trial]:
        return [
            Trial(Noise(key64(key, "pair", pair), sign * self.scale), outcome.encounter)
            for pair in range(self.pairs)
            for sign in (1.0, -1.0)
            for outcome in lived
        ]

    def lessons(self, lived: Sequence[Outcome], tried: Sequence[Tried]) -> list[Comparison]:
        scores: defaultdict[Noise, list[float]] = defaultdict(list)
        for trial in tried:
            scores[trial.noise].append(trial.outcome.mean_score)
        means = {noise: sum(values) / len(values) for noise, values in scores.items()}
        keys = tuple(noise.key for noise in means if noise.scale > 0)
        gains = tuple(means[Noise(key, self.scale)] - means[Noise(key, -self.scale)] for key in keys)
        if not any(gains):
            return []
        organism = lived[0].encounter.organism_id
        return [Comparison(organism, keys, gains, self.scale, sum(means.values()) / len(means))]
