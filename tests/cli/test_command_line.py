"""The `evolora` command as a shell meets it."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzzing import shell
from typer.testing import CliRunner

from evolora import __version__
from evolora.cli.app import COMMANDS, app

HEAVY = ("torch", "numpy", "transformers", "reasoning_gym", "pyarrow", "peft", "pydantic", "yaml")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, which reports the heavy modules it imported as its last line."""
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print('imported', *[name for name in {HEAVY!r} if name in sys.modules]))\n"
        "from evolora.cli.app import main\n"
        f"sys.argv = ['evolora', *{list(arguments)!r}]\n"
        "main()\n"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_asking_for_help_imports_nothing_heavy(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["imported"]


def test_the_help_of_simulate_does_not_wait_for_torch() -> None:
    done = run("simulate", "--help")
    assert done.returncode == 0, done.stderr
    assert "--resume" in done.stdout
    assert "torch" not in done.stdout.splitlines()[-1]


def test_a_mistake_leaves_with_code_2_and_no_traceback() -> None:
    done = run("simulate", "no-such-world-anywhere")
    assert done.returncode == 2
    assert done.stderr.startswith("error: no-such-world-anywhere: expected a YAML file")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["simulate", "--sed", "3"], "No such option: --sed (Possible options: --seed, --set); "),
        (["simulate", "petri", "--generations", "x"], "Invalid value for '--generations'"),
        (["lineage"], "Missing argument"),
        (["simmulate"], "No such command 'simmulate'"),
        (["world", "schema", "--out", "/no-such-folder/a.json"], "/no-such-folder: No such file or directory; make"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(arguments: list[str], told: str) -> None:
    done = run(*arguments)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and line.startswith("error: ") and told in line


def test_a_command_without_its_subcommand_shows_what_there_is() -> None:
    done = run("world")
    assert done.returncode == 2 and "validate" in done.stdout + done.stderr


def test_a_message_never_carries_what_a_terminal_would_obey(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('name: a\n"\\e[2Je\\nvil": 1\n')
    code, errors = shell("simulate", str(tmp_path / "a.yaml"))
    assert (
        code == 2
        and "\\x1b[2Je\\nvil: unknown key" in errors
        and "\x1b" not in errors
        and len(errors.splitlines()) == 2
    )


def test_the_version_is_the_package_s() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"evolora {__version__}\n"


def test_help_lists_every_command_with_what_it_does() -> None:
    shown = " ".join(CliRunner().invoke(app, ["--help"]).output.replace("│", " ").split())
    for name, (_, _, what) in COMMANDS.items():
        assert f"{name} {what}" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str) -> None:
    done = CliRunner().invoke(app, [name, "--help"])
    assert done.exit_code == 0
    assert f"evolora {name}" in done.output or f"root {name}" in done.output


def test_a_mistyped_command_suggests_the_right_one() -> None:
    done = CliRunner().invoke(app, ["simulat"])
    assert done.exit_code == 2
    assert "Did you mean 'simulate'?" in done.output
