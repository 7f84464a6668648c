"""Where an organism came from: its ancestors' lives and what changed at each birth, read from a run's record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evolora.errors import RunFolderError
from evolora.history import Ancestor
from evolora.record.lives import niche_names, read_lives
from evolora.record.measures.phylogeny import ancestor_shares
from evolora.record.run_dir import EVENTS, LIVES, RunDir

TRAITS = ("rank", "mutation_scale", "learning_rate", "temperature", "answer_limit", "num_examples")


@dataclass(frozen=True)
class Forebear:
    """One organism's life as the record has it, the one asked for or an ancestor of it.

    `share` in [0, 1] is the part of the asked one's genome that came through it. `born` and `died` are generations
    (`died` None: alive), `age` generations lived through, `earned` energy units, `best_niche` the one of most summed
    score with its `best_score` in [0, 1]. `traits` are those it lived with; `changes` maps a trait to (first parent's,
    its own) where they differ. What only a lived generation shows is None, or empty, for who has not lived one yet.
    """

    id: int
    share: float
    kind: str
    operator: str
    parents: tuple[int, ...]
    lineage: int
    born: int
    died: int | None
    cause: str | None
    age: int
    children: int
    num_answers: int
    earned: float
    mean_score: float | None
    best_niche: str | None
    best_score: float | None
    traits: Mapping[str, float]
    changes: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class _Deeds:
    """What an organism's rows in lives.arrow come to: per niche summed scores and answers, meals, and its traits."""

    scores: np.ndarray
    answers: np.ndarray
    earned: float
    last: int
    traits: dict[str, float]


def trace_ancestry(run_dir: RunDir, organism_id: int) -> dict[int, Forebear]:
    """The organism and all its ancestors through both parents of merges, by id, the organism first, founders last.

    Raises:
        RunFolderError: the run never had such an organism, or does not say of an ancestor how it was born.
    """
    births: dict[int, dict[str, Any]] = {}
    deaths: dict[int, dict[str, Any]] = {}
    children: dict[int, int] = {}
    for event in run_dir.read(EVENTS):
        if event["event"] == "birth":
            births[event["organism_id"]] = event
            for parent in event["parents"]:
                children[parent] = children.get(parent, 0) + 1
        elif event["event"] == "death":
            deaths[event["organism_id"]] = event
    if organism_id not in births:
        known = f"an id from {min(births)} to {max(births)}" if births else "an organism, and none was born yet"
        raise RunFolderError(f"{run_dir.path}: expected {known}, got organism {organism_id}; see events.jsonl there")
    if unborn := children.keys() - births.keys():
        raise RunFolderError(
            f"{run_dir.path / EVENTS}: expected the birth of every parent, got none of organism {min(unborn)}; "
            "the file is damaged"
        )
    pedigree = {own: Ancestor(birth["generation"], tuple(birth["parents"])) for own, birth in births.items()}
    shares = ancestor_shares(pedigree, [organism_id])
    table = read_lives(run_dir.path / LIVES)
    names, deeds = niche_names(table), _read_deeds(table, sorted(shares))
    return {
        own: _describe(births[own], deaths.get(own), children.get(own, 0), shares[own], deeds, names)
        for own in sorted(shares, reverse=True)
    }


def _read_deeds(table: pa.Table, wanted: list[int]) -> dict[int, _Deeds]:
    """What the wanted organisms did in all their generations; absent: not a generation lived."""
    rows = table.filter(pc.is_in(table["organism_id"], pa.array(wanted, pa.int64())))
    deeds: dict[int, _Deeds] = {}
    for row in rows.to_pylist():
        scores, answers, earned = np.array(row["scores"]), np.array(row["answers"]), sum(row["meals"])
        before = deeds.get(row["organism_id"])
        if before is not None:
            scores, answers, earned = before.scores + scores, before.answers + answers, before.earned + earned
        traits = {name: row[name] for name in TRAITS}
        deeds[row["organism_id"]] = _Deeds(scores, answers, earned, row["generation"], traits)
    return deeds


def _describe(
    birth: Mapping[str, Any],
    death: Mapping[str, Any] | None,
    children: int,
    share: float,
    deeds: Mapping[int, _Deeds],
    niches: list[str],
) -> Forebear:
    own = deeds.get(birth["organism_id"])
    parent = deeds.get(birth["parents"][0]) if birth["parents"] else None
    answered = own is not None and own.answers.sum() > 0
    best = int(own.scores.argmax()) if own is not None and own.scores.sum() > 0 else None
    changes = (
        {} if own is None or parent is None else {name: (parent.traits[name], own.traits[name]) for name in TRAITS}
    )
    return Forebear(
        id=birth["organism_id"],
        share=share,
        kind=birth["kind"],
        operator=birth["operator"],
        parents=tuple(birth["parents"]),
        lineage=birth["lineage"],
        born=birth["generation"],
        died=None if death is None else death["generation"],
        cause=None if death is None else death["cause"],
        age=0 if own is None else own.last - birth["generation"],
        children=children,
        num_answers=0 if own is None else int(own.answers.sum()),
        earned=0.0 if own is None else own.earned,
        mean_score=float(own.scores.sum() / own.answers.sum()) if own is not None and answered else None,
        best_niche=None if best is None else niches[best],
        best_score=None if own is None or best is None else float(own.scores[best] / own.answers[best]),
        traits={} if own is None else own.traits,
        changes={name: pair for name, pair in changes.items() if pair[0] != pair[1]},
    )
