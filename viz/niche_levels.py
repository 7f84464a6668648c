"""Where difficulty moves: the level of each niche, generation by generation."""

import numpy as np
import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz.series import pick, shown_rows, table_of
from evolora.viz.style import GENERATION, colour, figure, text


def niche_levels(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """The level of difficulty that each niche was lived at; 0 is the easiest. Niches that never move are left out."""
    rows = shown_rows(run, generation)
    generations = [row["generation"] for row in rows]
    plot = figure(theme, GENERATION, "level of difficulty (0: the easiest)")
    for index, niche in enumerate(run.niches):
        levels = pick(rows, "niche_levels", niche)
        if np.isfinite(levels).any():
            plot.add_scatter(
                x=generations,
                y=levels,
                mode="lines",
                name=text(niche),
                line={"color": colour(index), "shape": "hv", "width": 2},
                hovertemplate=f"{text(niche)}, generation %{{x}}: level %{{y}}<extra></extra>",
            )
    plot.update_yaxes(rangemode="tozero", dtick=1)
    return plot


def has_levels(run: RunData) -> bool:
    """Whether the difficulty of any niche moves."""
    return any(table_of(row, "niche_levels") for row in run.metrics)
