"""Signs of life as a plot: how far each lies from what chance shows, with the words beside it."""

import math
import textwrap

import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz.signs import Sign, signs_of_life
from evolora.viz.style import OTHER, figure, text

FURTHEST = 12.0  # deviations; what lies beyond is drawn here
WIDTH = 46  # characters of a line beside a dot
LOOKS = {  # verdict -> (colour, symbol): told apart without colour too
    "yes": ("#009E73", "circle"),
    "no": ("#D55E00", "x"),
    "not yet": (OTHER, "circle-open"),
}


def signs(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """A row for each sign of life: a dot by its distance from chance, in standard deviations, and the numbers."""
    found = signs_of_life(run, generation)
    plot = figure(theme, "distance from chance (its standard deviations; the band is two of them)")
    plot.add_vrect(x0=-2, x1=2, fillcolor=OTHER, opacity=0.18, line_width=0, layer="below")
    for verdict, (shade, symbol) in LOOKS.items():
        own = [(place, sign) for place, sign in enumerate(found) if sign.verdict == verdict]
        plot.add_scatter(
            x=[_distance(sign) for _, sign in own],
            y=[-place for place, _ in own],
            mode="markers",
            name=verdict,
            marker={"color": shade, "symbol": symbol, "size": 14, "line": {"width": 2}},
            hovertext=[_words(sign) for _, sign in own],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    for place, sign in enumerate(found):
        plot.add_annotation(
            x=FURTHEST + 1, y=-place, text=_beside(sign), showarrow=False, xanchor="left", align="left", font_size=11
        )
    plot.update_xaxes(range=[-FURTHEST - 1, 4.4 * FURTHEST], tickvals=[-12, -6, -2, 0, 2, 6, 12], zeroline=True)
    plot.update_yaxes(
        tickvals=[-place for place in range(len(found))],
        ticktext=[f"<b>{sign.title}</b>" for sign in found],
        showgrid=False,
        zeroline=False,
    )
    plot.update_layout(height=110 + 54 * len(found))
    return plot


def _distance(sign: Sign) -> float:
    return min(FURTHEST, max(-FURTHEST, sign.deviations)) if math.isfinite(sign.deviations) else 0.0


def _beside(sign: Sign) -> str:
    said = sign.why if sign.verdict == "not yet" else f"{sign.seen}; by chance {sign.null}"
    return "<br>".join([f"<b>{sign.verdict}</b>: {lines[0]}", *lines[1:]]) if (lines := _wrapped(said)) else ""


def _wrapped(said: str) -> list[str]:
    return [text(line) for line in textwrap.wrap(said, WIDTH)]


def _words(sign: Sign) -> str:
    said = sign.why if sign.verdict == "not yet" else f"seen: {sign.seen}<br>null: {sign.null}"
    return f"<b>{sign.question}</b><br>{said}"
