"""The live view fits its terminal and shows the world; without a terminal there is a line a generation."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from reports import NICHES, make_report
from rich.console import Console, ConsoleRenderable

from evolora.cli.panels import Style, bar, duration, sparkline
from evolora.cli.terminal import History, LiveView, PlainView, open_view, plain_line

SIZES = [(80, 24), (140, 40), (100, 24), (60, 20)]


def make_view(
    width: int, height: int, encoding: str = "utf-8", stopping: Callable[[], bool] = lambda: False
) -> LiveView:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, height=height, force_terminal=True)
    return LiveView(console, "tidepool", 30, Path("checkpoints/tidepool-seed1"), stopping)


def drawn(content: ConsoleRenderable, width: int, height: int, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=file, width=width, height=height).print(content)
    file.flush()
    assert isinstance(file.buffer, io.BytesIO)
    return file.buffer.getvalue().decode(encoding).splitlines()


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("num_niches", [1, 4, 25])
@pytest.mark.parametrize("num_best", [0, 8])
def test_the_view_fits_the_terminal(width: int, height: int, num_niches: int, num_best: int) -> None:
    view = make_view(width, height)
    for generation in range(1, 251):
        scores = {f"a rather long name of a niche {number}": 0.5 for number in range(num_niches)}
        view.history.add(make_report(generation, scores, num_best), 2.0)
    view.generation(make_report(251, scores, num_best), 2.0)
    lines = drawn(view.render(), width, height)
    assert len(lines) < height
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40)])
def test_the_view_shows_the_whole_world(width: int, height: int) -> None:
    view = make_view(width, height)
    view.generation(make_report(12), 2.0)
    text = "\n".join(drawn(view.render(), width, height))
    for shown in (
        *("tidepool", "generation 12/30", "2.0 s each", "1,240 tokens/s", "36 s left"),
        *("living 28", "clone 3  merge 1", "insolvency 2  crowding 1"),
        *("organisms 123.4", "niches     80.0", "commons    12.1"),
        *("mean score 0.250 over 448 answers", "count_bits", "word_order", "0.250"),
        *("lineage", "founder", "merge", "20.00", "0.900"),
        "checkpoints/tidepool-seed1",
    ):
        assert shown in text


def test_a_niche_where_nobody_came_has_a_gap_in_its_history() -> None:
    view = make_view(80, 24)
    view.generation(make_report(1, {"here": 0.5, "there": 0.5}), 1.0)
    view.generation(make_report(2, {"here": 0.5}), 1.0)
    view.generation(make_report(3, {"here": 0.5, "there": 0.25, "late": 1.0}), 1.0)
    lines = drawn(view.render(), 80, 24)
    histories = {line.split()[1]: line.rstrip("│ ")[-3:] for line in lines if "█" in line and "living" not in line}
    assert histories == {"here": "███", "there": "█ ▅", "late": "  █"}


def test_niches_that_do_not_fit_are_counted() -> None:
    view = make_view(80, 24)
    view.generation(make_report(1, {f"niche_{number}": 0.5 for number in range(9)}), 1.0)
    text = "\n".join(drawn(view.render(), 80, 24))
    shown = sum(f"niche_{number} " in text for number in range(9))
    assert 0 < shown < 9
    assert f"and {9 - shown} more" in text


def test_ctrl_c_is_answered_at_the_foot() -> None:
    asked = False
    view = make_view(80, 24, stopping=lambda: asked)
    view.generation(make_report(1), 1.0)
    assert "Ctrl-C saves and stops" in drawn(view.render(), 80, 24)[-1]
    asked = True
    assert "stopping after this generation" in drawn(view.render(), 80, 24)[-1]


def test_a_terminal_without_unicode_gets_ascii() -> None:
    view = make_view(80, 24, encoding="ascii")
    view.generation(make_report(1, dict.fromkeys(NICHES, 0.5)), 1.0)
    assert any("####" in line for line in drawn(view.render(), 80, 24, encoding="ascii"))


def test_an_extinct_world_says_so() -> None:
    view = make_view(80, 24)
    view.generation(make_report(1, {}, num_best=0, num_living=0), 1.0)
    assert "extinct" in "\n".join(drawn(view.render(), 80, 24))


def test_the_live_view_draws_to_its_console_and_leaves_the_cursor_on() -> None:
    view = make_view(80, 24)
    with view:
        view.generation(make_report(1), 1.0)
    view.console.file.flush()
    written = view.console.file.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert "generation 1/30" in written
    assert written.rindex("\x1b[?25h") > written.rindex("\x1b[?25l")


def test_a_pipe_gets_one_plain_line_a_generation() -> None:
    file = io.StringIO()
    view = open_view("tidepool", 30, Path("run"), lambda: False, Console(file=file, width=80))
    assert isinstance(view, PlainView)
    view.generation(make_report(1), 2.0)
    view.generation(make_report(2), 4.0)
    assert file.getvalue().splitlines()[1] == (
        "generation 2/30  living 28  births 4 (clone 3, merge 1)  deaths 3 (insolvency 2, crowding 1)  "
        "score 0.250  energy 123.4  620 tokens/s  4.0 s  1 min 24 s left"
    )


def test_a_terminal_gets_the_live_view() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    assert isinstance(open_view("tidepool", 30, Path("run"), lambda: False, console), LiveView)


def test_a_generation_without_births_says_none() -> None:
    history = History(30)
    report = make_report(1)
    history.add(report, 1.0)
    assert "births 0  deaths 0" in plain_line(
        type(report)(**{**vars(report), "births": {}, "deaths": {}}), 1.0, history
    )


def test_time_left_is_that_of_the_last_generations() -> None:
    history = History(20)
    for generation, seconds in enumerate([100.0] * 5 + [2.0] * 8, start=1):
        history.add(make_report(generation), seconds)
    assert history.seconds_left(13) == pytest.approx(7 * 2.0)
    assert history.seconds_left(25) == 0


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min")]
)
def test_a_duration_reads_as_a_person_says_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_sparklines_run_from_zero_to_the_largest() -> None:
    style = Style(80)
    assert sparkline([0, 0.5, None, 1], 10, style) == "▁▅ █"
    assert sparkline([1, 2, 3], 2, style) == "▆█"
    assert sparkline([0, 0], 10, style) == "▁▁"
    assert sparkline([1], 0, style) == ""


@pytest.mark.parametrize(("share", "filled"), [(-1, 0), (0, 0), (0.5, 5), (1, 10), (2, 10)])
def test_bars_are_as_wide_as_asked_whatever_the_share(share: float, filled: int) -> None:
    assert bar(share, 10, Style(80), "green").plain == "━" * filled + "─" * (10 - filled)
