"""The dashboard's web server: pages and answers about run folders, read-only, for this machine alone."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from evolora.dashboard import answers
from evolora.dashboard.feed import POLL_SECONDS, Feed
from evolora.dashboard.guard import Guard
from evolora.dashboard.library import Library
from evolora.dashboard.own_names import LOOPBACK, OwnNames
from evolora.dashboard.runs import Runs
from evolora.viz.dashboard import page_files

LINGER = 5.0  # seconds that a dashboard stays after its run, and after the last page has gone
QUESTIONS: dict[str, answers.Question] = {
    "/api/runs": answers.list_runs,
    "/api/runs/{key}": answers.overview,
    "/api/runs/{key}/frames": answers.frames,
    "/api/runs/{key}/panels": answers.panels,
    "/api/runs/{key}/panels/{panel}": answers.panel,
    "/api/runs/{key}/organisms/{organism}": answers.organism,
    "/api/compare": answers.compare,
    "/api/compare/{panel}": answers.compare_panel,
}


def make_app(roots: Iterable[Path], host: str = LOOPBACK[0], poll_seconds: float = POLL_SECONDS) -> Starlette:
    """The dashboard of the runs at or below `roots`, for whoever asks for `host` or this machine by name."""
    runs = Runs(roots)
    library, feed = Library(runs), Feed(runs, poll_seconds)

    @asynccontextmanager
    async def watching(app: Starlette) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(feed.watch()), asyncio.create_task(asyncio.to_thread(library.open_newest))]
        yield
        await feed.close()
        await asyncio.gather(*tasks)

    app = Starlette(
        routes=[
            *(Route(address, partial(answers.page_file, *file)) for address, file in page_files().items()),
            *(Route(address, partial(answers.answer, library, question)) for address, question in QUESTIONS.items()),
            Route("/api/news", partial(_news, feed)),
        ],
        middleware=[Middleware(Guard, names=OwnNames(host))],
        lifespan=watching,
    )
    app.state.feed = feed
    return app


async def _news(feed: Feed, request: Request) -> Response:
    return StreamingResponse(feed.listen(), media_type="text/event-stream", headers={"cache-control": "no-store"})


class Server(uvicorn.Server):
    """Lets its listeners go before it stops, and stops by itself when its run and its pages have gone."""

    def __init__(self, app: Starlette, beside: int | None = None) -> None:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=2,
            ws="none",
        )
        super().__init__(config)
        self.feed: Feed = app.state.feed
        self.beside = beside
        self._alone_since: float | None = None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.feed.close()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        if self.beside is not None and counter % 10 == 0:  # ten ticks are a second
            self.should_exit = self.should_exit or self._is_forgotten(time.monotonic())
        return await super().on_tick(counter)

    def _is_forgotten(self, now: float) -> bool:
        if os.getppid() == self.beside or self.feed.listeners:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
        return self._alone_since is not None and now - self._alone_since > LINGER


def serve(
    roots: Iterable[Path],
    listening: socket.socket,
    host: str = LOOPBACK[0],
    beside: int | None = None,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve until interrupted; `beside` is the process of the run that started us, and whose end is ours as well."""
    server = Server(make_app(roots, host), beside)
    started()
    server.run([listening])
