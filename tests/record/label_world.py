"""A world of labels alone: organisms with a skill in every niche, births and deaths, and no language model.

Selection and inheritance can each be switched off, so that every measure has a world in which it must be about 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from evolora.events import Birth, Death, DeathCause, Event
from evolora.record.census import Census


@dataclass
class LabelWorld:
    """`size` organisms; each generation `turnover` of them die and as many are born, one after the other (Moran).

    Organism i solves a task of niche j with probability `skills[i][j]`. With `selection` the victims are those who
    scored least and the parents those who scored most, with chance in proportion to the score; without it both are
    drawn uniformly. With `inheritance` a child has its first parent's skills, a little changed; without it
    its own. `merge_prob` is the chance of a second parent.
    """

    seed: int
    selection: bool = False
    inheritance: bool = True
    size: int = 32
    num_niches: int = 4
    visits: int = 4
    answers: int = 3
    turnover: int = 6
    merge_prob: float = 0.0
    generation: int = 0
    skills: dict[int, np.ndarray] = field(default_factory=dict)
    lineages: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        for founder in range(self.size):
            self.skills[founder], self.lineages[founder] = self._new_skills(), founder

    def _new_skills(self) -> np.ndarray:
        return self.rng.beta(1, 2, size=self.num_niches)

    def live(self, generations: int) -> Iterator[tuple[Census, list[Event]]]:
        """A census and the births and deaths after it, generation by generation."""
        for _ in range(generations):
            self.generation += 1
            census = self._count()
            yield census, self._renew(census)

    def _count(self) -> Census:
        ids = tuple(sorted(self.skills))
        visited = self.rng.integers(self.num_niches, size=(len(ids), self.visits))
        solved = self.rng.binomial(self.answers, np.array([self.skills[own][visited[i]] for i, own in enumerate(ids)]))
        scores, answers = np.zeros((len(ids), self.num_niches)), np.zeros((len(ids), self.num_niches), np.int64)
        rows = np.repeat(np.arange(len(ids)), self.visits)
        np.add.at(scores, (rows, visited.ravel()), solved.ravel())
        np.add.at(answers, (rows, visited.ravel()), self.answers)
        return Census(
            generation=self.generation,
            ids=ids,
            lineages=tuple(self.lineages[own] for own in ids),
            energy=scores.sum(axis=1),
            scores=scores,
            answers=answers,
            tokens=10 * answers + self.rng.integers(10, size=answers.shape) * (answers > 0),
            meals=scores,
            profit=scores - 1,
            visitors=rows,
            visited=visited.ravel(),
            tasks=visited.ravel(),
            visit_scores=solved.ravel() / self.answers,
            similarity=None,
        )

    def _renew(self, census: Census) -> list[Event]:
        points = dict(zip(census.ids, census.scores.sum(axis=1), strict=True))
        old, events = list(census.ids), list[Event]()
        for number in range(self.turnover):
            victim = old.pop(self._choose(old, points, most=False))
            del self.skills[victim]
            lineage = self.lineages[victim]
            events.append(Death(self.generation, victim, DeathCause.CROWDING, 1, lineage, 0, 0, 0, "sink"))
            parents = [old[self._choose(old, points, most=True)]]
            if self.rng.random() < self.merge_prob:
                parents.append(old[self._choose(old, points, most=True)])
            parents = list(dict.fromkeys(parents))
            child = self.size + (self.generation - 1) * self.turnover + number
            self.lineages[child] = self.lineages[parents[0]]
            changed = self.skills[parents[0]] + self.rng.normal(0, 0.02, self.num_niches)
            self.skills[child] = changed.clip(0.01, 0.99) if self.inheritance else self._new_skills()
            kind = "clone" if len(parents) == 1 else "merge"
            events.append(Birth(self.generation, child, kind, tuple(parents), self.lineages[child], 1.0, (1.0,), "x"))
        return events

    def _choose(self, old: list[int], points: dict[int, float], most: bool) -> int:
        """A place in `old`."""
        if not self.selection:
            return int(self.rng.integers(len(old)))
        scored = np.array([points[own] for own in old]) + 0.1
        weights = scored if most else 1 / scored
        return int(self.rng.choice(len(old), p=weights / weights.sum()))
