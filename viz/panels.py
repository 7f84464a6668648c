"""The panels that report and dashboard show, in their order, each with a line that says what to look for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz import lineages, population

GROUPS = ("Now", "Pond", "Signs of life", "Population", "Niches", "Lineages", "Ecology", "Portfolio")


class Draw(Protocol):
    """A plot: a function of a run, as it stood at a generation (None: the last), in a theme (light or dark)."""

    def __call__(self, run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure: ...


@dataclass(frozen=True)
class Panel:
    """One plot: `caption` tells somebody who never heard of LoRA what to look for; `available` says whether a run
    has the plot's data."""

    key: str
    group: str
    title: str
    caption: str
    draw: Draw
    available: Callable[[RunData], bool]


def has_metrics(run: RunData) -> bool:
    """Whether a generation has been lived."""
    return bool(run.metrics)


def has_lives(run: RunData) -> bool:
    """Whether organisms' lives were recorded."""
    return len(run.lives) > 0


PANELS: tuple[Panel, ...] = (
    Panel(
        "population-size",
        "Population",
        "Organisms alive",
        "How many adapted copies of the language model live, and how many founders still have descendants.",
        population.population_size,
        has_metrics,
    ),
    Panel(
        "energy",
        "Population",
        "Energy of the living",
        "What organisms own: a rising band means that they earn more by answering than their tokens cost.",
        population.energy,
        has_lives,
    ),
    Panel(
        "muller",
        "Lineages",
        "Whose descendants fill the world",
        "Each colour is one founder's family: a band that widens is a family that takes over.",
        lineages.muller,
        has_lives,
    ),
)
