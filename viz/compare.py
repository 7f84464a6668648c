"""Several runs in one plot: a line a run, over a shared axis of generations, named by what differs between them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from evolora.record.run_data import Row, RunData
from evolora.viz.exams import read_exam
from evolora.viz.naming import run_names
from evolora.viz.series import evenly, number, pick, table_of
from evolora.viz.style import ENERGY, GENERATION, colour, figure, text

DASHES = ("solid", "dash", "dot", "dashdot")  # runs can be told apart without colours too

Rows = Sequence[Row]


@dataclass(frozen=True)
class Curve:
    """A number that runs are compared by: `values` makes it out of `rows` of a run (of metrics, where nothing else is
    said), in generations' order."""

    key: str
    group: str
    title: str
    caption: str
    axis: str
    form: str
    values: Callable[[Rows], list[float]]
    rows: Callable[[RunData], Rows] = lambda run: run.metrics

    def available(self, run: RunData) -> bool:
        """Whether the run has the number in any generation."""
        return bool(np.isfinite(self.values(self.rows(run))).any())


def _of(*keys: str) -> Callable[[Rows], list[float]]:
    return lambda rows: pick(rows, *keys)


def _share_of_deaths(cause: str) -> Callable[[Rows], list[float]]:
    """Of all who died so far, the share that died of `cause`."""

    def values(rows: Rows) -> list[float]:
        tables = [table_of(row, "deaths") for row in rows]
        died = np.cumsum([sum(table.values()) for table in tables])
        of_cause = np.cumsum([table.get(cause, 0.0) for table in tables])
        return list(np.divide(of_cause, died, out=np.full(len(rows), np.nan), where=died > 0))

    return values


def _born(rows: Rows) -> list[float]:
    """How many were born so far, in every way."""
    return [float(born) for born in np.cumsum([sum(table_of(row, "births").values()) for row in rows])]


def _mean_energy(rows: Rows) -> list[float]:
    owned, living = pick(rows, "energy", "organisms"), [number(row.get("num_living")) for row in rows]
    return [own / alive if alive > 0 else float("nan") for own, alive in zip(owned, living, strict=True)]


def _exam_means(way: str) -> Callable[[Rows], list[float]]:
    """The mean score of a way of answering, exam by exam; NaN for an exam that is damaged."""
    return lambda rows: [exam.mean(way) if (exam := read_exam(row)) is not None else float("nan") for row in rows]


CURVES: tuple[Curve, ...] = (
    Curve(
        "mean-score",
        "Now",
        "How well they answer",
        "Each line is a run: do the worlds end up in the same place, and which gets there first?",
        "mean score of answers (0 to 1)",
        ".3f",
        _of("mean_score"),
    ),
    Curve(
        "living",
        "Now",
        "Organisms alive",
        "Each line is a run: which worlds fill up, which die out?",
        "alive (count)",
        ".0f",
        _of("num_living"),
    ),
    Curve(
        "mean-energy",
        "Population",
        "Energy of an organism",
        "What one organism owns on average: the lower, the harder the world.",
        ENERGY,
        ".2f",
        _mean_energy,
    ),
    Curve(
        "insolvent",
        "Population",
        "Deaths by insolvency",
        "The share of all deaths so far that struck those who could not pay: selection by energy, where it is high.",
        "share of all deaths so far (0 to 1)",
        ".1%",
        _share_of_deaths("insolvency"),
    ),
    Curve(
        "born",
        "Population",
        "Births so far",
        "The steeper the line, the faster generations of organisms follow each other.",
        "births since the start (count)",
        ",.0f",
        _born,
    ),
    Curve(
        "lineages",
        "Lineages",
        "Founding families left",
        "How many founders still have descendants: a line that falls faster is a world with fewer, larger winners.",
        "founding lineages alive (count)",
        ".0f",
        _of("num_lineages"),
    ),
    Curve(
        "phenotypes",
        "Ecology",
        "Kinds of organism",
        "Effective number of favourite niches: a line that stays high is a world with room for several ways to live.",
        "effective phenotypes (count)",
        ".2f",
        _of("ecology", "phenotype_hill_1"),
    ),
    Curve(
        "adapters",
        "Ecology",
        "Kinds of adapter",
        "Effective number of different sets of weights: 1 means that all are alike.",
        "effective adapters (count)",
        ".2f",
        _of("ecology", "adapter_hill_1"),
    ),
    Curve(
        "labour",
        "Ecology",
        "Division of labour beyond chance",
        "Above 2, organisms solve different tasks from each other more than shuffling explains.",
        "H2' of tasks solved, deviations above shuffled",
        "+.1f",
        _of("ecology", "tasks_h2_prime_z"),
    ),
    Curve(
        "novelty",
        "Ecology",
        "Success beyond drift",
        "Above zero, families persist longer than in a shadow population without merit.",
        "activity above drift (share)",
        "+.1%",
        _of("ecology", "activity_lineage_excess"),
    ),
    Curve(
        "heritability",
        "Ecology",
        "Heritability of the score",
        "Above zero, children take after their parents; without this, selection could change nothing.",
        "slope of child on parent",
        ".2f",
        _of("ecology", "heritability_score"),
    ),
    Curve(
        "coverage",
        "Ecology",
        "What each population can do together",
        "The share of tasks met that at least one organism solved.",
        "share of tasks (0 to 1)",
        ".3f",
        _of("ecology", "coverage_all"),
    ),
    Curve(
        "gini",
        "Population",
        "Inequality",
        "0 means that all own the same energy, 1 that one owns everything.",
        "Gini coefficient (0 to 1)",
        ".2f",
        _of("ecology", "energy_gini"),
    ),
    Curve(
        "exam-routed",
        "Portfolio",
        "Exams: a team with a router",
        "Fresh questions, answered by a team of organisms and a router: which world breeds the more able team?",
        "mean score on held-out tasks (0 to 1)",
        ".3f",
        _exam_means("routed"),
        lambda run: run.exams,
    ),
    Curve(
        "exam-best",
        "Portfolio",
        "Exams: the best organism alone",
        "The same questions, answered by the best of each world: the gap to its team is what several know together.",
        "mean score on held-out tasks (0 to 1)",
        ".3f",
        _exam_means("best"),
        lambda run: run.exams,
    ),
)
CURVE_BY_KEY = {curve.key: curve for curve in CURVES}


def over_each_other(
    runs: Sequence[RunData], curve: str, *, generation: int | None = None, theme: str = "light"
) -> go.Figure:
    """One of `CURVES`, a line a run, up to a generation."""
    chosen = CURVE_BY_KEY[curve]
    plot = figure(theme, GENERATION, chosen.axis)
    for index, (run, name) in enumerate(zip(runs, run_names(runs), strict=True)):
        rows = [row for row in chosen.rows(run) if generation is None or row["generation"] <= generation]
        points = evenly([point for point in zip(rows, chosen.values(rows), strict=True) if np.isfinite(point[1])])
        plot.add_scatter(
            x=[row["generation"] for row, _ in points],
            y=[value for _, value in points],
            **run_line(index, name),
            hovertemplate=f"{text(name)}, generation %{{x}}: %{{y:{chosen.form}}}<extra></extra>",
        )
    plot.update_yaxes(rangemode="tozero")
    return plot


def run_line(index: int, name: str) -> dict[str, object]:
    """How the index-th run's line looks, in every plot."""
    return {
        "mode": "lines",
        "name": text(name),
        "line": {"color": colour(index), "dash": DASHES[index % len(DASHES)], "width": 2},
    }
