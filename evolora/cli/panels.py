"""The panels of the live view: pure functions from a report and its history to something rich can draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rich import box
from rich.console import ConsoleRenderable, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from evolora.cli.terminal import History
    from evolora.generation import GenerationReport

WIDE = 110  # columns from which everything is shown
COLOURS = {"organisms": "green", "niches": "cyan", "commons": "blue"}
_BORDER = "grey42"


@dataclass(frozen=True)
class Style:
    """The room there is (`width` columns) and what may be drawn in it."""

    width: int
    ascii_only: bool = False

    @property
    def wide(self) -> bool:
        return self.width >= WIDE

    @property
    def overflow(self) -> Literal["ellipsis", "crop"]:
        """What becomes of a text that is too long: rich's ellipsis is no ASCII."""
        return "crop" if self.ascii_only else "ellipsis"


def world_view(
    world: str, report: "GenerationReport", history: "History", style: Style, height: int
) -> ConsoleRenderable:
    """Header, population beside energy, niches and the best organisms, in at most `height` lines."""
    # The header is 1 line, population and energy 5; a table's borders and head are 3 around its rows.
    rows = max(2, height - 12)
    num_niches = min(len(history.niche_scores), max(1, rows // 2))
    return Group(
        header(world, report, history, style),
        _side_by_side(population(report, history, style), energy(report, style)),
        niches(report, history, style, num_niches),
        best(report, style, max(1, rows - num_niches)),
    )


def header(world: str, report: "GenerationReport", history: "History", style: Style) -> ConsoleRenderable:
    """World, generation, progress, speed and time left, on one line."""
    left = Text.assemble((world, "bold"), f"  generation {report.generation}/{history.num_generations} ")
    speed = f"{history.seconds_per_generation:.1f} s each  {history.tokens_per_second:,.0f} tokens/s"
    right = Text.assemble((f" {speed}  ", "dim"), f"{duration(history.seconds_left(report.generation))} left")
    left.truncate(max(8, style.width - len(right) - 6), overflow=style.overflow)
    room = max(4, style.width - len(left) - len(right))
    line = Text.assemble(left, bar(report.generation / history.num_generations, room, style, "green"), right)
    line.no_wrap = True
    return line


def population(report: "GenerationReport", history: "History", style: Style) -> Panel:
    """How many live, were born (by kind) and died (by cause)."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1, no_wrap=True)
    trend = sparkline(history.living, _half(style) - 18, style)
    table.add_row("living", str(report.num_living), Text(trend, "green"))
    for name, counts, total, colour in (
        ("births", report.births, history.births, "green"),
        ("deaths", report.deaths, history.deaths, "red"),
    ):
        each = "  ".join(f"{kind} {count}" for kind, count in counts.items() if count)
        since = Text(f"  {total.total()} so far" if style.wide else "", "dim")
        table.add_row(name, Text(str(sum(counts.values())), colour), Text.assemble(each, since))
    return _panel(table, "population")


def energy(report: "GenerationReport", style: Style) -> Panel:
    """Where the energy is, as numbers and as shares of all of it."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(ratio=1, no_wrap=True)
    total = sum(report.energy.values())
    for name, amount in report.energy.items():
        share = amount / total if total > 0 else 0.0
        room = max(4, _half(style) - 18)
        table.add_row(name, f"{amount:,.1f}", bar(share, room, style, COLOURS.get(name, "white")))
    return _panel(table, "energy")


def niches(report: "GenerationReport", history: "History", style: Style, rows: int) -> Panel:
    """The mean score of this generation's answers in each niche, with its history."""
    table = _table()
    name_room = 34 if style.wide else 22
    table.add_column("niche", no_wrap=True, overflow=style.overflow, min_width=8, max_width=name_room)
    table.add_column("visitors", justify="right", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    bar_room = 24 if style.wide else 12
    table.add_column("", no_wrap=True, width=bar_room)
    table.add_column("history", no_wrap=True, ratio=1)
    names = list(history.niche_scores)
    shown = names if len(names) <= rows else names[: rows - 1]
    for name in shown:
        score = report.niche_scores.get(name)
        visitors = str(report.niche_visitors.get(name, 0))
        trend = Text(sparkline(history.niche_scores[name], style.width - name_room - bar_room - 27, style), "cyan")
        if score is None:  # nobody came
            table.add_row(Text(name), Text(visitors, "dim"), Text("-", "dim"), "", trend)
        else:
            table.add_row(Text(name), visitors, f"{score:.3f}", bar(score, bar_room, style, "cyan"), trend)
    if len(shown) < len(names):
        table.add_row(Text(f"and {len(names) - len(shown)} more", "dim"), "", "", "", "")
    return _panel(table, f"niches  mean score {report.mean_score:.3f} over {report.num_answers:,} answers")


def best(report: "GenerationReport", style: Style, rows: int) -> Panel:
    """The richest organisms."""
    table = _table()
    for name in ("id", "lineage", "age", "energy"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("born by", no_wrap=True)
    if style.wide:
        table.add_column("rank", justify="right", no_wrap=True)
        table.add_column("examples", justify="right", no_wrap=True)
    table.add_column("best niche", no_wrap=True, overflow=style.overflow, ratio=1)
    table.add_column("score", justify="right", no_wrap=True)
    if style.wide:
        table.add_column("", no_wrap=True, width=24)
    for organism in report.best[:rows]:
        cells: list[str | Text] = [str(organism.id), str(organism.lineage), str(organism.age)]
        cells += [Text(f"{organism.energy:.2f}", "green"), organism.kind]
        if style.wide:
            cells += [str(organism.rank), str(organism.num_examples)]
        cells += [Text(organism.niche or "-"), f"{organism.score:.3f}"]
        if style.wide:
            cells.append(bar(organism.score, 24, style, "cyan"))
        table.add_row(*cells)
    if not report.best:
        table.add_row(Text("extinct", "red"))
    return _panel(table, "richest organisms")


def sparkline(values: Sequence[float | None], width: int, style: Style) -> str:
    """The last `width` values as a line of blocks, from 0 to the largest; a gap where there is none."""
    levels = "_.-=+*%#" if style.ascii_only else "▁▂▃▄▅▆▇█"
    shown = list(values)[-width:] if width > 0 else []
    top = max((value for value in shown if value is not None), default=0.0)
    if top <= 0:
        return "".join(" " if value is None else levels[0] for value in shown)
    last = len(levels) - 1
    return "".join(" " if value is None else levels[round(max(0.0, value) / top * last)] for value in shown)


def bar(share: float, width: int, style: Style, colour: str) -> Text:
    """A bar of `width` columns, filled by a share in [0, 1]."""
    filled = round(min(max(share, 0.0), 1.0) * width)
    full, empty = ("#", ".") if style.ascii_only else ("━", "─")
    return Text.assemble((full * filled, colour), (empty * (width - filled), "grey30"))


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s` or `2 h 05 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _half(style: Style) -> int:
    return style.width // 2 - 4  # inside a panel's borders and padding


def _side_by_side(left: Panel, right: Panel) -> Table:
    grid = Table.grid(expand=True)
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(left, right)
    return grid


def _table() -> Table:
    return Table(box=None, expand=True, padding=(0, 1), pad_edge=False, header_style="dim")


def _panel(content: Table, title: str) -> Panel:
    return Panel(content, title=f"[bold]{title}[/]", title_align="left", box=box.ROUNDED, border_style=_BORDER)
