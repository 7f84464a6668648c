"""A world that a random transformer of bytes can live in: what most tests of whole runs begin with."""

from evolora.config.world import WorldConfig

SETTINGS = {
    "name": "puddle",
    "seed": 3,
    "generations": 6,
    "host": {"name": "tiny-llama", "device": "cpu", "dtype": "float32", "threads": 1},
    "niches": [
        {"family": "toy_family:NonAscii", "name": "first", "settings": {"kind": "a"}, "inflow": 20.0},
        {"family": "toy_family:NonAscii", "name": "second", "settings": {"kind": "b"}, "inflow": 6.0},
    ],
    "traits": {
        "rank": {"founders": [2, 4], "bounds": [1, 6], "step": 1},
        "answer_limit": {"founders": [2, 4], "bounds": [1, 5], "step": 1},
        "num_examples": {"founders": [0, 1], "bounds": [0, 1], "step": 0.3},
    },
    "population": {"founders": 6, "capacity": 8, "founder_energy": 3.0},
    "encounters": {"visits": 2, "answers_per_task": 3, "tasks_per_niche": 2},
    "energy": {"upkeep": 0.6, "cost_per_prompt_token": 0.002, "cost_per_generated_token": 0.01},
    "reproduction": {
        "threshold": 4.0,
        "endowment": 2.0,
        "merge_prob": 0.5,
        "merging": {"weighted_sum": 1, "crossover": 1},
        "mutation": {"gaussian": 2, "grow_rank": 1, "shrink_rank": 1, "drop_site": 1},
    },
    "death": {"max_age": 4},
    "record": {"checkpoint_every": 2},
}


def world(**changes: object) -> WorldConfig:
    """The puddle with whole sections replaced."""
    return WorldConfig.model_validate({**SETTINGS, **changes})


def toy_niches(*names: str, inflow: float = 20.0) -> list[dict[str, object]]:
    """As many niches as names (at most four), each with tasks of its own kind."""
    return [
        {"family": "toy_family:NonAscii", "name": name, "settings": {"kind": kind}, "inflow": inflow}
        for name, kind in zip(names, "abcd", strict=False)
    ]
