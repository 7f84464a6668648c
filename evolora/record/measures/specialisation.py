"""Who lives where: breadth of single organisms and partitioning of the whole table of types and niches."""

from dataclasses import dataclass

import numpy as np

from evolora.record.measures import Floats
from evolora.record.measures.diversity import entropy

FEWEST_POINTS = 4.0  # summed score below which an organism's breadth says more of chance than of it
SPECIALIST_BELOW = 0.25  # standardised breadth
GENERALIST_ABOVE = 0.5


def levins_breadth(table: Floats) -> Floats:
    """Niches an organism effectively uses, B_i = 1 / Σ_j p_ij², in [1, niches]; NaN for rows without any amount.

    `table` (organisms, niches) of amounts, 0 or more; returns (organisms,).
    Source: Levins 1968, Evolution in Changing Environments.
    """
    totals = table.sum(axis=1)
    safe = np.where(totals > 0, totals, np.nan)
    breadth: Floats = safe**2 / (table**2).sum(axis=1).clip(min=np.finfo(float).tiny)
    return breadth


def standardised_breadth(table: Floats) -> Floats:
    """(B - 1) / (niches - 1) in [0, 1], shape (organisms,); NaN for empty rows and where there is only one niche.

    Source: Hurlbert 1978, Ecology 59:67-77.
    """
    niches = table.shape[1]
    if niches < 2:
        return np.full(len(table), np.nan)
    standardised: Floats = (levins_breadth(table) - 1) / (niches - 1)
    return standardised


@dataclass(frozen=True)
class Callings:
    """Shares in [0, 1] of the classified organisms; `num_classified` counts them."""

    specialists: float
    generalists: float
    num_classified: int


def count_callings(table: Floats) -> Callings | None:
    """Specialists have a standardised breadth up to 0.25, generalists from 0.5 on, the others are neither.

    `table` (organisms, niches) of summed scores. Only organisms with a summed score of at least 4 are classified: one
    right answer is always in one niche. None where nobody can be.
    """
    enough = table.sum(axis=1) >= FEWEST_POINTS
    breadth = standardised_breadth(table[enough])
    if len(breadth) == 0 or bool(np.isnan(breadth).any()):
        return None
    return Callings(
        float((breadth <= SPECIALIST_BELOW).mean()), float((breadth >= GENERALIST_ABOVE).mean()), len(breadth)
    )


def d_prime(table: Floats) -> Floats:
    """How far each organism's use of niches departs from what is used at large, d'_i in [0, 1], shape (organisms,).

    d_i = Σ_j p_ij ln(p_ij / q_j) over its maximum ln(m / A_i): `table` (organisms, niches) sums to m, row i to A_i,
    column shares are q. The smallest d_i is taken as 0, as for amounts that can be split at will (whole counts could
    not always reach it). NaN for empty rows, and where one organism has everything.
    Source: Blüthgen, Menzel & Blüthgen 2006, BMC Ecology 6:9.
    """
    total, rows = float(table.sum()), table.sum(axis=1)
    result = np.full(len(table), np.nan)
    able = (rows > 0) & (rows < total)
    shares = table[able] / rows[able, None]  # (organisms, niches)
    supply = np.broadcast_to(table.sum(axis=0) / total if total > 0 else 1.0, shares.shape)
    ratio = np.divide(shares, supply, out=np.ones_like(shares), where=shares > 0)
    departure = (shares * np.log(ratio)).sum(axis=1)
    result[able] = np.clip(departure / np.log(total / rows[able]), 0.0, 1.0)
    return result


def h2_prime(table: Floats, bounds: tuple[float, float] | None = None) -> float | None:
    """Specialisation of a whole table, H2' = (H2max - H2) / (H2max - H2min), in [0, 1]: 1 is perfect partitioning.

    `table` (types, niches) of amounts; H2 is the entropy of all its cells. `bounds` are those of its row and column
    sums where they are known already (shuffles share them). None where the sums leave no choice: an empty table, a
    single type or a single niche. Source: Blüthgen, Menzel & Blüthgen 2006, BMC Ecology 6:9.
    """
    lowest, highest = bounds or h2_bounds(table.sum(axis=1), table.sum(axis=0))
    if highest - lowest <= 1e-9:
        return None
    return min(1.0, max(0.0, (highest - entropy(table)) / (highest - lowest)))


def h2_bounds(rows: Floats, columns: Floats) -> tuple[float, float]:
    """(H2min, H2max) in nats of tables with these row sums (types,) and column sums (niches,).

    H2max is the entropy of independent rows and columns. H2min is that of the packing which puts the largest row
    into the largest column again and again, an upper bound of the true minimum.
    """
    return entropy(pack_greedily(rows, columns)), entropy(rows) + entropy(columns)


def pack_greedily(rows: Floats, columns: Floats) -> Floats:
    """Cell amounts (cells,) of a table with these row and column sums and about as little entropy as they allow."""
    rows, columns = rows.astype(np.float64), columns.astype(np.float64)
    smallest = 1e-12 * float(rows.sum())
    cells: list[float] = []
    while rows.size and columns.size and len(cells) < len(rows) + len(columns):  # a step uses up a row or a column
        row, column = int(rows.argmax()), int(columns.argmax())
        amount = min(rows[row], columns[column])
        if amount <= smallest:
            break
        rows[row] -= amount
        columns[column] -= amount
        cells.append(amount)
    return np.array(cells)
