"""README's table of commands, held against the command line: nothing missing, nothing that does not exist."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from evolora.cli.app import COMMANDS, _load_command

README = Path(__file__).parents[2] / "README.md"
OPTION = re.compile(r"--[a-z][a-z-]*")


@dataclass(frozen=True)
class Entry:
    """A row of the table: its first cell, and the commands that it names."""

    text: str
    commands: frozenset[str]

    @property
    def words(self) -> frozenset[str]:
        return frozenset(re.findall(r"(?<![\w-])[a-z][a-z-]*", self.text))

    @property
    def options(self) -> frozenset[str]:
        return frozenset(OPTION.findall(self.text))


def entries(readme: str) -> list[Entry]:
    """The rows of the table of commands, the one whose head is `| command | ...`."""
    table = readme.partition("| command |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [row.split(" | ")[0].lstrip("| ") for row in table]
    code = [" ".join(re.findall(r"`([^`]*)`", cell)) for cell in cells]
    return [Entry(text, frozenset(re.findall(r"[a-z_]+", text)) & frozenset(COMMANDS)) for text in code]


def options_of(command: str) -> frozenset[str]:
    """Every option of a command, and of its subcommands."""
    loaded = _load_command(command)
    known = [loaded, *getattr(loaded, "commands", {}).values()]
    return frozenset(name for one in known for parameter in one.params for name in parameter.opts)


def mistakes(readme: str) -> list[str]:
    """What the table lacks or has too much."""
    rows, found = entries(readme), []
    for command in COMMANDS:
        own = [row for row in rows if command in row.commands]
        if not own:
            found.append(f"{command}: expected a row in README's table of commands, got none")
        for name in subcommands(command):
            if not any(name in row.words for row in own):
                found.append(f"{command} {name}: expected to be named in its row, got {[row.text for row in own]}")
    for row in rows:
        unknown = set(re.findall(r"\bevolora ([a-z_]+)", row.text)) - set(COMMANDS)
        found += [f"{name}: expected a command, got none of that name" for name in sorted(unknown)]
        known = {option for command in row.commands for option in options_of(command)}
        found += [f"{row.text}: expected options of it, got {option}" for option in sorted(row.options - known)]
    return found


def subcommands(command: str) -> list[str]:
    """The names of a group's commands; none for a command."""
    target = _load_command(command)
    return list(target.commands) if isinstance(target, typer.core.TyperGroup) else []


def test_the_table_names_every_command_and_only_what_exists() -> None:
    assert mistakes(README.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("`evolora bench`", "`evolora`", "bench: expected a row"),
        ("list, show, new, validate", "list, show, validate", "world new: expected to be named"),
        ("`evolora bench`", "`evolora bench`, `evolora dance`", "dance: expected a command"),
        ("`evolora simulate WORLD --dry-run`", "`evolora simulate WORLD --wet-run`", "expected options of it"),
    ],
)
def test_a_table_that_is_wrong_is_noticed(old: str, new: str, mistake: str) -> None:
    readme = README.read_text(encoding="utf-8")
    assert old in readme
    assert any(mistake in found for found in mistakes(readme.replace(old, new)))
