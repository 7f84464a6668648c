"""`invade`: each kind of specialist, taken out of its community and brought back when rare."""

import math
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, JsonValue

from evolora.config.world import Count, Section
from evolora.experiment.cell import Cell
from evolora.experiment.procedures.simulate import RUN
from evolora.experiment.registry import procedure
from evolora.rng import stream

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


@procedure("invade", InvadeParams)
def invade(cell: Cell, folder: Path) -> Mapping[str, JsonValue]:
    """For each kind (niche of most score) of a sibling's final community: remove all of it, let the others settle,
    bring a few of the removed back as they were, count their living descendants.

    Values: `kinds` name -> {residents, counts, growth}; `growth`, mean over kinds; `control`, the same for as many
    residents of any kind copied into the whole community, from which nobody was taken. Growth is per generation,
    ln((n + 1/2) / (n0 + 1/2)) / generations: the halves keep it finite where all died (Haldane's correction).
    """
    from evolora.blueprint import build_rules
    from evolora.build import build_evaluator
    from evolora.record.checkpoint import checkpoints, load_checkpoint

    params = InvadeParams.model_validate(cell.params)
    world, _ = load_checkpoint(checkpoints(cell.sibling(params.of).folder / RUN)[-1])
    rules, evaluator = build_rules(cell.world), build_evaluator(cell.world)
    kinds = kinds_of(world, rules)
    counts, books = Counter(kinds.values()), _Books()
    trials: dict[str, JsonValue] = {}
    growths = []
    for kind in sorted(kind for kind in counts if counts[kind] >= params.least):
        removed = [world.population[identity] for identity, own in kinds.items() if own == kind]
        series = _trial(world, rules, evaluator, removed, removed, params, books)
        growths.append(growth(series))
        trials[kind] = {"residents": len(removed), "counts": list(series), "growth": round(growths[-1], 9)}
    control = _trial(world, rules, evaluator, [], list(world.population), params, books)
    evaluator.close()
    return {
        "kinds": trials,
        "num_kinds": len(trials),
        "growth": round(float(np.mean(growths)), 9) if growths else None,
        "grown": sum(one > 0 for one in growths),
        "control": {"counts": list(control), "growth": round(growth(control), 9)},
        "books": dict(vars(books)),
    }


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
) -> tuple[int, ...]:
    """Numbers of the invaders' line from their arrival on, one a generation."""
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
    counts = [len(line)]
    for _ in range(params.grow):
        if len(world.population):
            books.note(advance(world, rules, evaluator).report.residual)
        counts.append(sum(organism.lineage in line for organism in world.population))
    return tuple(counts)


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
