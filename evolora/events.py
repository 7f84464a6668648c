"""What happened to whom: frozen records of the past, one JSON-able row each. Energies are in energy units."""

from dataclasses import asdict, dataclass
from enum import StrEnum

Scalar = str | int | float | None
Row = dict[str, Scalar | list[int] | list[float]]


class DeathCause(StrEnum):
    """Why an organism died. Every death has exactly one cause."""

    INSOLVENCY = "insolvency"  # it owed more than it had
    AGE = "age"
    CROWDING = "crowding"  # it made room for a birth at capacity
    SHOCK = "shock"  # an event of the world took it
    CHANCE = "chance"  # it died in the place of one that could not pay (random death)


@dataclass(frozen=True)
class Birth:
    """`organism_id` was born. Parent k paid `payments[k]`; a founder's `energy` is the source's.

    `kind` is founder, clone or merge; `operator` names the mutation or merge operator that made the genome. Where an
    elite of the archive, which owns nothing, is a parent, somebody else paid: `payers[k]` paid `payments[k]`.
    """

    generation: int
    organism_id: int
    kind: str
    parents: tuple[int, ...]
    lineage: int
    energy: float
    payments: tuple[float, ...]
    operator: str
    payers: tuple[int, ...] = ()  # empty: the parents

    @property
    def from_archive(self) -> bool:
        """Whether a parent was an elite of the archive."""
        return bool(self.payers)

    def to_row(self) -> Row:
        row = _row("birth", self)
        if not self.payers:
            del row["payers"]
        return row


@dataclass(frozen=True)
class Death:
    """`organism_id` died of `cause`, owing `owed` and leaving `remains` to `heir` (commons or sink)."""

    generation: int
    organism_id: int
    cause: DeathCause
    age: int
    lineage: int
    children: int
    owed: float
    remains: float
    heir: str

    def to_row(self) -> Row:
        return _row("death", self)


@dataclass(frozen=True)
class Merge:
    """Two parents became one child: recorded beside the child's `Birth`, with the lineages that met."""

    generation: int
    child_id: int
    parents: tuple[int, int]
    lineages: tuple[int, int]
    operator: str

    def to_row(self) -> Row:
        return _row("merge", self)


@dataclass(frozen=True)
class Elevation:
    """`organism_id`, as it was then, became the elite of a `cell` of the archive: its `objective` (mean score over the
    tasks it remembers) is above that of organism `before` there; None: the cell was empty. `measures` has an entry for
    every axis."""

    generation: int
    organism_id: int
    cell: int
    objective: float
    measures: tuple[float, ...]
    before: int | None

    def to_row(self) -> Row:
        return _row("elevation", self)


class Change(StrEnum):
    """What can happen to a colony."""

    FOUNDED = "founded"
    JOINED = "joined"
    LEFT = "left"
    EXPELLED = "expelled"
    AUDITED = "audited"  # it was tried again: it goes on, or dissolves in the same generation
    BUDDED = "budded"
    DISSOLVED = "dissolved"


@dataclass(frozen=True)
class ColonyChange:
    """Something happened to a colony, for a `reason`, to these `members`: who founded it, joined, left or was expelled;
    for `budded` the daughter's, taken out of colony `mother`; for `dissolved` and `audited` all it had.

    `size` and `pot` (energy) are what the colony has afterwards; for `dissolved`, the pot it shared out. `alone` and
    `together` (energy per member and generation) are what the paired trial showed, None where there was none: what
    the tasks that a group passes on brought to their finders, and what they bring when they are passed on.
    """

    generation: int
    colony_id: int
    change: Change
    members: tuple[int, ...]
    reason: str
    size: int
    pot: float
    alone: float | None = None
    together: float | None = None
    mother: int | None = None

    def to_row(self) -> Row:
        return _row("colony", self)


@dataclass(frozen=True)
class Life:
    """One organism's generation, as it stood when its life or death was decided: after meals, charges and learning.

    `energy` and `owed` are energy units. The tuples have an entry for every niche, in the world's order: `answers`
    given there, the sum of their `scores`, their `tokens` (prompts once per encounter), and the `meals` its account
    was paid out of the niche, in energy units. `colony` is the one it belonged to, None for a loner; answers and meals
    there are those of tasks it was handed, too.
    """

    generation: int
    organism_id: int
    lineage: int
    age: int
    energy: float
    owed: float
    rank: int
    num_parameters: int
    mutation_scale: float
    learning_rate: float
    temperature: float
    answer_limit: int
    num_examples: int
    answers: tuple[int, ...]
    scores: tuple[float, ...]
    tokens: tuple[int, ...]
    meals: tuple[float, ...]
    colony: int | None = None


Event = Birth | Death | Merge | Elevation | ColonyChange


def _row(name: str, event: Event) -> Row:
    fields = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(event).items()}
    return {"event": name, **fields}
