"""`exclusion`: does one limiting niche leave one lineage, and fewer than drift would?

Arms: `one`, a single niche; `drift`, the same world with neutral selection. Series: lineage_hill_1.
"""

import math

import numpy as np

from evolora.experiment.claims import arms_table, below, exact_books, with_interval, within
from evolora.experiment.findings import Findings, Table
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results

HILL = "chance.lineage_hill_1"  # after the last generation's deaths and births, as that of its shadows
NEAR_ONE = 1.5  # effective lineages: of two, one has more than 86 %


@analysis("exclusion")
def exclusion(results: Results) -> Findings:
    """Effective lineages (Hill number of order 1) at the end, against shadows with the same births and deaths."""
    own = results.values("one", HILL)
    claims = [
        within("One limiting niche leaves one lineage", f"effective lineages, at most {NEAR_ONE}", own, NEAR_ONE),
        below(
            "It leaves fewer lineages than chance does with the same births and deaths",
            "effective lineages less the mean of 20 neutral shadows",
            own - results.values("one", "chance.shadow_lineage_hill_1"),
        ),
        below(
            "It leaves fewer lineages than a neutral world of the same size",
            "effective lineages less the neutral world's",
            results.difference("one", "drift", HILL),
        ),
        exact_books(results),
    ]
    table = arms_table(
        "Last generation",
        results,
        [
            ("effective lineages", HILL),
            ("of its neutral shadows", "chance.shadow_lineage_hill_1"),
            ("mean score, first generation", "first.mean_score"),
            ("mean score, last generations", "tail.mean_score"),
            ("births of clones a generation", "mean.births.clone"),
            ("deaths by insolvency a generation", "mean.deaths.insolvency"),
            ("organisms alive", "last.num_living"),
        ],
    )
    return Findings(claims, [table, history_table(results, "lineage_hill_1", "Effective lineages over time")])


def history_table(results: Results, name: str, title: str, parts: int = 8) -> Table:
    """A number of `series` at evenly spaced generations, mean over seeds with intervals, an arm a column."""
    series = {
        (arm, seed): one
        for arm in results.arms
        for seed in results.seeds
        if isinstance(one := results.value(arm, seed, f"series.{name}"), list)
    }
    longest = max((len(one) for one in series.values()), default=0)
    places = sorted({round(place) for place in np.linspace(0, longest - 1, min(parts, longest))}) if longest else []
    rows = []
    for place in places:
        columns = []
        for arm in results.arms:
            own = [series.get((arm, seed), []) for seed in results.seeds]
            found = [one[place] if place < len(one) else None for one in own]
            columns.append(with_interval([math.nan if v is None else float(str(v)) for v in found]))
        rows.append((f"generation {place + 1}", *columns))
    return Table(title, ("", *results.arms), tuple(rows))
