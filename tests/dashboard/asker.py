"""Worlds and clients that the dashboard's tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from puddle import toy_niches, world
from starlette.testclient import TestClient

from evolora.config.world import WorldConfig
from evolora.dashboard.server import make_app

NICHES = ("rhyme", "count_word", "nth_word", "opposite")
ADDRESS = "http://127.0.0.1:8765"


def puddle(generations: int) -> WorldConfig:
    """A lively world of four niches."""
    return world(
        generations=generations,
        niches=toy_niches(*NICHES),
        population={"founders": 16, "capacity": 24, "founder_energy": 4.0},
        encounters={"visits": 3, "answers_per_task": 3, "tasks_per_niche": 2},
        death={"max_age": 9},
        record={"checkpoint_every": 4},
    )


class Asker:
    """A client of one run."""

    def __init__(self, client: TestClient, key: str) -> None:
        self.client, self.key = client, key

    def get(self, path: str = "", **query: object):
        return self.client.get(f"/api/runs/{self.key}{path}", params=query)

    def json(self, path: str = "", **query: object):
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def ask_about(folder: Path) -> Iterator[Asker]:
    """A client of the only run in `folder`."""
    with TestClient(make_app([folder]), base_url=ADDRESS) as client:
        (run,) = client.get("/api/runs").json()["runs"]
        yield Asker(client, run["key"])
