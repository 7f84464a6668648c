"""`plant`: a cheat in every colony; from the same state, an honest twin of it there, and a twin left alone."""

from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, JsonValue

from evolora.config.section import Count, Section
from evolora.experiment.cell import Cell
from evolora.experiment.procedures.simulate import RUN
from evolora.experiment.registry import procedure
from evolora.rng import stream

if TYPE_CHECKING:
    from evolora.evaluation.evaluator import Evaluator
    from evolora.events import Event
    from evolora.world import Rules, World

Fate = Literal["expelled", "dissolved", "died", "still"]
Kind = Literal["cheats", "honest", "loners"]
KINDS: tuple[Kind, ...] = ("cheats", "honest", "loners")


class PlantParams(Section):
    """Params of `plant`."""

    of: str = Field(description="The arm, named in `after`, in whose final colonies they are planted.")
    generations: Count = Field(12, description="Generations after which it is seen what became of them.")

    @property
    def siblings(self) -> Mapping[str, str | None]:
        """The arm that is read, by the param that names it."""
        return {"of": self.of}


@dataclass(frozen=True)
class Trial:
    """What became of the planted, `fates` and generations `lived` by organism id, and of the colonies: how many there
    were and are, their pots' energy, and generations lived with books that were not exact."""

    fates: Mapping[int, Fate]
    lived: Mapping[int, int]
    colonies: tuple[int, int]
    pot: float
    generations: int
    inexact: int
    largest_residual: int

    def to_values(self) -> dict[str, JsonValue]:
        """Numbers for a cell's result. `share_out` is the share expelled or left by a colony that ended,
        `share_still` that of members yet; of those who did not die of anything else. None where there are none."""
        counts = Counter(self.fates.values())
        known = len(self.fates) - counts["died"]
        out = counts["expelled"] + counts["dissolved"]
        shares = {
            "share_out": out / known if known else None,
            "share_still": counts["still"] / known if known else None,
        }
        fates: dict[str, JsonValue] = {name: counts[name] for name in ("expelled", "dissolved", "died", "still")}
        ends: dict[str, JsonValue] = {
            "planted": len(self.fates),
            "lived": round(sum(self.lived.values()) / len(self.lived), 6) if self.lived else None,
            "colonies_before": self.colonies[0],
            "colonies_after": self.colonies[1],
            "pot_after": round(self.pot, 6),
        }
        return {**fates, **shares, **ends}


@procedure("plant", PlantParams)
def plant(cell: Cell, folder: Path) -> Mapping[str, JsonValue]:
    """For each colony of a sibling's final state a copy of a member drawn by chance, with a newborn's energy out of the
    source. The world goes on three times: with all of them signed up (without a stake) as cheats, signed up as honest
    members, and left alone.

    A cheat pays neither dues nor rewards and lets the pot pay all its upkeep; in everything else the twins are one.
    Who is left alone may sign up later, and who is in a colony may have to leave: they are compared as they were put.
    Values: `cheats`, `honest` and `loners` (`Trial.to_values`); `difference`, share out, of cheats less honest twins;
    `membership`, generations lived, of honest twins less those left alone; `books` of all.
    """
    from evolora.blueprint import build_rules
    from evolora.build import build_evaluator
    from evolora.record.checkpoint import checkpoints, load_checkpoint

    params = PlantParams.model_validate(cell.params)
    world, _ = load_checkpoint(checkpoints(cell.sibling(params.of).folder / RUN)[-1])
    rules, evaluator = build_rules(cell.world), build_evaluator(cell.world)
    trials = {kind: watch(world.snapshot(), rules, evaluator, params.generations, kind) for kind in KINDS}
    evaluator.close()
    values: dict[str, dict[str, JsonValue]] = {kind: trial.to_values() for kind, trial in trials.items()}
    return {
        **values,
        "difference": _less(values["cheats"]["share_out"], values["honest"]["share_out"]),
        "membership": _less(values["honest"]["lived"], values["loners"]["lived"]),
        "books": {
            "generations": sum(trial.generations for trial in trials.values()),
            "inexact": sum(trial.inexact for trial in trials.values()),
            "largest_residual": max(trial.largest_residual for trial in trials.values()),
        },
    }


def _less(one: JsonValue, other: JsonValue) -> float | None:
    return one - other if isinstance(one, (int, float)) and isinstance(other, (int, float)) else None


def watch(world: "World", rules: "Rules", evaluator: "Evaluator", generations: int, kind: Kind) -> Trial:
    """Plant one for each colony and live on; `world` is changed."""
    from evolora.generation import advance
    from evolora.pooling import pot_energy

    before = len(world.colonies)
    homes = put_in(world, rules, kind)
    fates: dict[int, Fate] = {}
    lived = dict.fromkeys(homes, 0)
    residuals = []
    for _ in range(generations):
        if len(world.population) == 0:
            break
        generation = advance(world, rules, evaluator)
        residuals.append(abs(generation.report.residual))
        for event in generation.events:
            note_fates(event, homes, fates)
        for identity in homes:
            lived[identity] += identity in world.population
    fates |= {identity: "still" for identity in homes if identity not in fates}
    return Trial(
        fates,
        lived,
        (before, len(world.colonies)),
        pot_energy(world),
        len(residuals),
        sum(residual != 0 for residual in residuals),
        max(residuals, default=0),
    )


def put_in(world: "World", rules: "Rules", kind: Kind) -> dict[int, int]:
    """Id of who was planted -> the colony its model is of, one a colony.

    The population may be larger than its capacity for a while: births make room as always.
    """
    from evolora.lifecycle.colony import Member
    from evolora.lifecycle.ledger import SOURCE, Reason, to_units

    assert rules.breeder is not None  # a newborn's energy is what births cost
    homes = {}
    for colony in world.colonies:
        rng = stream(rules.seed, "plant", world.generation, colony.id)
        model = world.population[sorted(colony.members)[int(rng.integers(len(colony)))]]
        identity = world.population.next_id
        twin = replace(
            model, id=identity, parents=(), lineage=identity, born=world.generation, children=0,
            profit=deepcopy(model.profit), competence=deepcopy(model.competence), practice=deepcopy(model.practice),
        )  # fmt: skip
        world.ledger.open_account(twin.account)
        world.ledger.transfer(SOURCE, twin.account, to_units(rules.breeder.endowment), Reason.FOUNDING)
        world.population.add(twin)
        if kind != "loners":
            world.colonies.add(colony, identity, Member(world.generation))
        if kind == "cheats":
            world.colonies.free_riders.add(identity)
        homes[identity] = colony.id
    world.ledger.close_generation()
    return homes


def note_fates(event: "Event", homes: Mapping[int, int], fates: dict[int, Fate]) -> None:
    """Write down what an event means for those of the planted whose fate is open. A colony that buds takes its members
    along: who goes with a daughter is a member yet."""
    from evolora.events import Change, ColonyChange, Death

    if isinstance(event, Death) and event.organism_id in homes:
        fates.setdefault(event.organism_id, "died")
    elif isinstance(event, ColonyChange) and event.change in (Change.EXPELLED, Change.DISSOLVED):
        ended: Fate = "expelled" if event.change is Change.EXPELLED else "dissolved"
        for identity in event.members:
            if identity in homes:
                fates.setdefault(identity, ended)
