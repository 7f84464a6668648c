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
ENERGY = "energy (1 = a full-score answer)"

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
        "title": {"standoff": 8},
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
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0, "bgcolor": "rgba(0,0,0,0)"},
            "margin": {"l": 60, "r": 20, "t": 40, "b": 50},
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
    """A lineage's colour, a function of its number alone, so that it is the same in every plot and every run."""
    return colour(int(lineage))


def faint(hex_colour: str, opacity: float = 0.2) -> str:
    """A colour of the palette, see-through."""
    red, green, blue = (int(hex_colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"
