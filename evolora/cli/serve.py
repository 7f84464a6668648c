"""`evolora serve`: a run's organisms behind an OpenAI-compatible server."""

import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from evolora.errors import ConfigError

PORTFOLIO = typer.Option(
    metavar="DIR",
    help="A saved portfolio, as model `portfolio`. Repeatable. (default: RUN/portfolio, RUN/portfolio-NAME)",
    show_default=False,
)


def serve(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    host_name: Annotated[
        str,
        typer.Option(
            help="Address to listen on; others than this machine's own are open to everybody there, and 0.0.0.0 is "
            "asked for by number."
        ),
    ] = "127.0.0.1",
    max_tokens: Annotated[int, typer.Option(min=1, max=4096, help="Most new tokens a client may ask for.")] = 256,
    max_prompt_tokens: Annotated[int, typer.Option(min=1, help="Longest prompt, in tokens.")] = 1024,
    max_waiting: Annotated[int, typer.Option(min=1, help="Requests that may wait; further ones are told 429.")] = 512,
    portfolio: Annotated[list[Path] | None, PORTFOLIO] = None,
) -> None:
    """Serve the organisms of a run: /v1/models, /v1/chat/completions and /v1/completions, as OpenAI's clients use them.

    A model is an organism (its full name, or its id), `host`, the bare host, `portfolio`, whose router chooses who
    answers, or `colony-ID`, of whose members the best bidder answers. Requests that arrive together are answered in one
    batch, whomever they are for. Streamed answers arrive when they are complete. Ctrl-C ends it.
    """
    listening = _listen(host_name, port)
    from evolora.dashboard.own_names import OwnNames
    from evolora.record.checkpoint import checkpoints
    from evolora.serving.app import Bounds, make_app
    from evolora.serving.opening import open_speakers
    from evolora.serving.requests import Limits

    speakers = open_speakers(run, portfolio)
    created = int(max(path.stat().st_mtime for path in (run / "run.json", *checkpoints(run))))
    bounds = Bounds(Limits(max_prompt_tokens, max_tokens), max_waiting)
    app = make_app(speakers, bounds, created, OwnNames(host_name))

    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        limit_concurrency=2 * max_waiting + bounds.max_batch,  # connections: they take memory before they ask
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
    )
    address = f"http://{host_name if ':' not in host_name else f'[{host_name}]'}:{listening.getsockname()[1]}/v1"
    adapters = speakers.num_adapter_bytes / 2**20
    typer.echo(f"{len(speakers.all) - 1} organisms and the host, {adapters:,.0f} MiB of adapters: {address}")
    typer.echo(f"begin with: {speakers.first.name}")
    for team in speakers.teams:
        typer.echo(f"{team.name}: {len(team.members)} members, one of whom answers")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):  # how to end it; uvicorn sometimes returns in its place
        uvicorn.Server(config).run(sockets=[listening])
    typer.echo("stopped", err=True)


def _listen(host_name: str, port: int) -> socket.socket:
    """A listening socket, taken before the host is loaded: a port that is in use is said at once."""
    try:
        family = socket.getaddrinfo(host_name, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host_name, port))
        listening.listen(2048)  # who connects while the host is loaded waits
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no host name"
        raise ConfigError(
            f"--host-name {host_name} --port {port}: expected an address to listen on, got: {reason}; give another"
        ) from error
    return listening
