"""Claims about replicates: a quantity a seed becomes a sentence that holds, does not, or is undecided."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from evolora.experiment.findings import Claim, Entry, Table, Verdict, shown, shown_interval, verdict
from evolora.experiment.results import Results
from evolora.experiment.statistics import Estimate, estimate, share_interval
from evolora.portfolio.statistics import holm

ALPHA = 0.01  # what p has to be below where a claim rests on a test


def above(text: str, quantity: str, values: ArrayLike, border: float = 0.0, note: str = "") -> Claim:
    """A mean that is above `border`: its whole 95 % interval is, and the one-sided sign-flip p is below 0.01."""
    found = estimate(values, border, "greater")
    return _tested(text, quantity, found, verdict(found.interval, least=border) == "yes", border, note)


def below(text: str, quantity: str, values: ArrayLike, border: float = 0.0, note: str = "") -> Claim:
    """A mean that is below `border`: its whole 95 % interval is, and the one-sided sign-flip p is below 0.01."""
    found = estimate(values, border, "less")
    return _tested(text, quantity, found, verdict(found.interval, most=border) == "yes", border, note)


def about(text: str, quantity: str, values: ArrayLike, margin: float, note: str = "") -> Claim:
    """A mean that is about 0: its whole 95 % interval lies within ± `margin` (equivalence); p, of 0, is two-sided."""
    found = estimate(values, 0.0, "different")
    holds = verdict(found.interval, least=-margin, most=margin)
    said = f"about 0 is within ± {shown(margin)}"
    return _claim(text, quantity, found, holds, "; ".join(part for part in (said, note) if part))


def within(text: str, quantity: str, values: ArrayLike, most: float, note: str = "") -> Claim:
    """A mean whose 95 % interval lies below `most`; nothing is tested. Replicates that are all alike show no spread to
    make an interval of: they decide nothing (`seldom` is for what hardly ever happens)."""
    found = replace(estimate(values), p=None)
    if found.interval is not None and found.interval[0] == found.interval[1]:
        found = replace(found, interval=None)
        note = "; ".join(part for part in (note, f"all {found.n} replicates alike") if part)
    return _claim(text, quantity, found, verdict(found.interval, most=most), note)


def seldom(text: str, quantity: str, happened: ArrayLike, most: float, note: str = "") -> Claim:
    """Something that happens in a share of replicates below `most`: the whole exact 95 % interval (Clopper & Pearson
    1934) is. `happened` (replicates,) is 1 or 0, NaN where there is no saying. Of n where it never happened the
    interval ends at 1 - .025^(1/n): 36 replicates are needed for a tenth."""
    given = np.asarray(happened, dtype=np.float64)
    known = given[~np.isnan(given)]
    found = Estimate(math.nan, None, None, 0)
    if known.size:
        found = Estimate(float(known.mean()), share_interval(int(known.sum()), known.size), None, known.size)
    return _claim(text, quantity, found, verdict(found.interval, most=most), note)


def exact_books(results: Results) -> Claim:
    """Whether energy was conserved to the unit, in every generation of every finished cell."""
    closed = sum(float(np.nansum(results.values(arm, "books.generations"))) for arm in results.arms)
    inexact = sum(float(np.nansum(results.values(arm, "books.inexact"))) for arm in results.arms)
    counted = sum(int((~np.isnan(results.values(arm, "books.generations"))).sum()) for arm in results.arms)
    uncounted = len(results.finished) - counted
    holds: Verdict = "undecided" if uncounted or not closed else "no" if inexact else "yes"
    without = f", {uncounted} without books" if uncounted else ""
    note = f"{shown(int(closed))} generations in {counted} cells{without}"
    return Claim(
        "Energy is conserved exactly in every generation",
        holds,
        "generations with a residual",
        inexact,
        n=len(results.seeds),
        note=note,
    )


def corrected(claims: Sequence[Claim]) -> list[Claim]:
    """Claims that are one family: p corrected by Holm's method, and those no longer below 0.01 undecided."""
    ps = holm([1.0 if claim.p is None else claim.p for claim in claims])
    return [
        replace(
            claim,
            p=None if claim.p is None else p,
            holds="undecided" if claim.holds == "yes" and p >= ALPHA else claim.holds,
            note="; ".join(part for part in (claim.note, f"p corrected for {len(claims)} (Holm)") if part),
        )
        for claim, p in zip(claims, ps, strict=True)
    ]


def with_interval(values: ArrayLike) -> Entry:
    """A mean with its interval, as tables show it."""
    found = estimate(values)
    return None if found.n == 0 else f"{shown(found.mean)} {shown_interval(found.interval)}"


def arms_table(title: str, results: Results, rows: Sequence[tuple[str, str]], note: str = "") -> Table:
    """Means over seeds with intervals of every (words, key), by arm; arms are rows where they are more."""
    counts = [sum((arm, seed) in results.finished for seed in results.seeds) for arm in results.arms]
    head = ("mean [95 % interval]", *results.arms)
    table: list[tuple[Entry, ...]] = [
        (words, *(with_interval(results.values(arm, key)) for arm in results.arms)) for words, key in rows
    ]
    table.append(("replicates", *counts))
    if len(results.arms) <= len(rows):
        return Table(title, head, tuple(table), note)
    turned = tuple(zip(head, *table, strict=True))
    return Table(title, tuple(str(name) for name in turned[0]), turned[1:], note)


def _tested(text: str, quantity: str, found: Estimate, clear: bool, border: float, note: str) -> Claim:
    holds: Verdict
    if found.interval is None or found.p is None:
        holds = "undecided"
    elif clear and found.p < ALPHA:
        holds = "yes"
    elif found.interval[0] <= border <= found.interval[1] or clear:
        holds = "undecided"
    else:
        holds = "no"
    few = f"with n = {found.n} p cannot be below {shown(2.0**-found.n)}" if 0 < found.n < 7 else ""
    return _claim(text, quantity, found, holds, "; ".join(part for part in (note, few) if part))


def _claim(text: str, quantity: str, found: Estimate, holds: Verdict, note: str) -> Claim:
    mean = None if found.n == 0 else found.mean
    return Claim(text, holds, quantity, mean, found.interval, found.p, found.n, note)
