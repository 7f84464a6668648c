"""`evolora simulate`: what it asks of the builder, what it prints, and with which code it leaves."""

import errno
import os
import signal
import sys
from pathlib import Path

import pytest
from fakes import FakeBuild

from evolora.cli import app
from evolora.errors import EvoloraError, RunFolderError

WORLD = "name: pond\ngenerations: 3\nniches: [{family: count_bits}]\n"


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeBuild:
    """The builder that the command will find, in a folder with worlds/pond.yaml."""
    (tmp_path / "worlds").mkdir()
    (tmp_path / "worlds" / "pond.yaml").write_text(WORLD)
    monkeypatch.chdir(tmp_path)
    fake = FakeBuild(Path("checkpoints/pond run"))
    for name in ("evolora.build", "evolora.forecast"):
        monkeypatch.setitem(sys.modules, name, fake)  # type: ignore[arg-type]
    return fake


def evolora(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command line."""
    monkeypatch.setattr(sys, "argv", ["evolora", *arguments])
    with pytest.raises(SystemExit) as left:
        app.main()
    return int(left.value.code or 0)


def interrupt(generation: int) -> None:
    if generation == 2:
        os.kill(os.getpid(), signal.SIGINT)


def interrupt_twice(generation: int) -> None:
    interrupt(generation)
    interrupt(generation)


def test_a_world_is_lived_to_its_last_generation_with_a_line_for_each(
    build: FakeBuild, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evolora(monkeypatch, "simulate", "pond", "--seed", "7", "--out", "there", "--set", "energy.upkeep=0.1") == 0
    ((verb, config, out),) = build.asked
    assert (verb, config.name, config.seed, config.energy.upkeep, out) == (
        "open",
        "pond",
        7,
        0.1,
        Path("there"),
    )
    lines = capfd.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "pond: checkpoints/pond run",
        "generation 1/3",
        "generation 2/3",
        "generation 3/3",
        "run folder: checkpoints/pond run",
    ]


def test_quiet_prints_the_run_folder_alone(
    build: FakeBuild, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evolora(monkeypatch, "simulate", "pond", "--quiet") == 0
    assert capfd.readouterr() == ("checkpoints/pond run\n", "")


def test_a_dry_run_shows_the_plan_and_builds_nothing(
    build: FakeBuild, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert evolora(monkeypatch, "simulate", "pond", "--dry-run") == 0
    assert [verb for verb, _, _ in build.asked] == ["plan"]
    assert "tokens  about 1,000 [a generation]" in capfd.readouterr().out


def test_a_resumed_run_may_be_extended(build: FakeBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    assert evolora(monkeypatch, "simulate", "--resume", "checkpoints/pond run", "--generations", "5") == 0
    assert build.asked == [("resume", Path("checkpoints/pond run"), 5)]
    assert build.simulation is not None
    assert build.simulation.lived == 5


def test_the_first_ctrl_c_finishes_the_generation_and_says_how_to_resume(
    build: FakeBuild, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    build.during = interrupt
    assert evolora(monkeypatch, "simulate", "pond") == 130
    assert build.simulation is not None
    assert build.simulation.lived == 2
    shown = capfd.readouterr()
    assert "generation 2/3" in shown.out
    assert "stopping after this generation" in shown.err
    assert shown.err.endswith("stopped and saved; go on with: evolora simulate --resume 'checkpoints/pond run'\n")


def test_the_second_ctrl_c_stops_at_once_and_says_how_to_resume(
    build: FakeBuild, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    build.during = interrupt_twice
    assert evolora(monkeypatch, "simulate", "pond") == 130
    assert build.simulation is not None
    assert build.simulation.lived == 1
    assert "from the last checkpoint with: evolora simulate --resume 'checkpoints/pond run'" in capfd.readouterr().err


def test_ctrl_c_in_the_last_generation_interrupts_nothing(build: FakeBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    build.during = interrupt
    assert evolora(monkeypatch, "simulate", "pond", "--generations", "2") == 0


def test_ctrl_c_is_given_back_after_the_run(build: FakeBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    build.during = interrupt_twice
    evolora(monkeypatch, "simulate", "pond")
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_before_the_run_begins_leaves_with_130(build: FakeBuild, monkeypatch: pytest.MonkeyPatch) -> None:
    build.fault = KeyboardInterrupt()
    assert evolora(monkeypatch, "simulate", "pond") == 130


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (
            RunFolderError("pond: expected a run folder, got none"),
            "error: pond: expected a run folder, got none\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "run/a"),
            "error: run/a: No space left on device; make room, or choose another place\n",
        ),
        (OSError(errno.EROFS, "Read-only file system"), "error: Read-only file system\n"),
    ],
)
def test_what_goes_wrong_on_this_machine_is_one_line_and_exit_code_2(
    build: FakeBuild,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    fault: EvoloraError | OSError,
    line: str,
) -> None:
    build.fault = fault
    assert evolora(monkeypatch, "simulate", "pond") == 2
    assert capfd.readouterr() == ("", line)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ([], ["error: expected a WORLD or --resume RUN, got neither; try `evolora simulate tidepool`"]),
        (
            ["pnd"],
            [
                "error: pnd: expected a YAML file or the name of one of the worlds, got no such file; "
                "did you mean pond?"
            ],
        ),
        (
            ["pond", "--set", "energy.upkep=1", "--generations", "0"],
            [
                "error: --generations: generations: expected an integer >= 1, got 0 (How long to run)",
                "error: --set energy.upkep=1: energy.upkep: unknown key; did you mean upkeep?",
            ],
        ),
        (
            ["pond", "--resume", "old", "--seed", "0", "--generations", "0"],
            [
                "error: --resume old: expected no WORLD beside it, got pond; a run keeps its own world",
                "error: --resume old: expected no --seed beside it, got 0; a run keeps its own world",
                "error: --generations: expected an integer >= 1, got 0",
            ],
        ),
    ],
)  # fmt: skip
def test_every_mistake_is_a_line_on_stderr(
    build: FakeBuild,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    lines: list[str],
) -> None:
    assert evolora(monkeypatch, "simulate", *arguments) == 2
    assert capfd.readouterr().err.splitlines() == lines
    assert build.asked == []
