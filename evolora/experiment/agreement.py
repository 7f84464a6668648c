"""The same experiment with other seeds: whether its claims come out again."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolora.errors import RunFolderError
from evolora.experiment.findings import Claim, Entry, Table, shown, shown_interval
from evolora.experiment.report import FINDINGS
from evolora.experiment.seeds import seed_words
from evolora.portfolio.statistics import LEVEL

Interval = tuple[float, float]


@dataclass(frozen=True)
class Found:
    """What one run of an experiment found: its claims by their sentences, in order. `design` is of its arms, `code` of
    what made its cells (empty: not known); `missing` cells are not finished."""

    folder: Path
    experiment: str
    quick: bool
    seeds: tuple[int, ...]
    claims: Mapping[str, Claim]
    design: str
    code: frozenset[str]
    missing: int


def read_findings(folder: Path) -> Found:
    """The findings in an experiment's folder.

    Raises:
        RunFolderError: there are none, or none that this version wrote.
    """
    path = folder / FINDINGS
    try:
        kept: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(
            f"{path}: expected the findings of an experiment, got {_reason(error)}; name the folder its run printed"
        ) from error
    try:
        claims = [_claim(one) for one in kept["claims"]]
        seeds = tuple(int(seed) for seed in kept["seeds"])
        if not seeds:
            raise ValueError("no seeds")
        return Found(
            folder,
            str(kept["experiment"]),
            bool(kept["quick"]),
            seeds,
            {claim.text: claim for claim in claims},
            str(kept.get("design", "")),
            frozenset(str(one) for one in kept.get("code", [""])),
            int(kept["cells"]) - int(kept["finished"]),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise RunFolderError(
            f"{path}: expected the findings of an experiment, got something else ({error}); write them anew with report"
        ) from error


def agreement_table(first: Found, second: Found) -> Table:
    """A row for every claim that both have: both estimates, their difference with its interval, and whether it agrees.

    Raises:
        RunFolderError: not the same experiment, or seeds that both have.
    """
    if (one := _name(first)) != (other := _name(second)):
        raise RunFolderError(f"{second.folder}: expected the experiment that is in {first.folder}, {one}, got {other}")
    if common := sorted(set(first.seeds) & set(second.seeds)):
        raise RunFolderError(
            f"{second.folder}: expected other seeds than in {first.folder}, got {', '.join(map(str, common))} in both"
        )
    rows = [_row(claim, second.claims[text]) for text, claim in first.claims.items() if text in second.claims]
    alone = len(first.claims) + len(second.claims) - 2 * len(rows)
    head = ("claim", *map(_seed_head, (first, second)), "second less first", "inside the first's interval", "agree")
    return Table(f"{first.experiment}, twice", head, tuple(rows), _note(first, second, alone))


def difference(first: Claim, second: Claim) -> tuple[float, Interval | None] | None:
    """The second estimate less the first, with Welch's 95 % interval; None where an estimate is missing.

    Standard errors are what the claims' own intervals say: half their width over Student's t with n - 1 degrees of
    freedom. Degrees of freedom are Satterthwaite's (1946). No interval where a claim has none, or a single seed.
    """
    if first.estimate is None or second.estimate is None:
        return None
    gap = second.estimate - first.estimate
    if first.interval is None or second.interval is None or min(first.n, second.n) < 2:
        return gap, None
    from scipy.stats import t

    tail = (1 + LEVEL) / 2
    parts = [
        (((claim.interval[1] - claim.interval[0]) / 2 / t(claim.n - 1).ppf(tail)) ** 2, claim.n - 1)
        for claim in (first, second)
        if claim.interval is not None
    ]
    squared = sum(square for square, _ in parts)
    if squared == 0:
        return gap, (gap, gap)
    freedom = squared**2 / sum(square**2 / degrees for square, degrees in parts)
    reach = float(t(freedom).ppf(tail)) * math.sqrt(squared)
    return gap, (gap - reach, gap + reach)


def _name(found: Found) -> str:
    return f"{found.experiment} --quick" if found.quick else found.experiment


def _row(first: Claim, second: Claim) -> tuple[Entry, ...]:
    found = difference(first, second)
    gap, interval = (None, None) if found is None else found
    agrees: Entry = None if interval is None else "yes" if interval[0] <= 0 <= interval[1] else "no"
    if first.rests_on and second.rests_on and first.rests_on != second.rests_on:
        agrees = "other families"
    inside: Entry = None
    if first.interval is not None and second.estimate is not None:
        inside = "yes" if first.interval[0] <= second.estimate <= first.interval[1] else "no"
    return (first.text, _said(first), _said(second), f"{shown(gap)} {shown_interval(interval)}", inside, agrees)


def _note(first: Found, second: Found, alone: int) -> str:
    said = ["Agree: the difference's 95 % interval (Welch) includes 0; other families: they are not about the same."]
    seeds = [max((claim.n for claim in found.claims.values()), default=0) for found in (first, second)]
    if min(seeds) > 1:
        said.append(f"Where both see the same truth {chance_inside(*seeds):.0%} lie inside the first's interval.")
    if alone:
        said.append(f"{alone} claims are in one of the two only.")
    for found in (first, second):
        if found.missing:
            said.append(f"{found.missing} cells of {_seed_head(found)} are not finished.")
    for what, one, other in (("design", {first.design}, {second.design}), ("code", first.code, second.code)):
        if "" in one | other:
            said.append(f"Whether both had the same {what} is not known.")
        elif one != other:
            said.append(f"The two did not have the same {what}: " + _OTHERWISE[what])
    return " ".join(said)


_OTHERWISE = {
    "design": "worlds, params or arms of the file were changed in between.",
    "code": "their cells were made by different versions of Evolora.",
}


def chance_inside(first: int, second: int) -> float:
    """Chance that the mean of `second` normal replicates lies inside the 95 % t interval of `first` others: what is
    between the means, in the first's standard errors, is Student's t times sqrt(1 + first / second)."""
    from scipy.stats import t

    between = t(first - 1)
    return float(1 - 2 * between.sf(between.ppf((1 + LEVEL) / 2) / math.sqrt(1 + first / second)))


def _said(claim: Claim) -> str:
    return f"{shown(claim.estimate)} {shown_interval(claim.interval)} {claim.holds}"


def _seed_head(found: Found) -> str:
    return f"seeds {seed_words(found.seeds)}"


def _claim(kept: Mapping[str, Any]) -> Claim:
    """A claim as findings.json has it. Raises `LookupError`, `TypeError` or `ValueError` where it is none."""
    low_high = kept["interval"]
    if low_high is not None:
        low, high = low_high
        low_high = (float(low), float(high))
    numbers = {key: None if kept[key] is None else float(kept[key]) for key in ("estimate", "p")}
    rest = {"interval": low_high, "n": int(kept["n"]), "rests_on": tuple(kept.get("rests_on", ()))}
    return Claim(**{**kept, **numbers, **rest})


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else "no JSON"
