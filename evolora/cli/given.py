"""Which options were given: one that would do nothing is refused, not passed over."""

from collections.abc import Iterable

import typer

from evolora.errors import ConfigError


def refuse_idle(context: typer.Context, names: Iterable[str], reason: str) -> None:
    """Refuse options that mean nothing in this call; `names` are the command's parameters.

    Raises:
        ConfigError: one or more of them were given; `reason` says why not.
    """
    shown = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    given = [shown[name] for name in names if _is_given(context, name)]
    if given:
        raise ConfigError(f"{', '.join(given)}: {reason}")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
