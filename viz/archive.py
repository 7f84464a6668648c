"""The archive of elites: the best objective in every cell, and how much of the grid is held over time."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
import plotly.graph_objects as go

from evolora.lifecycle.behaviour import BY_NUMBER
from evolora.record.run_data import RunData
from evolora.viz.series import Values, number, pick, shown_rows
from evolora.viz.style import GENERATION, SEQUENTIAL, colour, figure, text

MOST_BINS = 200  # of an axis that is drawn
LINES = {"coverage": "cells held (share)", "norm_qd_score": "QD-score per cell", "best": "best objective"}


@dataclass(frozen=True)
class Side:
    """An axis as it is drawn: its behaviour, and a label for each of its bins."""

    name: str
    labels: tuple[str, ...]


def has_archive(run: RunData) -> bool:
    """Whether the run keeps elites, and has some."""
    return bool(sides(run)) and bool(np.isfinite(pick(run.metrics, "archive", "best")).any())


def archive_map(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Objective of the elite in each cell, the first axis to the right and the second upwards.

    Of more axes than two each cell shows the best over the others; with one there is one row.
    """
    axes = sides(run)
    rows = elevations(run, generation)
    first = axes[0] if axes else Side("", ())
    second = axes[1] if len(axes) > 1 else Side("", ("",))
    best, holders = best_cells(rows, axes)
    plot = figure(theme, first.name, second.name, height=max(320, min(640, 200 + 26 * len(second.labels))))
    plot.add_heatmap(
        z=best,
        x=list(first.labels),
        y=list(second.labels),
        customdata=holders,
        colorscale=SEQUENTIAL,
        xgap=1,
        ygap=1,
        hoverongaps=False,
        colorbar={"title": "objective<br>(mean score)"},
        hovertemplate=(
            f"{first.name} %{{x}}, {second.name} %{{y}}: %{{z:.3f}}<br>%{{customdata}}<extra></extra>"
            if second.name
            else f"{first.name} %{{x}}: %{{z:.3f}}<br>%{{customdata}}<extra></extra>"
        ),
    )
    held = len({row["cell"] for row in rows})
    best_over = " (best over the other axes)" if len(axes) > 2 else ""
    plot.update_layout(title_text=f"{held} of {num_cells(axes)} cells held{best_over}")
    plot.update_xaxes(type="category")
    plot.update_yaxes(type="category")
    return plot


def archive_progress(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Coverage, QD-score per cell and the best objective over time, all between 0 and 1."""
    rows = shown_rows(run, generation)
    plot = figure(theme, GENERATION, "share, or mean score (0 to 1)", height=380)
    for place, (key, name) in enumerate(LINES.items()):
        plot.add_scatter(
            x=[row["generation"] for row in rows],
            y=pick(rows, "archive", key),
            mode="lines",
            name=name,
            line_color=colour(place),
            hovertemplate=f"generation %{{x}}: {name} %{{y:.3f}}<extra></extra>",
        )
    plot.update_yaxes(range=[0, 1])
    return plot


def elevations(run: RunData, until: int | None = None) -> list[dict[str, Any]]:
    """Who took which cell, up to a generation, in order; rows that are damaged are left out."""
    cells = num_cells(sides(run))
    return [
        row
        for row in run.events("elevation")
        if (until is None or row["generation"] <= until)
        and type(cell := row.get("cell")) is int
        and 0 <= cell < cells
        and np.isfinite(number(row.get("objective")))
    ]


def num_cells(axes: list[Side]) -> int:
    """Cells of a grid; without axes there is none."""
    return prod(len(axis.labels) for axis in axes) if axes else 0


def best_cells(rows: list[dict[str, Any]], axes: list[Side]) -> tuple[Values, list[list[str]]]:
    """(second axis, first axis) objectives, NaN where nobody is, and who holds each cell, in words."""
    dims = [len(axis.labels) for axis in axes] or [0]
    height, width = (dims[1] if len(dims) > 1 else 1), dims[0]
    best, holders = np.full((height, width), np.nan), [[""] * width for _ in range(height)]
    for row in {row["cell"]: row for row in rows}.values():  # the last who took a cell holds it
        place = [int(index) for index in np.unravel_index(row["cell"], dims)]  # the last axis runs fastest
        x, y = place[0], place[1] if len(place) > 1 else 0
        if not best[y, x] >= number(row["objective"]):  # or nobody there yet
            best[y, x] = number(row["objective"])
            holders[y][x] = f"organism {text(row.get('organism_id'))}, in generation {row['generation']}"
    return best, holders


def sides(run: RunData) -> list[Side]:
    """The archive's axes, as the world has them; none where it has no archive, or a damaged one."""
    section = run.world.get("archive")
    listed = section.get("axes") if isinstance(section, dict) and section.get("enabled") is True else None
    found = [_side(run, axis) for axis in listed] if isinstance(listed, list) else []
    return [side for side in found if side is not None] if all(found) else []


def _side(run: RunData, axis: object) -> Side | None:
    if not isinstance(axis, dict) or not isinstance(axis.get("behaviour"), str):
        return None
    name, bins = axis["behaviour"], axis.get("bins")
    if name in BY_NUMBER:
        return Side(name, tuple(text(niche, 24) for niche in run.niches))
    if type(bins) is not int or not 1 <= bins <= MOST_BINS:
        return None
    low, high = _span(run, name, axis.get("bounds"))
    edges = np.linspace(low, high, bins + 1)
    return Side(text(name), tuple(f"{a:.3g} to {b:.3g}" for a, b in pairwise(edges)))


def _span(run: RunData, name: str, bounds: object) -> tuple[float, float]:
    """The bounds given, else all that the behaviour can be: a trait's bounds, 0 to 1 for shares and scores."""
    if bounds is None:
        traits, gene = run.world.get("traits"), "answer_limit" if name == "answer_tokens" else name
        trait = traits.get(gene) if isinstance(traits, dict) else None
        bounds = trait.get("bounds") if isinstance(trait, dict) else None
        if name == "answer_tokens" and isinstance(bounds, list):
            bounds = [0, *bounds[1:]]
    ends = [number(one) for one in bounds] if isinstance(bounds, list) else []
    return (ends[0], ends[1]) if len(ends) == 2 and np.isfinite(ends).all() else (0.0, 1.0)
