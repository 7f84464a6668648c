"""Is there selection: variance in fitness, what it does to a trait (Price), and how much drift it stands against."""

from dataclasses import dataclass

import numpy as np

from evolora.record.measures import Floats


def opportunity_for_selection(fitness: Floats) -> float | None:
    """I = Var(w) / mean(w)², the largest rate at which selection can change anything; `fitness` w (organisms,).

    Variances over the whole population (ddof 0). None where nobody left anything.
    Source: Crow 1958, Hum Biol 30:1-13.
    """
    mean = float(fitness.mean()) if len(fitness) else 0.0
    return float(fitness.var()) / mean**2 if mean > 0 else None


def effective_size(offspring: Floats) -> float | None:
    """Variance effective population size, haploid: (N k̄ - 1) / (Var(k)/k̄ + k̄ - 1), in organisms, for one step.

    `offspring` k (organisms,) counts what each organism has in the next census, itself included where it survives.
    With constant N it is (N - 1) / Var(k), Var with ddof 0: about N where k is Poisson. None where the denominator is
    not above 0 (all leave the same) or nobody left anything.
    Source: Crow & Kimura 1970, An Introduction to Population Genetics Theory, 7.6; Kimura & Crow 1963.
    """
    mean = float(offspring.mean()) if len(offspring) else 0.0
    if mean <= 0:
        return None
    denominator = float(offspring.var()) / mean + mean - 1
    numerator = len(offspring) * mean - 1
    return numerator / denominator if denominator > 1e-12 and numerator > 0 else None


@dataclass(frozen=True)
class PriceTerms:
    """Change of a trait's mean in the trait's unit: `change` = `selection` + `transmission` up to rounding."""

    selection: float
    transmission: float
    change: float


def price_terms(values: Floats, fitness: Floats, offspring_values: Floats) -> PriceTerms | None:
    """Price's equation, Δz̄ = Cov(w, z)/w̄ + E[w Δz]/w̄: selection and transmission, which sum exactly to the change.

    All (organisms,): `values` z of the parents' census, `fitness` w what each left in the next census, and
    `offspring_values` the mean z of what it left (itself, if it lives on, as it is then); where w = 0 they are not
    looked at. The change is from the mean of the first census to that of the next census's descendants of it.
    None where nobody left anything. Source: Price 1970, Nature 227:520-521.
    """
    total = float(fitness.sum())
    if total <= 0:
        return None
    weights = fitness / total
    left = np.where(fitness > 0, offspring_values, 0.0)
    changes = np.where(fitness > 0, offspring_values - values, 0.0)
    mean = float(values.mean())
    return PriceTerms(float(weights @ (values - mean)), float(weights @ changes), float(weights @ left) - mean)
