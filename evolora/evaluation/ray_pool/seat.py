"""A worker's place: who sits there, what it should still hold, and who is on the way to replace it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MOST_KNOWN = 1 << 14  # digests remembered of a worker

Actor = Any  # a handle of Worker: its methods are made at run time
Reference = Any  # ray.ObjectRef of what such a method returns


@dataclass
class Seat:
    """`actor` None: lost; then `successor`, if any, is loading its host. `failures` of successors are in a row."""

    actor: Actor | None = None
    process_id: int = 0
    successor: tuple[Actor, Reference] | None = None
    failures: int = 0
    _known: dict[str, None] = field(default_factory=dict)  # named last, comes last

    def take(self, actor: Actor, process_id: int) -> None:
        """Seat a worker that has loaded its host, and holds no weights yet."""
        self.actor, self.process_id, self.successor, self.failures = actor, process_id, None, 0
        self._known.clear()

    def knows(self, digest: str) -> bool:
        """Whether the worker should still hold these weights."""
        return digest in self._known

    def holds(self, digests: Iterable[str]) -> None:
        """It has these now. Of many those not named for longest are forgotten: they would only travel once more."""
        for digest in digests:
            self._known.pop(digest, None)
            self._known[digest] = None
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def lacks(self, digests: Iterable[str]) -> None:
        """It may have none of these."""
        for digest in digests:
            self._known.pop(digest, None)
