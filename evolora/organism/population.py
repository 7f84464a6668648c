"""The living, by id."""

from collections import Counter
from collections.abc import Iterable, Iterator

from evolora.organism.organism import Organism


class Population:
    """Living organisms in id order. Ids are given out once, in order, so a dead organism's id never returns.

    `next_id` is only named when a run is resumed: the ids of the dead count too.
    """

    def __init__(self, organisms: Iterable[Organism] = (), next_id: int = 0) -> None:
        self._living = {organism.id: organism for organism in sorted(organisms, key=lambda o: o.id)}
        if self._living and next_id <= max(self._living):
            raise ValueError(f"expected next_id above every living id ({max(self._living)}), got {next_id}")
        self._next_id = next_id

    @property
    def next_id(self) -> int:
        """The id the next organism must have."""
        return self._next_id

    @property
    def ids(self) -> list[int]:
        return list(self._living)

    def add(self, organism: Organism) -> None:
        """Let a newborn live.

        Raises:
            ValueError: its id is not `next_id`.
        """
        if organism.id != self._next_id:
            raise ValueError(f"expected a newborn with id {self._next_id}, got {organism.id}")
        self._living[organism.id] = organism  # ids only grow, so insertion order is id order
        self._next_id += 1

    def remove(self, organism_id: int) -> Organism:
        """Take an organism out of the living and return it."""
        return self._living.pop(organism_id)

    def lineage_counts(self) -> Counter[int]:
        """Founder id -> how many of the living descend from it through first parents."""
        return Counter(organism.lineage for organism in self)

    def __getitem__(self, organism_id: int) -> Organism:
        return self._living[organism_id]

    def __contains__(self, organism_id: int) -> bool:
        return organism_id in self._living

    def __iter__(self) -> Iterator[Organism]:
        return iter(list(self._living.values()))  # a copy: stages remove while they walk

    def __len__(self) -> int:
        return len(self._living)
