"""Several runs in a grid: a small plot for each niche, and a mark for each sign of life."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz.compare import run_line
from evolora.viz.naming import run_names
from evolora.viz.niche_scores import MOST_NICHES, niche_grid, niche_place
from evolora.viz.series import pick, shown_rows
from evolora.viz.signs import Sign, signs_of_life
from evolora.viz.signs_plot import LOOKS
from evolora.viz.style import figure, text


def niches_over_each_other(
    runs: Sequence[RunData], *, generation: int | None = None, theme: str = "light"
) -> go.Figure:
    """Mean score by niche: a small plot for each niche that any of the runs has, a line a run, all on one scale."""
    niches = list(dict.fromkeys(niche for run in runs for niche in run.niches))[:MOST_NICHES]
    plot = niche_grid(niches, theme)
    for index, (run, name) in enumerate(zip(runs, run_names(runs), strict=True)):
        rows = shown_rows(run, generation)
        for place, niche in enumerate(niches):
            plot.add_scatter(
                x=[row["generation"] for row in rows],
                y=pick(rows, "niche_scores", niche),
                **run_line(index, name),
                legendgroup=str(index),
                showlegend=place == 0,
                hovertemplate=f"{text(name)}, {text(niche)}, generation %{{x}}: mean score %{{y:.3f}}<extra></extra>",
                **niche_place(place, len(niches)),
            )
    return plot


def signs_over_each_other(runs: Sequence[RunData], *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Which signs of life each run shows: a column a run, a row a sign, the numbers where the pointer is."""
    plot = figure(theme, "run", height=470)
    names = run_names(runs)
    columns = [signs_of_life(run, generation) for run in runs]
    for verdict, (shade, symbol) in LOOKS.items():
        own = [
            (name, sign)
            for name, signs in zip(names, columns, strict=True)
            for sign in signs
            if sign.verdict == verdict
        ]
        plot.add_scatter(
            x=[text(name) for name, _ in own],
            y=[sign.title for _, sign in own],
            text=[verdict] * len(own),
            mode="markers+text",
            cliponaxis=False,
            textposition="middle right",
            name=verdict,
            marker={"color": shade, "symbol": symbol, "size": 15, "line": {"width": 2}},
            hovertext=[_words(name, sign) for name, sign in own],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    rows = [sign.title for sign in columns[0]]
    plot.update_yaxes(categoryorder="array", categoryarray=rows[::-1], range=[-0.6, len(rows) - 0.4], zeroline=False)
    plot.update_xaxes(
        categoryorder="array", categoryarray=[text(name) for name in names], range=[-0.5, len(runs) - 0.5]
    )
    return plot


def _words(name: str, sign: Sign) -> str:
    said = sign.why if sign.verdict == "not yet" else f"seen: {sign.seen}<br>by chance: {sign.null}"
    return f"<b>{text(name)}: {sign.title}</b><br>{sign.question}<br>{said}"


class DrawSeveral(Protocol):
    """A plot of several runs as they stood at a generation (None: the last), in a theme."""

    def __call__(
        self, runs: Sequence[RunData], *, generation: int | None = None, theme: str = "light"
    ) -> go.Figure: ...


@dataclass(frozen=True)
class Grid:
    """One of this file's plots, as `panels.Panel`."""

    key: str
    group: str
    title: str
    caption: str
    draw: DrawSeveral
    available: Callable[[RunData], bool]


GRIDS = (
    Grid(
        "signs",
        "Signs of life",
        "Signs of life",
        "What living populations do: which worlds show it beyond chance? The numbers are where the pointer is.",
        signs_over_each_other,
        lambda run: len(run.lives) > 0,
    ),
    Grid(
        "niche-scores",
        "Niches",
        "Skill by niche",
        "A small plot for each kind of task: which run learnt which, and which lost it again?",
        niches_over_each_other,
        lambda run: bool(run.metrics and run.niches),
    ),
)
