"""What an analysis finds: tables, and claims that hold or do not, each with its interval, p and n."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["yes", "no", "undecided"]
Entry = str | float | int | None


@dataclass(frozen=True)
class Claim:
    """A sentence, whether it holds, and the numbers that say so.

    `estimate` with its 95 % `interval` is the quantity named in `quantity`; `p` is one-sided in the claim's direction
    unless `quantity` says otherwise; `n` counts replicates (seeds). What was not computed is None. `rests_on` names
    what it is a mean of (families of tasks), where that depends on the data.
    """

    text: str
    holds: Verdict
    quantity: str
    estimate: float | None
    interval: tuple[float, float] | None = None
    p: float | None = None
    n: int = 0
    note: str = ""
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """`head` names the columns; the first entry of a row names the row. None is shown as a dash."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class Findings:
    """All that an analysis has to say."""

    claims: Sequence[Claim] = ()
    tables: Sequence[Table] = ()

    def to_json(self) -> Mapping[str, Any]:
        """Plain values, as findings.json has them."""
        return {"claims": [asdict(claim) for claim in self.claims], "tables": [asdict(table) for table in self.tables]}


def verdict(interval: tuple[float, float] | None, least: float | None = None, most: float | None = None) -> Verdict:
    """yes: the interval lies wholly in (`least`, `most`); no: wholly outside it; undecided: across a border.

    None: no border on that side; no interval is undecided.
    """
    if interval is None:
        return "undecided"
    low, high = interval
    if (least is not None and high <= least) or (most is not None and low >= most):
        return "no"
    if (least is None or low > least) and (most is None or high < most):
        return "yes"
    return "undecided"


def shown(entry: Entry) -> str:
    """An entry as tables show it: whole numbers whole, others with three significant digits, small ones in full."""
    if entry is None:
        return "–"
    if isinstance(entry, str):
        return entry
    if isinstance(entry, int):
        return f"{entry:,}"
    if abs(entry) < 1e-12:  # rounding errors of a difference that is none
        return "0.000"
    return f"{entry:.3f}" if 0.001 <= abs(entry) < 100 else f"{entry:.3g}"


def shown_interval(interval: tuple[float, float] | None) -> str:
    """`[low, high]`, or a dash."""
    return "–" if interval is None else f"[{shown(interval[0])}, {shown(interval[1])}]"
