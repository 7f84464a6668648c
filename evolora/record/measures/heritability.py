"""Do children resemble their parents: the slope of offspring on parents."""

from dataclasses import dataclass

import numpy as np

from evolora.record.measures import Floats


@dataclass(frozen=True)
class Regression:
    """A least-squares slope with its standard error (None where two points leave none) and the number of points."""

    slope: float
    standard_error: float | None
    num_pairs: int


def parent_offspring_slope(parents: Floats, offspring: Floats) -> Regression | None:
    """Regression of a trait in children on the mean of it in their parents, both (pairs,): heritability of the trait.

    In a clone the slope is the broad sense's H², with two parents the narrow sense's h²; noise in measuring parents
    pulls it toward 0. Give deviations from the mean of their time, or a trend of the whole population counts as
    heredity. None with fewer than three pairs, or where the parents do not differ.
    Source: Falconer & Mackay 1996, Introduction to Quantitative Genetics, chapter 10.
    """
    num = len(parents)
    if num < 3:
        return None
    spread = parents - parents.mean()
    sum_squares = float(spread @ spread)
    if sum_squares <= 1e-12 * max(1.0, float(np.abs(parents).max()) ** 2):
        return None
    slope = float(spread @ offspring) / sum_squares
    residuals = offspring - offspring.mean() - slope * spread
    return Regression(slope, float(np.sqrt(residuals @ residuals / (num - 2) / sum_squares)), num)
