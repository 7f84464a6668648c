"""The population: how many live, what they own, how they die and are born, how old and how large they are."""

from dataclasses import replace

import numpy as np
import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz.bands import add_bands
from evolora.viz.series import Counts, count_events, last_generation, life_generations, pick, shown_rows
from evolora.viz.style import BIRTH_COLOURS, CAUSE_COLOURS, ENERGY, GENERATION, OTHER, colour, figure, text

CAUSES = {
    "insolvency": "it could not pay for its tokens or its upkeep",
    "age": "it reached the greatest age",
    "crowding": "it made room for a birth",
    "shock": "an event of the world took it",
}
KINDS = {
    "clone": "a mutated copy of one parent",
    "merge": "two parents' adapters merged",
    "founder": "there from the beginning, or come from outside",
}


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
    plot = figure(theme, GENERATION, ENERGY)
    add_bands(plot, run, "energy", life_generations(run, generation), colour(0), "energy of an organism")
    return plot


def deaths_by_cause(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """How many died of what, each generation."""
    counts = count_events(run, "death", "cause", generation)
    return _bars(figure(theme, counts.label(), "deaths (count)"), counts, CAUSE_COLOURS, CAUSES, "died of")


def births_by_kind(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """How many were born how, each generation; founders, who would dwarf them, only while nobody else was born."""
    counts = count_events(run, "birth", "kind", generation)
    children = {kind: own for kind, own in counts.by_name.items() if kind != "founder"}
    counts = replace(counts, by_name=children or counts.by_name)
    return _bars(figure(theme, counts.label(), "births (count)"), counts, BIRTH_COLOURS, KINDS, "born as")


def ages(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """How old the organisms of a generation are."""
    plot = figure(theme, "age (generations lived)", "organisms (count)")
    return _histogram(plot, run, "age", generation, colour(4), "aged %{x} generations")


def ranks(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """How large the adapters of a generation are."""
    plot = figure(theme, "adapter rank (columns of a LoRA factor)", "organisms (count)")
    return _histogram(plot, run, "rank", generation, colour(2), "of rank %{x}")


def _bars(plot: go.Figure, counts: Counts, colours: dict[str, str], meanings: dict[str, str], verb: str) -> go.Figure:
    when = "generation %{x}" if counts.width == 1 else f"{counts.width} generations from %{{x}}"
    for name, own in counts.by_name.items():
        meaning = f"<br>{meanings[name]}" if name in meanings else ""
        plot.add_bar(
            x=counts.starts + (counts.width - 1) / 2,
            y=own,
            width=counts.width * 0.9,
            name=text(name),
            marker_color=colours.get(name, OTHER),
            marker_line_width=0,
            hovertemplate=f"{when}: %{{y}} {verb} {text(name)}{meaning}<extra></extra>",
        )
    plot.update_layout(barmode="stack")
    return plot


def _histogram(plot: go.Figure, run: RunData, column: str, generation: int | None, shade: str, what: str) -> go.Figure:
    shown = last_generation(run, generation)
    values, counts = np.unique(run.life_column(column, run.rows_of(shown)), return_counts=True)
    plot.add_bar(
        x=values,
        y=counts,
        marker_color=shade,
        marker_line_width=0,
        name=f"generation {shown}",
        showlegend=True,
        hovertemplate=f"%{{y}} organisms {what}<extra></extra>",
    )
    if len(values) < 16:
        plot.update_xaxes(dtick=1)
    return plot
