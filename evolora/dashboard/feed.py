"""Notices that runs have grown, and tells every page that listens: sizes are polled, nothing is ever queued.

A listener holds the last state it was told, and is told what has changed since: a slow one skips states, and one
that has gone costs nothing.
"""

import asyncio
import json
from collections.abc import AsyncIterator

from evolora.dashboard.runs import Runs
from evolora.record.run_dir import METRICS

POLL_SECONDS = 0.25
LOOK_SECONDS = 1.0  # between looks for new runs
RESTS = 4  # polls that a listener is left alone after news: a fast run's page draws once a second, not every generation
QUIET_SECONDS = 10.0  # a comment is sent after so long without news, so that a listener that has gone is noticed


class Feed:
    """Sizes of all runs' metrics, kept fresh by `watch` while anybody listens."""

    def __init__(self, runs: Runs, poll_seconds: float = POLL_SECONDS) -> None:
        self.runs = runs
        self.poll_seconds = poll_seconds
        self.sizes: dict[str, int] = {}
        self.listeners = 0
        self.closing = False
        self._news = asyncio.Condition()

    async def watch(self) -> None:
        """Poll for ever. With nobody listening, nothing is read, so that a run beside us is left alone."""
        ticks, ticks_a_look = 0, max(1, round(LOOK_SECONDS / self.poll_seconds))
        while not self.closing:
            if self.listeners:
                if ticks % ticks_a_look == 0:
                    await asyncio.to_thread(self.runs.look)
                ticks += 1
                await self._poll()
            await asyncio.sleep(self.poll_seconds)

    async def close(self) -> None:
        """Let every listener go."""
        self.closing = True
        async with self._news:
            self._news.notify_all()

    async def listen(self) -> AsyncIterator[str]:
        """Server-sent events: first `runs`, then `grown` for each run whose metrics grew, `runs` when the list did."""
        self.listeners += 1
        known: dict[str, int] = {}
        try:
            await self._poll()
            while not self.closing:
                now = dict(self.sizes)
                if now.keys() != known.keys():
                    yield event("runs", sorted(now))
                for key in sorted(key for key, size in now.items() if key in known and known[key] != size):
                    yield event("grown", key)
                if known:  # the first news are only who is there
                    await asyncio.sleep(RESTS * self.poll_seconds)
                known = now
                if not await self._wait_for_news(known):
                    yield ": still here\n\n"
        finally:
            self.listeners -= 1

    async def _wait_for_news(self, known: dict[str, int]) -> bool:
        """Wait until the sizes differ from `known`; False when it stayed quiet for a while."""
        try:
            async with asyncio.timeout(QUIET_SECONDS), self._news:
                await self._news.wait_for(lambda: self.closing or self.sizes != known)
        except TimeoutError:
            return False
        return True

    async def _poll(self) -> None:
        sizes = await asyncio.to_thread(measure, self.runs)
        if sizes != self.sizes:
            self.sizes = sizes
            async with self._news:
                self._news.notify_all()


def measure(runs: Runs) -> dict[str, int]:
    """Bytes of metrics by run; a folder that has gone meanwhile has none."""
    sizes = {}
    for key, folder in list(runs.folders.items()):
        try:
            sizes[key] = (folder / METRICS).stat().st_size
        except OSError:
            sizes[key] = 0
    return sizes


def event(name: str, data: object) -> str:
    """One server-sent event. JSON has no line breaks, so data is one line."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
