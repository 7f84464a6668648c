"""README's list of every command and option is what the command line has today."""

import pytest
from command_reference import BEGIN, END, README, current, every_command, reference, renewed

from evolora.cli.app import COMMANDS


def test_the_list_in_the_readme_is_current() -> None:
    said = "README.md lists other commands or options: run `python tests/cli/command_reference.py`"
    assert current(README.read_text(encoding="utf-8")) == reference(), said


def test_every_command_and_every_option_that_is_shown_has_a_line_that_says_what_it_is() -> None:
    lines = reference().splitlines()
    assert {path.split()[1] for path, _ in every_command()} == set(COMMANDS)
    for path, command in every_command():
        assert any(line.startswith(f"**`{path}") for line in lines), path
        for parameter in command.params:
            if parameter.name != "help" and not parameter.hidden:
                assert any(parameter.opts[-1].lower() in line.lower() for line in lines), (path, parameter.opts)
    assert not [line for line in lines if line.endswith((":", "** "))]


@pytest.mark.parametrize(("old", "new"), [("- `--seed N`", "- `--sead N`"), ("- `--quick`", "- `--quack`")])
def test_a_list_that_is_out_of_date_is_noticed_and_mended(old: str, new: str) -> None:
    readme = README.read_text(encoding="utf-8")
    stale = readme.replace(old, new)
    assert current(stale) != reference() and renewed(stale) == readme


def test_nothing_outside_the_marks_is_touched() -> None:
    assert renewed(f"before\n{BEGIN}\nold\n{END}\nafter\n") == f"before\n{BEGIN}\n{reference()}\n{END}\nafter\n"
