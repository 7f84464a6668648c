"""Worlds without a language model: answers are drawn at random, everything else is real."""

from collections.abc import Mapping, Sequence

from evolora.blueprint import build_rules, found_world
from evolora.config.world import WorldConfig
from evolora.environment.encounter import Answer, Encounter
from evolora.organism.genome import Genome, SiteShape
from evolora.organism.learning import Learner, Learnt, Lesson
from evolora.rng import stream
from evolora.world import Rules, World

SITES = [SiteShape("model.layers.0.q_proj", 4, 4)]
SETTINGS = {
    "name": "hostless",
    "niches": [
        {"family": "toy_family:NonAscii", "name": "first", "settings": {"kind": "a"}, "inflow": 12.0},
        {"family": "toy_family:NonAscii", "name": "second", "settings": {"kind": "b"}, "inflow": 6.0, "price": 1.5},
    ],
    "traits": {"rank": {"founders": [2, 2], "bounds": [1, 3], "step": 0.5}},
    "population": {"founders": 10, "capacity": 14, "founder_energy": 3.0},
    "encounters": {"visits": 3, "answers_per_task": 2, "tasks_per_niche": 2},
    "energy": {"upkeep": 0.9, "cost_per_prompt_token": 0.01, "cost_per_generated_token": 0.02},
    "reproduction": {"threshold": 4.0, "endowment": 2.0, "merge_prob": 0.4},
    "death": {"max_age": 9},
}


class Coin:
    """An evaluator whose organisms answer rightly with a chance of their own: `skill` by id, else a half."""

    def __init__(self, skill: Mapping[int, float] | None = None) -> None:
        self._skill = skill or {}

    def answer(self, genomes: Mapping[int, Genome], encounters: Sequence[Encounter]) -> list[tuple[Answer, ...]]:
        return [
            tuple(self._answer(e, stream(e.key, "coin", sample).random()) for sample in range(e.num_samples))
            for e in encounters
        ]

    def _answer(self, encounter: Encounter, draw: float) -> Answer:
        text = "é" if draw < self._skill.get(encounter.organism_id, 0.5) else "no"
        return Answer(text, (1, 2), (3, 4, 5), -1.0, stopped=True)

    def learn(self, learners: Mapping[int, Learner], lessons: Sequence[Lesson]) -> dict[int, Learnt]:
        return {identity: Learnt(one.genome, one.optimizer, 0.0, 0.0) for identity, one in learners.items()}


def make_world(seed: int = 1, **changes: object) -> tuple[World, Rules]:
    """A founded world of `SETTINGS` with top-level sections replaced; sections are merged one level deep."""
    merged = {
        key: {**old, **changes[key]} if isinstance(old := SETTINGS.get(key), dict) else changes[key] for key in changes
    }
    config = WorldConfig.model_validate({**SETTINGS, **merged, "seed": seed})
    rules = build_rules(config)
    world, _ = found_world(config, rules, SITES)
    return world, rules
