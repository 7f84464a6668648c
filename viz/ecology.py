"""Ecology: diversity, specialisation, novelty, coverage and heredity, where the run recorded these measures."""

from collections.abc import Callable, Mapping

import numpy as np
import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz.bands import add_band
from evolora.viz.series import pick, shown_rows
from evolora.viz.style import GENERATION, OTHER, colour, faint, figure

HEIGHT = 430  # pixels
DIVERSITY = {
    "lineage_hill_0": "founding lineages alive",
    "lineage_hill_1": "effective lineages",
    "phenotype_hill_1": "effective phenotypes (favourite niches)",
    "behaviour_hill_1": "effective behaviours (score profiles)",
    "adapter_hill_1": "effective adapters (weights)",
}
ACTIVITY = {"activity_lineage_excess": "lineages", "activity_phenotype_excess": "phenotypes"}
COVERAGE = {
    "coverage_1": "one organism",
    "coverage_4": "4 organisms",
    "coverage_16": "16 organisms",
    "coverage_all": "all organisms",
    "routed_score": "score if the past chose who answers",
    "oracle_score": "score if the best visitor answered",
}
BREADTH = {
    "specialisation_h2_prime": "H2' of scores",
    "specialisation_d_prime": "mean d' of organisms",
    "specialist_share": "share of specialists",
    "generalist_share": "share of generalists",
}
HERITABILITY = {"heritability_score": "score", "heritability_tokens": "tokens per answer"}
PRICE = {
    "price_score_selection": "selection: the better had more children",
    "price_score_transmission": "transmission: what they became",
    "price_score_change": "change of the mean, both together",
}


def recorded(*keys: str) -> Callable[[RunData], bool]:
    """A panel's condition: one of these measures of `ecology` has a value in some generation."""

    def is_recorded(run: RunData) -> bool:
        return any(bool(np.isfinite(pick(run.metrics, "ecology", key)).any()) for key in keys)

    return is_recorded


def diversity(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Hill numbers: how many equally common kinds would be as diverse. Logarithmic: founders are many, kinds few."""
    plot = _curves(run, DIVERSITY, "effective number (count)", "%{y:.2f}", generation, theme)
    return plot.update_yaxes(type="log", tickvals=[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])


def breadth(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """How far the organisms share out the niches among themselves."""
    plot = _curves(run, BREADTH, "index or share (0 to 1)", "%{y:.3f}", generation, theme)
    return plot.update_yaxes(range=[0, 1])


def partitioning(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """H2' of tasks solved, against the same table shuffled: the band is the shuffles' mean and two deviations."""
    rows = shown_rows(run, generation)
    generations = np.array([row["generation"] for row in rows])
    seen, null, z = (np.array(pick(rows, "ecology", f"tasks_h2_prime{end}")) for end in ("", "_null", "_z"))
    there = np.isfinite(seen) & np.isfinite(null)
    generations, seen, null, z = (values[there] for values in (generations, seen, null, z))
    deviation = np.divide(seen - null, z, out=np.zeros_like(seen), where=np.isfinite(z) & (z != 0))
    plot = figure(theme, GENERATION, "H2' of tasks solved (0 to 1)", height=HEIGHT)
    add_band(plot, generations, null, 2 * deviation, faint(OTHER, 0.4), "shuffled: mean and two deviations")
    plot.add_scatter(
        x=generations,
        y=seen,
        customdata=np.stack([null, z], axis=1),
        mode="lines+markers",
        name="as lived",
        line_color=colour(0),
        hovertemplate="generation %{x}: H2' %{y:.3f}, shuffled %{customdata[0]:.3f} "
        "(%{customdata[1]:.1f} deviations)<extra></extra>",
    )
    plot.update_yaxes(rangemode="tozero")
    return plot


def activity(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Evolutionary activity above that of neutral shadows with the same births and deaths."""
    value = "%{y:+.1%} against the neutral shadow"
    plot = _curves(run, ACTIVITY, "activity above drift (share)", value, generation, theme)
    return _zero(plot, "as drift alone would have it")


def coverage(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """How many of the tasks met are solved by at least one of so many organisms."""
    plot = _curves(run, COVERAGE, "share or score (0 to 1)", "%{y:.3f}", generation, theme)
    return plot.update_yaxes(range=[0, 1])


def heritability(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Slope of children's on parents' values, each less its generation's mean, with two standard errors."""
    rows = shown_rows(run, generation)
    generations = [row["generation"] for row in rows]
    plot = figure(theme, GENERATION, "slope of child on parent", height=HEIGHT)
    _zero(plot, "children are like anybody")
    for index, (key, label) in enumerate(HERITABILITY.items()):
        slope, error = (np.array(pick(rows, "ecology", name)) for name in (key, f"{key}_se"))
        add_band(plot, generations, slope, 2 * error, faint(colour(index)))
        plot.add_scatter(
            x=generations,
            y=slope,
            name=label,
            line_color=colour(index),
            hovertemplate=f"{label}, generation %{{x}}: slope %{{y:.2f}}<extra></extra>",
        )
    return plot.update_yaxes(range=[-1, 1.5])  # the first, from a handful of children, may be anything


def price_equation(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """What changed the mean score: who had children, or what children and learners became (Price 1970)."""
    return _zero(_curves(run, PRICE, "change of the mean score", "%{y:+.4f}", generation, theme), "no change")


def _curves(run: RunData, labels: Mapping[str, str], axis: str, value: str, until: int | None, theme: str) -> go.Figure:
    """A line for each of the measures that the run has anywhere."""
    plot = figure(theme, GENERATION, axis, height=HEIGHT)
    rows = shown_rows(run, until)
    generations = [row["generation"] for row in rows]
    for index, (key, label) in enumerate(labels.items()):
        values = pick(rows, "ecology", key)
        if np.isfinite(values).any():
            plot.add_scatter(
                x=generations,
                y=values,
                mode="lines+markers" if len(rows) < 60 else "lines",
                marker_size=4,
                connectgaps=True,  # costly measures are taken every few generations
                name=label,
                line_color=colour(index),
                hovertemplate=f"{label}, generation %{{x}}: {value}<extra></extra>",
            )
    return plot


def _zero(plot: go.Figure, meaning: str) -> go.Figure:
    line = {"color": OTHER, "dash": "dot", "width": 1}
    return plot.add_hline(y=0, line=line, annotation_text=meaning, annotation_position="bottom left")
