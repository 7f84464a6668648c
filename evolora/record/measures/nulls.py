"""Is it more than chance: tables shuffled with their row and column sums kept, and where the real one stands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from evolora.record.measures import Floats

Counts = NDArray[np.int64]


def shuffle_tables(table: Counts, num: int, rng: np.random.Generator) -> Counts:
    """`num` random tables with the row and column sums of `table`; shapes (types, niches) -> (num, types, niches).

    Every counted thing keeps its type and is dealt a niche out of the same pack of niches, which samples the tables
    with fixed sums exactly as Patefield's algorithm does (the multiple hypergeometric distribution).
    Source: Boyett 1979, Applied Statistics 28:329-332 (AS 144); Patefield 1981, Applied Statistics 30:91-97 (AS 159).
    """
    types, niches = table.shape
    rows = np.repeat(np.arange(types), table.sum(axis=1))
    columns = np.repeat(np.arange(niches), table.sum(axis=0))
    dealt = rng.permuted(np.broadcast_to(columns, (num, len(columns))), axis=1)
    cells = (np.arange(num)[:, None] * types + rows) * niches + dealt
    return np.bincount(cells.ravel(), minlength=num * types * niches).reshape(num, types, niches)


@dataclass(frozen=True)
class NullComparison:
    """A measure against the shuffled tables: its value, their mean, z = (value - mean) / their standard deviation,
    and the one-sided p = (1 + shuffles at least as extreme) / (1 + shuffles). `z` None: the shuffles do not vary."""

    value: float
    null_mean: float
    z: float | None
    p: float


def compare_with_null(
    measure: Callable[[Floats], float | None],
    table: Counts,
    shuffles: Counts,
    extreme: Literal["high", "low"],
) -> NullComparison | None:
    """Where `measure` of a table (types, niches) stands among those of its `shuffles` (num, types, niches).

    None where the measure is undefined for the table or for a shuffle of it.
    Source of p: North, Curtis & Sham 2002, Am J Hum Genet 71:439-441.
    """
    value = measure(table.astype(np.float64))
    drawn = [measure(shuffle.astype(np.float64)) for shuffle in shuffles]
    null = np.array([one for one in drawn if one is not None])
    if value is None or len(null) < len(drawn) or len(null) == 0:
        return None
    return stand(value, null, extreme)


def stand(value: float, null: Floats, extreme: Literal["high", "low"]) -> NullComparison:
    """Where `value` stands among null values (num,). Values equal up to rounding count as equal."""
    tolerance = 1e-9 * max(1.0, abs(value))
    as_extreme = null >= value - tolerance if extreme == "high" else null <= value + tolerance
    spread = float(null.std(ddof=1)) if len(null) > 1 else 0.0
    mean = float(null.mean())
    z = (value - mean) / spread if spread > tolerance else None
    return NullComparison(value, mean, z, (1 + int(as_extreme.sum())) / (1 + len(null)))
