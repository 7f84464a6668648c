"""How all plots look: colours that colour-blind readers can tell apart, light and dark templates, safe text."""

import html
from typing import Any

import plotly.graph_objects as go

# Okabe & Ito 2008, "Color Universal Design", without black; then lighter and darker kin for more than seven things.
OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
MORE = ("#7B6FB0", "#8C6D31", "#66A182", "#A23B5C", "#3E8E9E", "#B5A642", "#999999")
PALETTE = (*OKABE_ITO, *MORE)
OTHER = "#9AA0A6"  # what is folded together, or has no colour of its own
CAUSE_COLOURS = {"insolvency": "#D55E00", "crowding": "#0072B2", "age": "#999999", "shock": "#CC79A7"}
BIRTH_COLOURS = {"clone": "#009E73", "merge": "#CC79A7", "founder": "#999999"}
SEQUENTIAL = "Viridis"  # even in lightness, so it survives a black-and-white printer

GENERATION = "generation"
ENERGY = "energy (full-score answers)"

THEMES = ("light", "dark")
_INK = {"light": "#1f2328", "dark": "#e6e9ed"}
_PAPER = {"light": "#ffffff", "dark": "#14181d"}
_GRID = {"light": "#e3e6ea", "dark": "#2d333b"}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


def template(theme: str) -> go.layout.Template:
    """Fonts, grid and background of a theme; nothing in it depends on the data."""
    ink, paper, grid = _INK[theme], _PAPER[theme], _GRID[theme]
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": grid,
        "ticks": "outside",
        "tickcolor": grid,
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 13}},
    }
    return go.layout.Template(
        layout={
            "font": {"family": _FONT, "size": 13, "color": ink},
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "colorway": PALETTE,
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"align": "left", "bgcolor": paper, "bordercolor": grid, "font": {"color": ink}},
            "legend": {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
            "title": {"font": {"size": 13}, "x": 0, "xref": "paper", "xanchor": "left"},
            "margin": {"l": 60, "r": 20, "t": 36, "b": 50},
            "colorscale": {"sequential": SEQUENTIAL},
        },
        data={
            "table": [
                {
                    "header": {"fill": {"color": grid}, "line": {"color": grid}, "font": {"color": ink}},
                    "cells": {"fill": {"color": paper}, "line": {"color": grid}, "font": {"color": ink}},
                }
            ]
        },
    )


def figure(theme: str, x: str = "", y: str = "", **layout: Any) -> go.Figure:
    """An empty figure with named axes (units included)."""
    plot = go.Figure(layout={"template": template(theme), **layout})
    if x:
        plot.update_xaxes(title_text=x)
    if y:
        plot.update_yaxes(title_text=y)
    return plot


def text(value: object, longest: int = 80) -> str:
    """Anything from a run folder as plain text in a plot: plotly would read `<b>` as markup."""
    shown = str(value)
    return html.escape(shown if len(shown) <= longest else f"{shown[: longest - 1]}…")


def colour(index: int) -> str:
    """The colour of the index-th thing of a kind: the same in every plot; from the 14th on they repeat."""
    return PALETTE[index % len(PALETTE)]


def lineage_colour(lineage: int) -> str:
    """A lineage's colour, a function of its number alone, so that it is the same in every plot and every run.

    Beyond the palette darker and lighter kin of it follow; from the 43rd on they repeat.
    """
    shade, kin = colour(int(lineage)), int(lineage) // len(PALETTE) % 3
    toward = (0, 0, 255)[kin]  # black, then white
    mixed = [round(part + (toward - part) * (0.0, 0.35, 0.45)[kin]) for part in _parts(shade)]
    return "#" + "".join(f"{part:02X}" for part in mixed)


def faint(hex_colour: str, opacity: float = 0.2) -> str:
    """A colour of the palette, see-through."""
    red, green, blue = _parts(hex_colour)
    return f"rgba({red},{green},{blue},{opacity})"


def _parts(hex_colour: str) -> tuple[int, int, int]:
    """Red, green and blue of `#RRGGBB`, each in [0, 255]."""
    return int(hex_colour[1:3], 16), int(hex_colour[3:5], 16), int(hex_colour[5:7], 16)
