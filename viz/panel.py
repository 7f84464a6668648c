"""What a panel is: a plot with the words that go with it, and when a run has its data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import plotly.graph_objects as go

from evolora.record.run_data import RunData


class Draw(Protocol):
    """A plot: a function of a run, as it stood at a generation (None: the last), in a theme (light or dark)."""

    def __call__(self, run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure: ...


@dataclass(frozen=True)
class Panel:
    """One plot: `caption` tells somebody who never heard of LoRA what to look for; `available` says whether a run
    has the plot's data, `wide` whether the plot wants a whole row of a page."""

    key: str
    group: str
    title: str
    caption: str
    draw: Draw
    available: Callable[[RunData], bool]
    wide: bool = False


def has_metrics(run: RunData) -> bool:
    """Whether a generation has been lived."""
    return bool(run.metrics)


def has_lives(run: RunData) -> bool:
    """Whether organisms' lives were recorded."""
    return len(run.lives) > 0


def has_births(run: RunData) -> bool:
    """Whether anybody was born, founders included."""
    return len(run.births) > 0


def has_deaths(run: RunData) -> bool:
    """Whether anybody died."""
    return len(run.deaths) > 0


def has_timing(run: RunData) -> bool:
    """Whether the run's speed was recorded."""
    return bool(run.timing)
