"""A download that breaks off goes on where it stopped, against a real server on this machine."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from evolora.host import resume
from evolora.host.registry import PackagedHost

WHEEL = bytes(range(256)) * 4096  # 1 MiB
PACKAGED = PackagedHost("small==1", "small.whl", len(WHEEL), hashlib.sha256(WHEEL).hexdigest(), "", 0, "")
QUIET = Console(quiet=True)


class Index(ThreadingHTTPServer):
    """Serves the wheel; `cuts` are how many bytes it sends of each coming answer before it hangs up."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[str | None] = []
        self.cuts: list[int] = []
        self.knows_ranges = True


class Answering(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.knows_ranges else 0
        rest = WHEEL[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(WHEEL) - 1}/{len(WHEEL)}")
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.cuts.pop(0)] if self.server.cuts else rest)

    def log_message(self, format: str, *values: object) -> None:
        pass


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with Index() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/small.whl"
        monkeypatch.setattr(resume, "_ask_pip", lambda packaged: address)
        yield server
        server.shutdown()
        thread.join()


def test_a_wheel_arrives_whole(index: Index, tmp_path: Path) -> None:
    assert resume.fetch_resuming(PACKAGED, tmp_path / "part", QUIET)
    assert (tmp_path / "part").read_bytes() == WHEEL
    assert index.asked == [None]


def test_a_connection_that_breaks_off_is_taken_up_where_it_stopped(index: Index, tmp_path: Path) -> None:
    index.cuts = [300_000, 400_000]
    assert resume.fetch_resuming(PACKAGED, tmp_path / "part", QUIET)
    assert (tmp_path / "part").read_bytes() == WHEEL
    assert index.asked == [None, "bytes=300000-", "bytes=700000-"]


def test_what_a_killed_process_left_is_not_fetched_again(index: Index, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(WHEEL[:1_000_000])
    assert resume.fetch_resuming(PACKAGED, tmp_path / "part", QUIET)
    assert (tmp_path / "part").read_bytes() == WHEEL
    assert index.asked == ["bytes=1000000-"]


def test_a_server_without_ranges_sends_all_of_it_again(index: Index, tmp_path: Path) -> None:
    index.knows_ranges = False
    (tmp_path / "part").write_bytes(b"?" * 1000)
    assert resume.fetch_resuming(PACKAGED, tmp_path / "part", QUIET)
    assert (tmp_path / "part").read_bytes() == WHEEL


def test_an_index_that_brings_nothing_is_left_to_the_installers_and_what_came_before_is_kept(
    index: Index, tmp_path: Path
) -> None:
    (tmp_path / "part").write_bytes(WHEEL[:1000])
    index.cuts = [0, 0, 0]
    assert not resume.fetch_resuming(PACKAGED, tmp_path / "part", QUIET)
    assert (tmp_path / "part").read_bytes() == WHEEL[:1000]
    assert len(index.asked) == 1


def test_where_pip_knows_no_such_package_the_installers_are_left_to_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert not resume.fetch_resuming(PACKAGED, tmp_path / "part", QUIET)
    assert not (tmp_path / "part").exists()
