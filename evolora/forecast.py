"""What a run would take: its first generation lived in memory, the rest reckoned from it."""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from evolora.blueprint import build_exams, build_rules, found_world
from evolora.build import open_evaluator
from evolora.config.world import WorldConfig
from evolora.environment.selftest import profile
from evolora.exams import Exams
from evolora.generation import advance
from evolora.world import Rules


@dataclass(frozen=True)
class Plan:
    """What a run would take: `rows` of (what, how much), for people to read."""

    rows: list[tuple[str, str]]


def plan(config: WorldConfig) -> Plan:
    """Found the world in memory, live its first generation, and say what all of them would take. Nothing is written."""
    rules = build_rules(config)
    exams = build_exams(config, rules)
    with closing(open_evaluator(config)) as evaluator:
        facts = evaluator.facts
        world, _ = found_world(config, rules, facts.sites)
        genome = next(iter(world.population)).genome
        start = time.perf_counter()
        report = advance(world, rules, evaluator).report
        seconds = time.perf_counter() - start
        row = exams.hold(1, world.population, evaluator) if exams is not None else None
        exam_seconds = time.perf_counter() - start - seconds
    by_gradient = config.learning.method in ("reinforce", "imitate_self", "imitate")
    copies = 3 if by_gradient else 1  # float32 weights, and Adam's two moments
    adapters = config.population.capacity * genome.num_parameters * 4 * copies
    return Plan(
        [
            (
                "host",
                f"{facts.name}, {facts.num_parameters / 1e6:.0f} M parameters, {facts.device}, {facts.dtype}",
            ),
            (
                "sites",
                f"{len(facts.sites)} matrices, {genome.num_parameters / 1e6:.2f} M weights",
            ),
            ("organisms", f"{config.population.founders} founders, room for {config.population.capacity}"),
            *_niche_rows(rules),
            (
                "answers",
                _in_all(report.num_answers, config.generations),
            ),
            (
                "tokens",
                _in_all(report.num_tokens + report.learning_tokens, config.generations),
            ),
            ("memory", f"about {adapters / 2**20:,.0f} MiB of adapters beside the host"),
            ("checkpoints", f"{config.record.keep_checkpoints + 1} of up to {adapters / 2**20:,.0f} MiB"),
            *_exam_rows(exams, row, exam_seconds, config.generations),
            (
                "time",
                f"first generation {seconds:.0f} s, all about {_duration(seconds * config.generations)}",
            ),
        ]
    )


def _niche_rows(rules: Rules) -> list[tuple[str, str]]:
    """Each niche's best constant answer: a score an organism may reach by saying the same thing for ever."""
    constants = [(niche.name, profile(niche).constant) for niche in rules.niches]
    return [(f"niche {name}", f"constant answer {best.answer!r} scores {best.score:.2f}") for name, best in constants]


def _exam_rows(
    exams: Exams | None, row: Mapping[str, Any] | None, seconds: float, generations: int
) -> list[tuple[str, str]]:
    """What the exams on held-out tasks take beside the living."""
    if exams is None or row is None:
        return []
    number, tokens = exams.plan.num_in(generations), sum(row["tokens"].values())
    return [
        (
            "exams",
            f"{number} of {tokens:,} tokens and {seconds:.1f} s each, all about {_duration(seconds * number)} "
            "beside the time of the run",
        )
    ]


def _in_all(count: int, generations: int) -> str:
    return f"{count:,} in the first generation, about {count * generations:,} in all"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
