"""One worker: a host loaded once, and the adapters it has met. Knows nothing of how it is reached."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evolora.environment.encounter import Answer, Encounter
from evolora.evaluation.evaluator import Body, HostFacts, Reading
from evolora.evaluation.local import LocalSetup
from evolora.evaluation.parcels import (
    BodyTicket,
    GenomeTicket,
    LearnerTicket,
    LearntTicket,
    OptimizerTicket,
    Parcel,
    Shelf,
    SiteFactors,
    pack,
    unpack,
)
from evolora.organism.genome import Genome, OptimizerState
from evolora.organism.learning import Comparison, Learner, Lesson
from evolora.organism.perturbation import Perturbed

Parcels = Mapping[str, Parcel]
SHELF_BYTES = 1 << 30


@dataclass(frozen=True)
class Missing:
    """Digests a worker was asked for and no longer has: ask again with their parcels."""

    digests: frozenset[str]


@dataclass(frozen=True, eq=False)
class LearntPage:
    """What became of a page of learners, with the parcels of what is new."""

    learnt: Mapping[int, LearntTicket]
    parcels: Parcels


class Worker:
    """Answers and learns like the local evaluator it holds, with weights that come as parcels or were kept."""

    def __init__(self, setup: LocalSetup, shelf_bytes: int = SHELF_BYTES) -> None:
        self._setup, self._shelf = setup, Shelf(shelf_bytes)

    def open(self) -> tuple[HostFacts, int]:
        """Load the host; its facts, and this worker's process id."""
        self._evaluator = self._setup.open()
        return self._evaluator.facts, os.getpid()

    def answer(
        self, bodies: Mapping[int, BodyTicket], encounters: Sequence[Encounter], parcels: Parcels
    ) -> list[tuple[Answer, ...]] | Missing:
        """Answers to `encounters`, in their order."""
        here = self._take({ticket.genome.digest for ticket in bodies.values()}, parcels)
        if isinstance(here, Missing):
            return here
        return self._evaluator.answer({i: _body(ticket, here) for i, ticket in bodies.items()}, encounters)

    def learn(
        self, learners: Mapping[int, LearnerTicket], lessons: Sequence[Lesson | Comparison], parcels: Parcels
    ) -> LearntPage | Missing:
        """One update of every learner; what is new is kept here and sent back."""
        here = self._take({digest for ticket in learners.values() for digest in needed(ticket)}, parcels)
        if isinstance(here, Missing):
            return here
        given = {
            i: Learner(_genome(ticket.genome, here), _optimizer(ticket.optimizer, here))
            for i, ticket in learners.items()
        }
        tickets: dict[int, LearntTicket] = {}
        new: dict[str, Parcel] = {}
        for identity, learnt in self._evaluator.learn(given, lessons).items():
            genome, optimizer = learners[identity].genome, learners[identity].optimizer
            if learnt.genome is not given[identity].genome:
                digest = self._keep(learnt.genome.factors, new)
                genome = GenomeTicket(digest, learnt.genome.traits, learnt.genome.scaling)
            if learnt.optimizer is not None and learnt.optimizer is not given[identity].optimizer:
                state = learnt.optimizer
                optimizer = OptimizerTicket(state.step, self._keep(state.first, new), self._keep(state.second, new))
            tickets[identity] = LearntTicket(genome, optimizer, learnt.loss, learnt.gradient_norm, learnt.fault)
        return LearntPage(tickets, new)

    def read(self, questions: Sequence[str]) -> Reading:
        """The bare host's reading of `questions`."""
        return self._evaluator.read(questions)

    def _take(self, wanted: set[str], parcels: Parcels) -> dict[str, SiteFactors] | Missing:
        """The factors of all `wanted` digests, out of the parcels or off the shelf."""
        absent = frozenset(digest for digest in wanted if digest not in parcels and digest not in self._shelf)
        if absent:
            return Missing(absent)
        here = {d: unpack(parcels[d]) if d in parcels else self._shelf[d] for d in sorted(wanted)}
        for digest, factors in here.items():
            self._shelf.put(digest, factors)
        return here

    def _keep(self, factors: SiteFactors, new: dict[str, Parcel]) -> str:
        parcel = pack(factors)
        digest = parcel.digest
        new[digest] = parcel
        self._shelf.put(digest, factors)
        return digest


def needed(ticket: LearnerTicket) -> list[str]:
    """The digests of a learner's weights and moments."""
    moments = [] if ticket.optimizer is None else [ticket.optimizer.first, ticket.optimizer.second]
    return [ticket.genome.digest, *moments]


def _genome(ticket: GenomeTicket, here: Mapping[str, SiteFactors]) -> Genome:
    return Genome(here[ticket.digest], ticket.traits, ticket.scaling)


def _body(ticket: BodyTicket, here: Mapping[str, SiteFactors]) -> Body:
    genome = _genome(ticket.genome, here)
    return genome if ticket.noise is None else Perturbed(ticket.organism_id, genome, ticket.noise)


def _optimizer(ticket: OptimizerTicket | None, here: Mapping[str, SiteFactors]) -> OptimizerState | None:
    return None if ticket is None else OptimizerState(ticket.step, here[ticket.first], here[ticket.second])
