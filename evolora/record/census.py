"""Everybody who lived a generation, as plain arrays: what the measures are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evolora.environment.encounter import Outcome
from evolora.events import Life
from evolora.organism.distance import cosine_similarities
from evolora.record.measures import Floats
from evolora.world import World

MOST_COMPARED = 128  # organisms whose deltas are compared: the work grows with the square of their number


@dataclass(frozen=True, eq=False)
class Census:
    """One generation's organisms, ids ascending, before anybody dies or is born of it.

    Tables are (organisms, niches): summed `scores` and number of `answers`, `tokens` and `meals` (energy units) of
    this generation, and `profit`, the smoothed net energy per answer that each remembers (0: never there). `energy`
    (organisms,) are balances. One entry a visit, (visits,): who came (`visitors`, places among the organisms), to
    which niche (`visited`), to which of the generation's tasks (`tasks`, numbers), and the mean score of the answers
    (`visit_scores`). `similarity` (compared, compared) are cosines of the adapter deltas of all organisms, or of 128
    evenly picked by id where there are more; None: not computed now.
    """

    generation: int
    ids: tuple[int, ...]
    lineages: tuple[int, ...]
    energy: Floats
    scores: Floats
    answers: NDArray[np.int64]
    tokens: NDArray[np.int64]
    meals: Floats
    profit: Floats
    visitors: NDArray[np.int64]
    visited: NDArray[np.int64]
    tasks: NDArray[np.int64]
    visit_scores: Floats
    similarity: Floats | None

    @property
    def num_niches(self) -> int:
        return int(self.scores.shape[1])


def take_census(
    world: World, niches: Sequence[str], lives: Sequence[Life], outcomes: Sequence[Outcome], with_similarity: bool
) -> Census:
    """The census of `lives`, which are those of the population as it stands, in its order."""
    shape = (len(lives), len(niches))
    place = {life.organism_id: number for number, life in enumerate(lives)}
    niche_numbers = {name: number for number, name in enumerate(niches)}
    tasks: dict[tuple[str, str], int] = {}  # (niche, digest) -> number
    for outcome in outcomes:
        tasks.setdefault((outcome.encounter.niche, outcome.encounter.task.digest), len(tasks))
    organisms = list(world.population)
    return Census(
        generation=world.generation,
        ids=tuple(life.organism_id for life in lives),
        lineages=tuple(life.lineage for life in lives),
        energy=np.array([life.energy for life in lives]),
        scores=np.array([life.scores for life in lives]).reshape(shape),
        answers=np.array([life.answers for life in lives], np.int64).reshape(shape),
        tokens=np.array([life.tokens for life in lives], np.int64).reshape(shape),
        meals=np.array([life.meals for life in lives]).reshape(shape),
        profit=np.array([[own.profit.get(name, 0.0) for name in niches] for own in organisms]).reshape(shape),
        visitors=np.array([place[outcome.encounter.organism_id] for outcome in outcomes], np.int64),
        visited=np.array([niche_numbers[outcome.encounter.niche] for outcome in outcomes], np.int64),
        tasks=np.array([tasks[o.encounter.niche, o.encounter.task.digest] for o in outcomes], np.int64),
        visit_scores=np.array([outcome.mean_score for outcome in outcomes], np.float64),
        similarity=_similarity(world) if with_similarity and len(lives) else None,
    )


def _similarity(world: World) -> Floats:
    """Cosines of the deltas; a genome that is not finite is like nobody but itself."""
    genomes = [organism.active for organism in world.population]
    if len(genomes) > MOST_COMPARED:
        genomes = [genomes[place] for place in np.linspace(0, len(genomes) - 1, MOST_COMPARED).round().astype(int)]
    cosines = cosine_similarities(genomes)
    sick = np.array([not genome.is_finite() for genome in genomes])
    cosines[sick, :], cosines[:, sick] = 0.0, 0.0
    cosines[sick, sick] = 1.0
    return cosines
