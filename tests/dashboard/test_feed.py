"""News of runs that grow: told soon, to everybody who listens, with nothing queued for those who do not."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from evolora.dashboard.feed import Feed, event
from evolora.dashboard.runs import Runs, run_key

SOON = 10.0  # seconds; how soon news really come is measured in a browser


def append(folder: Path, text: str) -> None:
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(text)


@pytest.fixture
def shelf(pretend: Path, tmp_path: Path) -> Path:
    shutil.copytree(pretend, tmp_path / "one")
    return tmp_path


def with_feed(shelf: Path, act: Callable[[Feed], Awaitable[None]], poll_seconds: float = 0.02) -> None:
    """Run `act` while a feed watches the shelf."""

    async def live() -> None:
        feed = Feed(Runs([shelf]), poll_seconds)
        watching = asyncio.create_task(feed.watch())
        try:
            await act(feed)
        finally:
            await feed.close()
            await asyncio.wait_for(watching, 5)

    asyncio.run(live())


async def soon(news: AsyncIterator[str]) -> tuple[str, object]:
    """The next piece of news: (event, data)."""
    name, data = (await asyncio.wait_for(anext(news), SOON)).strip().split("\n")
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def test_a_listener_is_told_of_the_runs_and_then_of_growth(shelf: Path) -> None:
    key = run_key(shelf / "one")

    async def act(feed: Feed) -> None:
        news = feed.listen()
        assert await soon(news) == ("runs", [key])
        append(shelf / "one", "{}\n")
        assert await soon(news) == ("grown", key)

    with_feed(shelf, act)


def test_a_new_run_is_told_of_and_so_is_one_that_goes(shelf: Path) -> None:
    async def act(feed: Feed) -> None:
        news = feed.listen()
        await soon(news)
        shutil.copytree(shelf / "one", shelf / "two")
        name, keys = await soon(news)
        assert name == "runs" and set(keys) == {run_key(shelf / "one"), run_key(shelf / "two")}
        shutil.rmtree(shelf / "two")
        while (told := await soon(news))[0] == "grown":  # its files may go one after the other
            pass
        assert told == ("runs", [run_key(shelf / "one")])

    with_feed(shelf, act)


def test_a_slow_listener_is_told_the_last_state_once_and_nothing_is_queued(shelf: Path) -> None:
    key = run_key(shelf / "one")

    async def act(feed: Feed) -> None:
        slow, quick = feed.listen(), feed.listen()
        await soon(slow), await soon(quick)
        for _ in range(5):
            append(shelf / "one", "{}\n")
            assert await soon(quick) == ("grown", key)
        assert await soon(slow) == ("grown", key)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(slow), 0.2)

    with_feed(shelf, act)


def test_a_listener_that_goes_leaves_nothing_behind(shelf: Path) -> None:
    async def act(feed: Feed) -> None:
        news = feed.listen()
        await soon(news)
        assert feed.listeners == 1
        await news.aclose()  # type: ignore[attr-defined]
        assert feed.listeners == 0

    with_feed(shelf, act)


def test_nothing_is_read_while_nobody_listens(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    monkeypatch.setattr("evolora.dashboard.feed.measure", lambda runs: looked.append(1) or {})
    monkeypatch.setattr(Runs, "look", lambda self: looked.append(1))

    async def act(feed: Feed) -> None:
        looked.clear()  # the shelf was looked through once, when the feed was made
        await asyncio.sleep(0.2)
        assert looked == []
        await soon_or_nothing(feed)
        assert looked

    async def soon_or_nothing(feed: Feed) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(feed.listen()), 0.2)

    with_feed(shelf, act)


def test_closing_lets_every_listener_go(shelf: Path) -> None:
    async def act(feed: Feed) -> None:
        news = feed.listen()
        await soon(news)
        waiting = asyncio.ensure_future(anext(news))
        await asyncio.sleep(0.05)
        await feed.close()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(waiting, SOON)

    with_feed(shelf, act)


def test_an_event_is_one_line_of_data_whatever_is_in_it() -> None:
    assert event("runs", ["a\nevent: evil\n\n"]) == 'event: runs\ndata: ["a\\nevent: evil\\n\\n"]\n\n'
