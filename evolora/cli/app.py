"""The `evolora` command: its commands, and what becomes of errors."""

import errno
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from evolora import __version__
from evolora.errors import ConfigError, EvoloraError

UsageMistake: Any = typer.BadParameter.__base__  # of options, arguments and commands; typer names only this child

# One file per command: name -> (module, a function or a typer app in it, what it does).
# Imported when it is called, so that `evolora --help` does not wait for torch.
COMMANDS = {
    "simulate": ("evolora.cli.simulate", "simulate", "Live a world, or go on with an interrupted run."),
    "world": ("evolora.cli.world", "world_app", "World files: list, show, write, check and compare them."),
    "host": (
        "evolora.cli.host",
        "host_app",
        "The language models worlds run on: list them, bring one, try one.",
    ),
    "evaluate": (
        "evolora.cli.evaluate",
        "evaluate",
        "Score founders and final population on held-out tasks.",
    ),
    "experiment": ("evolora.cli.experiment", "experiment_app", "Experiments out of files: plan, run, report."),
    "pack": ("evolora.cli.bundle", "pack", "Put a run into one file that others can check and rerun."),
    "unpack": ("evolora.cli.bundle", "unpack", "Make a run folder of a bundle, after every check."),
    "inspect": ("evolora.cli.bundle", "inspect", "Show what is in a bundle, who made it and under which licence."),
    "verify": ("evolora.cli.bundle", "verify", "Check every byte of a bundle; a damaged part is named."),
    "replay": ("evolora.cli.bundle", "replay", "Live a bundle's world again beside its record."),
    "export": ("evolora.cli.export", "export", "Write organisms as PEFT adapters, or held-out tasks for lm-eval."),
    "import": ("evolora.cli.import_", "import_", "Bring PEFT adapters into a world as founders."),
    "serve": ("evolora.cli.serve", "serve", "Serve the organisms of a run to OpenAI clients."),
    "chat": ("evolora.cli.chat", "chat", "Talk to an organism of a run."),
    "watch": ("evolora.cli.watch", "watch", "Look at runs in a browser, live or afterwards."),
    "report": ("evolora.cli.report", "report", "Write runs as one HTML file that works without a network."),
    "lineage": ("evolora.cli.lineage", "lineage", "Show an organism's ancestry back to its founders."),
    "portfolio": ("evolora.cli.portfolio", "portfolio", "Keep some organisms of a run with a router, and test them."),
    "bench": ("evolora.cli.bench", "bench", "Time population batches against the bare host and generate()."),
}


class _Commands(TyperGroup):
    """The commands of `COMMANDS`: a stub with the help line to list them, the real one to run it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands = {name: TyperCommand(name, help=what) for name, (_, _, what) in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, stub, rest = super().resolve_command(ctx, args)
        return (name, stub, rest) if name is None else (name, _load_command(name), rest)


def _load_command(name: str) -> Any:
    module, attribute, _ = COMMANDS[name]
    target = vars(import_module(module))[attribute]
    if isinstance(target, typer.Typer):
        group = get_group(target)
        group.name = name
        return group
    single = typer.Typer(add_completion=False)
    single.command(name)(target)
    return get_command(single)


app = typer.Typer(
    name="evolora",
    cls=_Commands,
    help="Artificial life whose organisms are LoRA adapters living in a frozen language model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback here is a defect, wanted in full and uncoloured
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"evolora {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """The entry point. A user's mistake is a line on stderr and exit code 2; Ctrl-C is exit code 130."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except UsageMistake as error:
        _explain_usage(error)
        sys.exit(EvoloraError.exit_code)
    except typer.Abort:
        sys.exit(130)
    except ConfigError as error:
        _complain(error.problems)
        sys.exit(error.exit_code)
    except EvoloraError as error:
        _complain([str(error)])
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # a full or read-only disk, a folder without permission
        _complain([_place(error)])
        sys.exit(EvoloraError.exit_code)


def _explain_usage(error: Any) -> None:
    """One line on an option or argument; nothing where the help was shown instead."""
    if message := error.format_message().rstrip("."):
        command = "evolora" if error.ctx is None else error.ctx.command_path
        _complain([f"{command}: {message}; `{command} --help` says what it takes"])


def _place(error: OSError) -> str:
    """What the system refused, where, and what to do. A file written to be renamed is told by its folder."""
    reason = error.strerror or str(error)
    if error.filename is None:
        return reason
    path = Path(os.fsdecode(error.filename))
    advice = {
        errno.ENOENT: "make its folder first, or choose another place",
        errno.ENOTDIR: "choose a place whose folders are no files",
        errno.EACCES: "choose another place, or ask for permission",
        errno.EROFS: "choose another place",
        errno.ENOSPC: "make room, or choose another place",
    }.get(error.errno or 0)
    where = path.parent if path.name.startswith(".") else path
    return f"{where}: {reason}" + (f"; {advice}" if advice else "")


def _complain(problems: list[str]) -> None:
    for problem in problems:
        typer.echo(f"error: {_printable(problem)}", err=True)


def _printable(text: str) -> str:
    """The text on one line, with what a terminal would obey spelled out: a message may quote a stranger's file."""
    return "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in text)
