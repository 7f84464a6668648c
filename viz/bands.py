"""Bands: how something is spread among the living, generation by generation, or how sure a curve is."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evolora.record.run_data import RunData
from evolora.viz.series import Values, life_generations, quantile_bands
from evolora.viz.style import GENERATION, colour, faint, template

TRAITS = {  # column of lives -> (name, unit)
    "rank": ("adapter rank", "columns"),
    "mutation_scale": ("mutation scale", "share of the weights"),
    "learning_rate": ("learning rate", "Adam step"),
    "temperature": ("sampling temperature", "no unit"),
    "answer_limit": ("longest answer", "tokens"),
    "num_examples": ("worked examples", "in each prompt"),
}


def add_bands(
    plot: go.Figure,
    run: RunData,
    column: str,
    generations: Sequence[int],
    shade: str,
    what: str,
    row: int | None = None,
    col: int | None = None,
) -> None:
    """Add median, middle half and middle nine tenths of a column of lives; the legend only once in a figure."""
    low, lower, median, upper, high = quantile_bands(run, column, generations)
    place = {"row": row, "col": col, "showlegend": row in (None, 1) and col in (None, 1)}
    for bottom, top, name, opacity in ((low, high, "5 to 95 %", 0.15), (lower, upper, "25 to 75 %", 0.3)):
        edge = {"x": generations, "mode": "lines", "line_width": 0, "hoverinfo": "skip", "legendgroup": name}
        plot.add_scatter(y=bottom, **edge, **{**place, "showlegend": False})
        fill = {"fill": "tonexty", "fillcolor": faint(shade, opacity)}
        plot.add_scatter(y=top, name=f"{name} of organisms", **fill, **edge, **place)
    plot.add_scatter(
        x=generations,
        y=median,
        mode="lines",
        name="median",
        legendgroup="median",
        line={"color": shade, "width": 2},
        customdata=list(zip(low, lower, upper, high, strict=True)),
        hovertemplate=f"generation %{{x}}: median {what} %{{y:.4g}}<br>half of all between %{{customdata[1]:.4g}} and "
        "%{customdata[2]:.4g},<br>nine tenths between %{customdata[0]:.4g} and %{customdata[3]:.4g}<extra></extra>",
        **place,
    )


def add_band(
    plot: go.Figure, x: Sequence[int] | Values, middle: Values, half: Values, shade: str, name: str | None = None
) -> None:
    """A band of `half` above and below `middle`; in the legend where it has a name."""
    edge = {"x": x, "mode": "lines", "line_width": 0, "hoverinfo": "skip"}
    plot.add_scatter(y=middle - half, showlegend=False, **edge)
    plot.add_scatter(y=middle + half, fill="tonexty", fillcolor=shade, name=name, showlegend=name is not None, **edge)


def traits(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """How the heritable traits move: each one's spread among the living, generation by generation."""
    generations = life_generations(run, generation, most=200)
    names = [name for name, _ in TRAITS.values()]
    plot = make_subplots(rows=2, cols=3, subplot_titles=names, vertical_spacing=0.16, horizontal_spacing=0.1)
    plot.update_layout(template=template(theme))
    for place, (column, (name, unit)) in enumerate(TRAITS.items()):
        row, col = place // 3 + 1, place % 3 + 1
        add_bands(plot, run, column, generations, colour(0), name, row, col)
        plot.update_xaxes(title_text=GENERATION if row == 2 else None, row=row, col=col)
        plot.update_yaxes(title_text=unit, row=row, col=col)
    plot.update_layout(height=520)
    return plot
