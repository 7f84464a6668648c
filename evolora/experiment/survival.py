"""Whether members of colonies outlive loners: each who joins beside loners of its age and wealth at that time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import JsonValue

AGE_APART = 1  # generations by which a match may be older or younger
MATCHES = 3  # loners that one who joins is compared with, at most


@dataclass(frozen=True)
class Matched:
    """One who joined a colony: generations it lived on, and those its matches lived on in the mean; both at most the
    horizon. `newborn`: it was born into the colony, and is matched with newborns."""

    organism_id: int
    generation: int
    newborn: bool
    own: float
    loners: float


@dataclass(frozen=True, eq=False)
class _Books:
    """Everybody's generations, by id: `rows` has the place in the columns of who lived when; `last` is one's last."""

    rows: Mapping[tuple[int, int], int]
    last: Mapping[int, int]
    living: Mapping[int, NDArray[np.int64]]  # generation -> ids
    ages: NDArray[np.int64]
    energies: NDArray[np.float64]
    members: NDArray[np.bool_]


def match_survival(lives: pa.Table, horizon: int) -> list[Matched]:
    """Those who joined a colony for the first time at least `horizon` generations before the end, and had a match.

    Somebody joins in generation g if it lives g as a member and did not live g - 1 as one. Its matches are loners of
    g: whose age differs by at most 1 and who lived g - 1 too, the three nearest to it in energy at the end of g - 1,
    when nobody had signed yet; of a newborn, all newborn loners. They stay matches if they join a colony later.
    """
    books = _read(lives)
    end = max(books.living, default=0)
    seen: set[int] = set()
    found = []
    for generation in sorted(books.living):
        ids = books.living[generation]
        inside = [int(i) for i in ids if books.members[books.rows[generation, int(i)]]]
        joined = [i for i in inside if i not in seen]
        seen.update(inside)
        if generation + horizon > end or generation - 1 not in books.living:
            continue
        loners = [int(i) for i in ids if int(i) not in inside]
        for own in joined:
            matches = _matches(books, generation, own, loners)
            if matches:
                lived = [min(horizon, books.last[i] - generation) for i in (own, *matches)]
                newborn = (generation - 1, own) not in books.rows
                found.append(Matched(own, generation, newborn, float(lived[0]), float(np.mean(lived[1:]))))
    return found


def summarise(matched: list[Matched], horizon: int) -> dict[str, JsonValue]:
    """Means for a cell's result; None where nobody joined and had a match."""
    grown = [one for one in matched if not one.newborn]

    def mean(ones: list[Matched], name: str) -> float | None:
        return round(float(np.mean([vars(one)[name] for one in ones])), 6) if ones else None

    def gap(ones: list[Matched]) -> float | None:
        return round(float(np.mean([one.own - one.loners for one in ones])), 6) if ones else None

    return {
        "horizon": horizon,
        "joined": len(matched),
        "members": mean(matched, "own"),
        "loners": mean(matched, "loners"),
        "difference": gap(matched),
        "signed": len(grown),
        "difference_signed": gap(grown),
    }


def _matches(books: _Books, generation: int, own: int, loners: list[int]) -> list[int]:
    """Ids of those that one who joined is compared with; none where there is nobody like it."""
    before = (generation - 1, own)
    if before not in books.rows:
        return [i for i in loners if (generation - 1, i) not in books.rows]
    age, energy = books.ages[books.rows[before]], books.energies[books.rows[before]]
    alike = []
    for i in loners:
        place = books.rows.get((generation - 1, i))
        if place is not None and abs(books.ages[place] - age) <= AGE_APART:
            alike.append((abs(books.energies[place] - energy), i))
    return [i for _, i in sorted(alike)[:MATCHES]]


def _read(lives: pa.Table) -> _Books:
    generations, ids = lives["generation"].to_pylist(), lives["organism_id"].to_pylist()
    living: dict[int, list[int]] = {}
    last: dict[int, int] = {}
    for generation, identity in zip(generations, ids, strict=True):
        living.setdefault(generation, []).append(identity)
        last[identity] = max(generation, last.get(identity, generation))
    return _Books(
        rows={key: place for place, key in enumerate(zip(generations, ids, strict=True))},
        last=last,
        living={generation: np.array(own, np.int64) for generation, own in living.items()},
        ages=np.array(lives["age"].to_pylist(), np.int64),
        energies=np.array(lives["energy"].to_pylist(), np.float64),
        members=np.array([colony is not None for colony in lives["colony"].to_pylist()], np.bool_),
    )
