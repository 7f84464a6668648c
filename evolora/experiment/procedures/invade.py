"""`invade`: each kind of specialist, taken out of its community and brought back when rare."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, JsonValue

from evolora.config.section import Count, Section
from evolora.experiment.cell import Cell
from evolora.experiment.procedures.simulate import RUN
from evolora.experiment.registry import procedure
from evolora.rng import key64, stream

if TYPE_CHECKING:
    from evolora.evaluation.evaluator import Evaluator
    from evolora.organism.organism import Organism
    from evolora.world import Rules, World


class InvadeParams(Section):
    """Params of `invade`."""

    of: str = Field(description="The arm, named in `after`, whose final community is invaded.")
    invaders: Count = Field(3, description="How many are brought in.")
    settle: int = Field(5, ge=0, description="Generations that the others live without the kind before.")
    grow: Count = Field(10, description="Generations after which the invaders' descendants are counted.")
    least: Count = Field(4, description="Organisms of a kind from which it is one of the community's.")
    repeats: Count = Field(1, description="Trials of each kind, with other invaders and other luck; their mean counts.")

    @property
    def siblings(self) -> Mapping[str, str | None]:
        """The arm that is read, by the param that names it."""
        return {"of": self.of}


@dataclass
class _Books:
    """How exact the books were in the generations lived here."""

    generations: int = 0
    inexact: int = 0
    largest_residual: int = 0

    def note(self, residual: int) -> None:
        self.generations += 1
        self.inexact += residual != 0
        self.largest_residual = max(self.largest_residual, abs(residual))


@dataclass(frozen=True)
class Trial:
    """Living organisms of the invaders' line, and all others, from the invaders' arrival on, one a generation."""

    line: tuple[int, ...]
    others: tuple[int, ...]


def growths(trials: Sequence[Trial]) -> tuple[float, float]:
    """Mean growth over trials, of the invaders' line and of all others."""
    own, others = ([growth(trial.line) for trial in trials], [growth(trial.others) for trial in trials])
    return float(np.mean(own)), float(np.mean(others))


def to_values(trials: Sequence[Trial]) -> dict[str, JsonValue]:
    """The line's numbers, trial by trial, and mean growth of line and others, for a cell's result."""
    own, others = growths(trials)
    return {
        "counts": [list(trial.line) for trial in trials],
        "growth": round(own, 9),
        "others_growth": round(others, 9),
    }


@procedure("invade", InvadeParams)
def invade(cell: Cell, folder: Path) -> Mapping[str, JsonValue]:
    """For each kind (niche of most score) of a sibling's final community: remove all of it, let the others settle,
    bring a few of the removed back as they were, count their living descendants and everybody else.

    Values: `kinds` name -> {residents, counts (a list a trial), growth, others_growth}; these two as means over kinds;
    `control`, the same for as many residents of any kind copied into the whole community, from which nobody was taken.
    Growth is per generation, ln((n + 1/2) / (n0 + 1/2)) / generations: the halves keep it finite where all died.
    """
    from evolora.blueprint import build_rules
    from evolora.build import build_evaluator
    from evolora.record.checkpoint import checkpoints, load_checkpoint

    params = InvadeParams.model_validate(cell.params)
    world, _ = load_checkpoint(checkpoints(cell.sibling(params.of).folder / RUN)[-1])
    rules, evaluator = build_rules(cell.world), build_evaluator(cell.world)
    kinds, books = kinds_of(world, rules), _Books()
    trials: dict[str, list[Trial]] = {}
    residents = Counter(kinds.values())
    for kind in sorted(kind for kind in residents if residents[kind] >= params.least):
        removed = [world.population[identity] for identity, own in kinds.items() if own == kind]
        trials[kind] = [_trial(world, one, evaluator, removed, removed, params, books) for one in lucks(rules, params)]
    everybody = list(world.population)
    control = [_trial(world, one, evaluator, [], everybody, params, books) for one in lucks(rules, params)]
    evaluator.close()
    means = [growths(own) for own in trials.values()]
    own, others = [mean for mean, _ in means], [mean for _, mean in means]
    return {
        "kinds": {kind: {"residents": residents[kind], **to_values(own)} for kind, own in trials.items()},
        "num_kinds": len(trials),
        "growth": round(float(np.mean(own)), 9) if own else None,
        "others_growth": round(float(np.mean(others)), 9) if others else None,
        "grown": sum(one > 0 for one in own),
        "control": to_values(control),
        "books": dict(vars(books)),
    }


def lucks(rules: "Rules", params: InvadeParams) -> "list[Rules]":
    """The rules for every repeat: the same, and with other seeds (tasks stay the same)."""
    seeds = [rules.seed if number == 0 else key64(rules.seed, "repeat", number) for number in range(params.repeats)]
    return [replace(rules, seed=seed) for seed in seeds]


def kinds_of(world: "World", rules: "Rules") -> dict[int, str]:
    """Id -> name of the niche that gave it most score in its life, of the living who scored at all."""
    names = [niche.name for niche in rules.niches]
    scores = {organism.id: world.history.scores.get(organism.id, (0.0,)) for organism in world.population}
    return {identity: names[int(np.argmax(own))] for identity, own in scores.items() if max(own) > 0}


def growth(counts: "tuple[int, ...]") -> float:
    """Growth per generation from the first to the last count."""
    return math.log((counts[-1] + 0.5) / (counts[0] + 0.5)) / (len(counts) - 1)


def _trial(
    community: "World",
    rules: "Rules",
    evaluator: "Evaluator",
    removed: "list[Organism]",
    pool: "list[Organism]",
    params: InvadeParams,
    books: _Books,
) -> Trial:
    """What becomes of a few of the `pool`, brought into a community without the `removed`."""
    from evolora.generation import advance
    from evolora.history import History

    world = community.snapshot()
    remove(world, rules, [organism.id for organism in removed])
    world.history = History()  # it would go on counting those who were taken out
    for _ in range(params.settle):
        books.note(advance(world, rules, evaluator).report.residual)
    rng = stream(rules.seed, "invaders", world.generation, *sorted(organism.id for organism in removed))
    chosen = sorted(rng.choice(len(pool), size=min(params.invaders, len(pool)), replace=False).tolist())
    line = bring_in(world, [pool[place] for place in chosen], rules)
    world.history = History()  # somebody may have made room
    counts = [(len(line), len(world.population) - len(line))]
    for _ in range(params.grow):
        if len(world.population):
            books.note(advance(world, rules, evaluator).report.residual)
        own = sum(organism.lineage in line for organism in world.population)
        counts.append((own, len(world.population) - own))
    return Trial(tuple(own for own, _ in counts), tuple(others for _, others in counts))


def remove(world: "World", rules: "Rules", ids: list[int]) -> None:
    """Take organisms out of a world; what they own goes where the dead's belongings go."""
    from evolora.events import DeathCause
    from evolora.lifecycle.survival import bury

    for identity in ids:
        bury(world.population, world.ledger, identity, DeathCause.SHOCK, world.generation, rules.heir)
    world.ledger.close_generation()


def bring_in(world: "World", organisms: "list[Organism]", rules: "Rules") -> set[int]:
    """Copies of organisms with what they learnt, each the founder of its own line, with a newborn's energy; the lines.

    Beyond the world's capacity the poorest residents make room.
    """
    from evolora.lifecycle.ledger import SOURCE, Reason, to_units

    assert rules.breeder is not None  # a community without births has no kinds to invade
    ledger, room = world.ledger, rules.breeder.capacity - len(organisms)
    ranked = sorted(world.population, key=lambda organism: (-ledger.balance(organism.account), organism.id))
    remove(world, rules, [organism.id for organism in ranked[room:]])
    line = set()
    for organism in organisms:
        identity = world.population.next_id
        copy = replace(
            organism, id=identity, parents=(), lineage=identity, born=world.generation, children=0,
            profit=deepcopy(organism.profit), competence=deepcopy(organism.competence),
        )  # fmt: skip
        ledger.open_account(copy.account)
        ledger.transfer(SOURCE, copy.account, to_units(rules.breeder.endowment), Reason.FOUNDING)
        world.population.add(copy)
        line.add(identity)
    ledger.close_generation()
    return line
