"""Colonies: who belongs to which, and what each remembers. Energy in a pot is a ledger account, like any other."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Member:
    """A member since the generation it `joined`; `balances` are the units it paid into the pot less those the pot
    paid for it, one entry a generation, the latest last, as many as the contract's window is long."""

    joined: int
    balances: list[int] = field(default_factory=list)

    @property
    def standing(self) -> int:
        """Units it brought the pot over the window; below 0: it lived off the others."""
        return sum(self.balances)


@dataclass
class Colony:
    """Organisms that pass tasks to each other and share the pot `account`.

    `gains` are the latest paired trials' gains (energy per member and generation), oldest first; `audited` is the
    generation of the last one. `failing` counts the generations in a row in which the pot could not cover
    every member it should. Who was `expelled` is not taken back. `mother` is the colony it budded from.
    """

    id: int
    founded: int
    members: dict[int, Member]
    mother: int | None = None
    gains: list[float] = field(default_factory=list)
    audited: int = 0
    failing: int = 0
    expelled: set[int] = field(default_factory=set)

    @property
    def account(self) -> str:
        """The name of its pot in the ledger."""
        return f"pot:{self.id}"

    def __len__(self) -> int:
        return len(self.members)


class Colonies:
    """The living colonies, in id order. Ids are given out once. `num_dissolved` colonies came to an end after
    `generations_lived` generations in all. `free_riders` are planted cheats (organism ids)."""

    def __init__(self) -> None:
        self._living: dict[int, Colony] = {}
        self._home: dict[int, int] = {}  # organism -> colony
        self.next_id = 0
        self.num_dissolved = 0
        self.generations_lived = 0
        self.free_riders: set[int] = set()

    def found(self, members: Mapping[int, Member], generation: int, mother: int | None = None) -> Colony:
        """A new colony of organisms that belong to none."""
        colony = Colony(self.next_id, generation, {}, mother, audited=generation)
        self._living[colony.id] = colony
        self.next_id += 1
        for identity, member in members.items():
            self.add(colony, identity, member)
        return colony

    def add(self, colony: Colony, organism_id: int, member: Member) -> None:
        """Let an organism belong to a colony.

        Raises:
            ValueError: it belongs to one already.
        """
        if organism_id in self._home:
            raise ValueError(f"expected a loner, but {organism_id} belongs to colony {self._home[organism_id]}")
        colony.members[organism_id] = member
        self._home[organism_id] = colony.id

    def remove(self, organism_id: int) -> Member:
        """Let a member be alone again."""
        return self._living[self._home.pop(organism_id)].members.pop(organism_id)

    def dissolve(self, colony: Colony, generation: int) -> None:
        """End a colony; who was left in it is alone."""
        for identity in list(colony.members):
            self.remove(identity)
        del self._living[colony.id]
        self.num_dissolved += 1
        self.generations_lived += generation - colony.founded

    def home_of(self, organism_id: int) -> Colony | None:
        """The colony an organism belongs to; None: it is a loner."""
        home = self._home.get(organism_id)
        return None if home is None else self._living[home]

    @property
    def num_members(self) -> int:
        return len(self._home)

    def __getitem__(self, colony_id: int) -> Colony:
        return self._living[colony_id]

    def __contains__(self, colony_id: int) -> bool:
        return colony_id in self._living

    def __iter__(self) -> Iterator[Colony]:
        return iter(list(self._living.values()))  # a copy: stages dissolve while they walk

    def __len__(self) -> int:
        return len(self._living)

    def to_dict(self) -> dict[str, Any]:
        """The whole state, JSON-able; lists keep every order that rules walk in."""
        return {
            "living": [
                {
                    **asdict(colony),
                    "members": [[identity, asdict(member)] for identity, member in colony.members.items()],
                    "expelled": sorted(colony.expelled),
                }
                for colony in self
            ],
            "next_id": self.next_id,
            "num_dissolved": self.num_dissolved,
            "generations_lived": self.generations_lived,
            "free_riders": sorted(self.free_riders),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> "Colonies":
        """The colonies that `to_dict` described."""
        colonies = cls()
        for row in state["living"]:
            members = {identity: Member(**member) for identity, member in row["members"]}
            colony = Colony(**{**row, "members": members, "expelled": set(row["expelled"])})
            colonies._living[colony.id] = colony
            colonies._home.update(dict.fromkeys(members, colony.id))
        colonies.next_id, colonies.num_dissolved = state["next_id"], state["num_dissolved"]
        colonies.generations_lived, colonies.free_riders = state["generations_lived"], set(state["free_riders"])
        return colonies
