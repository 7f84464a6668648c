"""Worlds and clients that the dashboard's tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from evolora.config.world import WorldConfig
from evolora.dashboard.server import make_app

NICHES = ("rhyme", "count_word", "nth_word", "opposite")
ADDRESS = "http://127.0.0.1:8765"


def puddle(generations: int) -> WorldConfig:
    """A world that a random transformer of bytes can live in."""
    return WorldConfig.model_validate(
        {
            "name": "puddle",
            "seed": 3,
            "generations": generations,
            "host": {"name": "tiny-llama", "device": "cpu", "dtype": "float32", "threads": 1},
            "niches": [
                {"family": "toy_family:NonAscii", "name": name, "settings": {"kind": kind}, "inflow": 20.0}
                for name, kind in zip(NICHES, "abcd", strict=True)
            ],
            "traits": {
                "rank": {"founders": [2, 4], "bounds": [1, 6], "step": 1},
                "answer_limit": {"founders": [2, 4], "bounds": [1, 5], "step": 1},
                "num_examples": {"founders": [0, 1], "bounds": [0, 1], "step": 0.3},
            },
            "population": {"founders": 16, "capacity": 24, "founder_energy": 4.0},
            "encounters": {"visits": 3, "answers_per_task": 3, "tasks_per_niche": 2},
            "energy": {"upkeep": 0.6, "cost_per_prompt_token": 0.002, "cost_per_generated_token": 0.01},
            "reproduction": {
                "threshold": 4.0,
                "endowment": 2.0,
                "merge_prob": 0.5,
                "merging": {"weighted_sum": 1, "crossover": 1},
                "mutation": {"gaussian": 2, "grow_rank": 1, "shrink_rank": 1},
            },
            "death": {"max_age": 9},
            "record": {"checkpoint_every": 4},
        }
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
