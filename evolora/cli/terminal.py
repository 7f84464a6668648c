"""What a run looks like in the terminal: a live view, or a plain line a generation where nobody watches."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console, ConsoleRenderable, Group
from rich.live import Live
from rich.text import Text

from evolora.cli import panels

if TYPE_CHECKING:
    from evolora.generation import GenerationReport
    from evolora.simulation import RunSummary, Simulation

REMEMBERED = 200  # generations of history: more than the widest terminal shows


@dataclass
class History:
    """What the view remembers of the generations it was shown."""

    num_generations: int
    living: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    niche_scores: dict[str, deque[float | None]] = field(default_factory=dict)
    births: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=8))
    tokens: deque[int] = field(default_factory=lambda: deque(maxlen=8))

    def add(self, report: "GenerationReport", seconds: float) -> None:
        """Remember one generation. A niche where nobody came has None there."""
        for name in (*report.niche_stocks, *report.niche_scores):
            if name not in self.niche_scores:
                self.niche_scores[name] = deque([None] * len(self.scores), maxlen=REMEMBERED)
        for name, scores in self.niche_scores.items():
            scores.append(report.niche_scores.get(name))
        self.living.append(report.num_living)
        self.scores.append(report.mean_score)
        self.births.update(report.births)
        self.deaths.update(report.deaths)
        self.seconds.append(seconds)
        self.tokens.append(report.num_tokens)

    @property
    def seconds_per_generation(self) -> float:
        return sum(self.seconds) / len(self.seconds)

    @property
    def tokens_per_second(self) -> float:
        return sum(self.tokens) / max(sum(self.seconds), 1e-9)

    def seconds_left(self, generation: int) -> float:
        return max(0, self.num_generations - generation) * self.seconds_per_generation


class View(Protocol):
    """An observer of a run, entered while it lasts. `shows_stopping`: it says so itself on Ctrl-C."""

    shows_stopping: bool

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def started(self, simulation: "Simulation") -> None: ...

    def generation(self, report: "GenerationReport", seconds: float) -> None: ...

    def finished(self, summary: "RunSummary") -> None: ...


def open_view(
    world: str,
    num_generations: int,
    folder: Path,
    stopping: Callable[[], bool],
    console: Console | None = None,
) -> View:
    """The view that fits the terminal: live where there is one, else plain lines (a pipe, a log file)."""
    console = console or Console(highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveView(console, world, num_generations, folder, stopping)
    return PlainView(console, world, num_generations)


class PlainView:
    """One line a generation."""

    shows_stopping = False

    def __init__(self, console: Console, world: str, num_generations: int) -> None:
        self.console = console
        self.world = world
        self.history = History(num_generations)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def started(self, simulation: "Simulation") -> None:
        self._print(f"{self.world}: {simulation.run_dir.path}")

    def generation(self, report: "GenerationReport", seconds: float) -> None:
        self.history.add(report, seconds)
        self._print(plain_line(report, seconds, self.history))

    def finished(self, summary: "RunSummary") -> None:
        return None

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, soft_wrap=True)


def plain_line(report: "GenerationReport", seconds: float, history: History) -> str:
    """`generation 3/30  living 28  births 2 (clone 2)  deaths 0  score 0.412  ...`."""
    parts = [
        f"generation {report.generation}/{history.num_generations}",
        f"living {report.num_living}",
        f"births {_counts(report.births)}",
        f"deaths {_counts(report.deaths)}",
        f"score {report.mean_score:.3f}",
        f"energy {report.energy['organisms']:.1f}",
        f"{report.num_tokens / max(seconds, 1e-9):,.0f} tokens/s",
        f"{seconds:.1f} s",
        f"{panels.duration(history.seconds_left(report.generation))} left",
    ]
    return "  ".join(parts)


def _counts(counts: Mapping[str, int]) -> str:
    each = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return f"{sum(counts.values())} ({each})" if each else "0"


class LiveView:
    """The whole screen's worth of a world, redrawn a few times a second."""

    shows_stopping = True

    def __init__(
        self, console: Console, world: str, num_generations: int, folder: Path, stopping: Callable[[], bool]
    ) -> None:
        self.console = console
        self.world = world
        self.folder = folder
        self.stopping = stopping
        self.history = History(num_generations)
        # Replaced whole by the simulation's thread and only read by the one that refreshes the screen.
        self._body: ConsoleRenderable = Text("the founders are answering ...", style="dim")
        self._over = False
        self._live = Live(console=console, get_renderable=self.render, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def started(self, simulation: "Simulation") -> None:
        self._live.refresh()

    def generation(self, report: "GenerationReport", seconds: float) -> None:
        self.history.add(report, seconds)
        self._body = panels.world_view(self.world, report, self.history, self._style(), self.console.height - 2)
        self._live.refresh()

    def finished(self, summary: "RunSummary") -> None:
        self._over = True
        self._live.refresh()

    def render(self) -> ConsoleRenderable:
        """The last generation's view over a line about the run."""
        if self.stopping() and not self._over:
            foot = Text("stopping after this generation; Ctrl-C again stops at once", style="bold yellow")
        else:
            foot = Text(f"{self.folder}" + ("" if self._over else "   Ctrl-C saves and stops"), style="dim")
        foot.no_wrap, foot.overflow = True, self._style().overflow
        return Group(self._body, foot)

    def _style(self) -> panels.Style:
        return panels.Style(self.console.width, self.console.options.ascii_only)
