"""The population: how many live, what they own, how they die and are born, how old and how large they are."""

import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz.series import life_generations, pick, quantile_bands, shown_rows
from evolora.viz.style import colour, faint, figure

GENERATION = "generation"
ENERGY = "energy (1 = a full-score answer at base price)"


def population_size(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """How many organisms and founding lineages are alive at the end of each generation."""
    rows = shown_rows(run, generation)
    plot = figure(theme, GENERATION, "alive (count)")
    generations = [row["generation"] for row in rows]
    for index, (key, name) in enumerate((("num_living", "organisms"), ("num_lineages", "founding lineages"))):
        hover = f"generation %{{x}}: %{{y}} {name} alive<extra></extra>"
        plot.add_scatter(x=generations, y=pick(rows, key), name=name, line_color=colour(index), hovertemplate=hover)
    plot.update_yaxes(rangemode="tozero")
    return plot


def energy(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """The energy of organisms: median, middle half and middle nine tenths of the living, each generation."""
    generations = life_generations(run, generation)
    return _bands(run, "energy", generations, figure(theme, GENERATION, ENERGY), 0, "energy of an organism")


def _bands(run: RunData, column: str, generations: list[int], plot: go.Figure, index: int, what: str) -> go.Figure:
    low, lower, median, upper, high = quantile_bands(run, column, generations)
    shade = colour(index)
    for bottom, top, name, opacity in ((low, high, "5 to 95 %", 0.15), (lower, upper, "25 to 75 %", 0.3)):
        plot.add_scatter(x=generations, y=bottom, line_width=0, hoverinfo="skip", showlegend=False)
        fill = {"fill": "tonexty", "fillcolor": faint(shade, opacity)}
        plot.add_scatter(x=generations, y=top, line_width=0, hoverinfo="skip", name=f"{name} of organisms", **fill)
    hover = f"generation %{{x}}: median {what} %{{y:.4g}}<extra></extra>"
    plot.add_scatter(x=generations, y=median, name="median", line_color=shade, hovertemplate=hover)
    return plot
