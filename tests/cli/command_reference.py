"""README's list of every command and option, made from the command line itself.

    python tests/cli/command_reference.py

writes it anew between its two marks in README.md. A test says when it is out of date.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

from typer.core import TyperArgument, TyperGroup

from evolora.cli.app import COMMANDS, _load_command

README = Path(__file__).parents[2] / "README.md"
BEGIN = "<!-- every command: made by tests/cli/command_reference.py -->"
VALUES = {int: "N", float: "NUMBER", str: "TEXT", Path: "PATH"}  # what an option takes that has no metavar
END = "<!-- end of every command -->"


def reference() -> str:
    """Every command with its arguments and options, a line each, as Markdown that opens when it is clicked on."""
    blocks = ["\n".join(_command(path, command)) for path, command in every_command()]
    head = "<details><summary>Every command and option</summary>"
    return "\n\n".join([head, *blocks, "</details>"])


def every_command() -> Iterator[tuple[str, Any]]:
    """(`evolora world list`, command) of everything that can be called, in the order of `evolora --help`."""
    for name in COMMANDS:
        loaded = _load_command(name)
        if isinstance(loaded, TyperGroup):
            yield from ((f"evolora {name} {below}", command) for below, command in loaded.commands.items())
        else:
            yield f"evolora {name}", loaded


def _command(path: str, command: Any) -> list[str]:
    arguments = [parameter for parameter in command.params if isinstance(parameter, TyperArgument)]
    options = [one for one in command.params if one not in arguments and one.name != "help" and not one.hidden]
    usage = " ".join([path, *(_argument(argument) for argument in arguments)])
    hints = get_type_hints(command.callback)
    what = (command.help or "").strip().partition("\n\n")[0]
    return [
        f"**`{usage}`** {_one_line(what)}",
        *(f"- `{_argument(argument)}`: {_one_line(argument.help)}" for argument in arguments if argument.help),
        *(f"- `{_option(option, hints)}`: {_one_line(option.help)}{_default(option)}" for option in options),
    ]


def _argument(argument: Any) -> str:
    name = re.sub(r"[][.]", "", argument.metavar or argument.name.upper()) + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _option(option: Any, hints: dict[str, Any]) -> str:
    names = ", ".join(sorted([*option.opts, *option.secondary_opts], key=lambda name: (name.startswith("--"), name)))
    if option.is_flag:
        return names
    return f"{names} {option.metavar or VALUES[_plain(hints[option.name])]}"


def _plain(hint: Any) -> Any:
    """The type inside `X | None` and `list[X]`."""
    inside = [part for part in get_args(hint) if part is not type(None)]
    return _plain(inside[0]) if inside else hint


def _default(option: Any) -> str:
    """The default, where the help does not tell it in words."""
    shown = not isinstance(option.default, bool | None) and option.show_default is not False
    return f" (default: {option.default})" if shown and "(default:" not in option.help else ""


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def current(readme: str) -> str:
    """What stands between the marks.

    Raises:
        ValueError: a mark is missing.
    """
    return readme[readme.index(BEGIN) + len(BEGIN) : readme.index(END)].strip()


def renewed(readme: str) -> str:
    """`readme` with the reference as it is now."""
    return f"{readme[: readme.index(BEGIN)]}{BEGIN}\n{reference()}\n{readme[readme.index(END) :]}"


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
