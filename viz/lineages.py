"""Lineages: whose descendants fill the world."""

import numpy as np
import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz.series import Values, life_generations
from evolora.viz.style import OTHER, figure, lineage_colour

RARE = 0.02  # lineages that never make up more than this share of the population are folded together
NAMED = 0.1  # lineages that ever make up more than this share have their name in the legend


def muller(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Muller plot: the share of the population that descends from each founder, stacked."""
    generations = life_generations(run, generation)
    lineages = run.life_column("lineage")
    counts = [np.unique(lineages[run.rows_of(g)], return_counts=True) for g in generations]
    names = np.unique(np.concatenate([own for own, _ in counts])) if counts else np.array([], dtype=np.int64)
    shares = np.zeros((len(names), len(generations)))
    for place, (own, number) in enumerate(counts):
        shares[np.searchsorted(names, own), place] = number / number.sum()
    common = shares.max(axis=1, initial=0.0) > RARE
    plot = figure(theme, "generation", "share of the population", hovermode="x unified")
    for name, share in zip(names[common], shares[common], strict=True):
        _layer(plot, generations, share, f"lineage {name}", lineage_colour(name), bool(share.max() > NAMED))
    if not common.all():
        _layer(plot, generations, shares[~common].sum(axis=0), f"{(~common).sum()} rare lineages", OTHER, True)
    plot.update_yaxes(range=[0, 1], tickformat=".0%")
    return plot


def _layer(plot: go.Figure, generations: list[int], share: Values, name: str, shade: str, named: bool) -> None:
    plot.add_scatter(
        x=generations,
        y=share,
        name=name,
        showlegend=named,
        stackgroup="shares",
        mode="lines",
        line={"width": 0.5, "color": shade},
        fillcolor=shade,
        hovertemplate=f"{name}: %{{y:.1%}}<extra></extra>",
    )
