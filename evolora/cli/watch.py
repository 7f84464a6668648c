"""`evolora watch`: look at runs in a browser, live or afterwards."""

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from evolora.errors import RunFolderError

DEFAULT_FOLDER = Path("checkpoints")
NICENESS = 10  # beside a run, the run goes first


def watch(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN or FOLDER]...",
            help="Run folders, or folders of them. (default: checkpoints)",
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the page. (default: the first free one from 8765 on)")
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; anything but this machine's own lets others look too.")
    ] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    socket_number: Annotated[int | None, typer.Option("--socket", hidden=True)] = None,
    beside: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Open a page that shows runs as they live: the pond, the plots, every organism. Two to four RUNs: side by side.

    It only reads the run folders, listens on this machine alone, and may be started and stopped at any time.
    """
    if beside is not None:
        _give_way()
    folders = runs or [DEFAULT_FOLDER]
    for folder in folders:
        if not folder.is_dir():
            raise RunFolderError(f"{folder}: expected a run folder or a folder of runs, got none; give one")
    from evolora.dashboard.address import address_of, listen_on, show_page
    from evolora.dashboard.comparing import comparison_of
    from evolora.dashboard.server import serve

    listening = listen_on(host, port) if socket_number is None else socket.socket(fileno=socket_number)
    address = address_of(listening) + comparison_of(folders)
    if beside is None:
        typer.echo(f"dashboard: {address}  (Ctrl-C ends it)")

    def show() -> None:
        if browser:
            show_page(address)

    with suppress(KeyboardInterrupt):  # how to end it; uvicorn sometimes returns in its place
        serve(folders, listening, host, beside, show)
    typer.echo("dashboard ended")


def _give_way() -> None:
    """Let the run go first, by the niceness of this process and of its session.

    Where Linux shares processors out by session (sched_autogroup), a process's own niceness counts within it alone.
    """
    os.nice(NICENESS)
    with suppress(OSError):  # no such file on other systems, or a container that may not write it
        Path("/proc/self/autogroup").write_text(str(NICENESS))
