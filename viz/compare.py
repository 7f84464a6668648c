"""Several runs in one plot."""

from collections.abc import Sequence

import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz.series import pick, shown_rows
from evolora.viz.style import GENERATION, colour, figure, text


def mean_scores(runs: Sequence[RunData], *, theme: str = "light") -> go.Figure:
    """Mean score of all answers, a line a run."""
    return _lines(runs, "mean_score", "mean score of answers (0 to 1)", "mean score %{y:.3f}", theme)


def living(runs: Sequence[RunData], *, theme: str = "light") -> go.Figure:
    """How many organisms live, a line a run."""
    return _lines(runs, "num_living", "alive (count)", "%{y} alive", theme)


def _lines(runs: Sequence[RunData], key: str, axis: str, value: str, theme: str) -> go.Figure:
    plot = figure(theme, GENERATION, axis)
    for index, run in enumerate(runs):
        rows = shown_rows(run)
        name = text(run.path.name)
        plot.add_scatter(
            x=[row["generation"] for row in rows],
            y=pick(rows, key),
            mode="lines",
            name=name,
            line_color=colour(index),
            hovertemplate=f"{name}, generation %{{x}}: {value}<extra></extra>",
        )
    plot.update_yaxes(rangemode="tozero")
    return plot
