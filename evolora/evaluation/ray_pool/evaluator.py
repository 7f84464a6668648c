"""The evaluator of several processes or machines: shards by organism, weights by digest, results in order."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

from evolora.environment.encounter import Answer, Encounter
from evolora.evaluation.evaluator import Body, HostFacts, Reading
from evolora.evaluation.local import LocalSetup
from evolora.evaluation.parcels import (
    BodyTicket,
    GenomeTicket,
    LearnerTicket,
    OptimizerTicket,
    SiteFactors,
    pack,
    unpack,
)
from evolora.evaluation.ray_pool.cluster import actor_resources, connect
from evolora.evaluation.ray_pool.crew import Crew, Job
from evolora.evaluation.shards import expected_tokens, pages, spread
from evolora.evaluation.worker import LearntPage, needed
from evolora.organism.genome import Genome, OptimizerState
from evolora.organism.learning import Comparison, Learner, Learnt, Lesson
from evolora.organism.perturbation import Perturbed, unperturbed

ANSWERING_PAGE = 64  # bodies in one call to a worker: bounds what is in flight
LEARNING_PAGE = 32  # learners in one call; each brings its weights and two moments


class RayEvaluator:
    """Answers and learns with `num_workers` actors, here or (with `address`) on a Ray cluster.

    `num_workers` 0 takes as many as the cluster has room for: one for each GPU, or one for each `threads` cores.
    `setup.threads` None is one thread a worker. A lost worker is replaced before the next generation, if a
    successor comes in time.

    Raises:
        WorkerError: no cluster at `address`, too small a one, or workers that do not start.
        HostError: the workers cannot load the host.
    """

    def __init__(self, setup: LocalSetup, num_workers: int, address: str | None = None) -> None:
        threads = setup.threads or 1
        self._cluster = connect(address, max(1, num_workers) * threads)
        try:
            resources = actor_resources(self._cluster, setup.device, threads, num_workers)
            size = num_workers or self._cluster.room(**resources)
            self.crew = Crew(replace(setup, threads=threads), size, resources)
        except BaseException:
            self._cluster.close()
            raise
        self._home: dict[int, int] = {}
        self._digests: WeakKeyDictionary[Genome | OptimizerState, tuple[str, ...]] = WeakKeyDictionary()

    @property
    def facts(self) -> HostFacts:
        return self.crew.facts

    @property
    def losses(self) -> Sequence[str]:
        return self.crew.losses

    def answer(self, bodies: Mapping[int, Body], encounters: Sequence[Encounter]) -> list[tuple[Answer, ...]]:
        self.crew.replace_lost()
        owner = {i: body.organism_id if isinstance(body, Perturbed) else i for i, body in bodies.items()}
        loads: Counter[int] = Counter()
        asked: dict[int, list[int]] = {}
        for place, encounter in enumerate(encounters):
            loads[owner[encounter.organism_id]] += expected_tokens(encounter)
            asked.setdefault(encounter.organism_id, []).append(place)
        self._home = spread(loads, len(self.crew.seats))
        jobs, places = [], []
        for seat in range(len(self.crew.seats)):
            mine = sorted(body for body in asked if self._home[owner[body]] == seat)
            for page in pages(mine, ANSWERING_PAGE):
                places.append(sorted(place for body in page for place in asked[body]))
                tickets = {body: self._body_ticket(bodies[body], owner[body]) for body in page}
                jobs.append(self._answering(seat, bodies, tickets, [encounters[place] for place in places[-1]]))
        answers: list[tuple[Answer, ...]] = [()] * len(encounters)
        for page_places, given in zip(places, self.crew.run(jobs), strict=True):
            for place, own in zip(page_places, given, strict=True):
                answers[place] = own
        return answers

    def learn(self, learners: Mapping[int, Learner], lessons: Sequence[Lesson | Comparison]) -> dict[int, Learnt]:
        own: dict[int, list[Lesson | Comparison]] = {}
        for lesson in lessons:
            own.setdefault(lesson.organism_id, []).append(lesson)
        jobs = []
        for seat in range(len(self.crew.seats)):
            mine = sorted(i for i in own if self._home.get(i, i % len(self.crew.seats)) == seat)
            for page in pages(mine, LEARNING_PAGE):
                page_lessons = [lesson for identity in page for lesson in own[identity]]
                jobs.append(self._learning(seat, {i: learners[i] for i in page}, page_lessons))
        learnt = {i: Learnt(learner.genome, learner.optimizer, 0.0, 0.0) for i, learner in learners.items()}
        for job, result in zip(jobs, self.crew.run(jobs), strict=True):
            self.crew.seats[job.seat].holds(result.parcels)
            learnt |= self._received(result, learners)
        return learnt

    def read(self, questions: Sequence[str]) -> Reading:
        """By one worker: in the same batches, so the same bytes, as in one process."""
        self.crew.replace_lost()
        asked = list(questions)
        reading: Reading
        (reading,) = self.crew.run([Job(0, {}, lambda actor, _: actor.read.remote(asked))])
        return reading

    def close(self) -> None:
        """End the workers, and Ray where it was started here. Safe to call again."""
        self.crew.close()
        self._cluster.close()

    def _answering(
        self, seat: int, bodies: Mapping[int, Body], tickets: Mapping[int, BodyTicket], encounters: Sequence[Encounter]
    ) -> Job:
        weights = {ticket.genome.digest: unperturbed(bodies[i]).factors for i, ticket in tickets.items()}
        asked = [_without_payload(encounter) for encounter in encounters]
        return Job(seat, weights, lambda actor, parcels: actor.answer.remote(tickets, asked, parcels))

    def _learning(self, seat: int, learners: Mapping[int, Learner], lessons: Sequence[Lesson | Comparison]) -> Job:
        tickets: dict[int, LearnerTicket] = {}
        weights: dict[str, SiteFactors] = {}
        for identity, learner in learners.items():
            state = learner.optimizer
            optimizer = None if state is None else OptimizerTicket(state.step, *self._moment_digests(state))
            tickets[identity] = LearnerTicket(self._ticket(learner.genome), optimizer)
            parts = [learner.genome.factors, *([] if state is None else [state.first, state.second])]
            weights |= dict(zip(needed(tickets[identity]), parts, strict=True))
        return Job(seat, weights, lambda actor, parcels: actor.learn.remote(tickets, lessons, parcels))

    def _received(self, page: LearntPage, learners: Mapping[int, Learner]) -> dict[int, Learnt]:
        """A page of results as the organisms keep them; their digests are remembered, not computed again."""
        learnt = {}
        for identity, ticket in page.learnt.items():
            genome, optimizer = learners[identity].genome, learners[identity].optimizer
            if ticket.genome.digest in page.parcels:
                genome = genome.with_factors(unpack(page.parcels[ticket.genome.digest]))
                self._digests[genome] = (ticket.genome.digest,)
            if ticket.optimizer is not None and ticket.optimizer.first in page.parcels:
                digests = ticket.optimizer.first, ticket.optimizer.second
                first, second = (unpack(page.parcels[digest]) for digest in digests)
                optimizer = OptimizerState(ticket.optimizer.step, first, second)
                self._digests[optimizer] = digests
            learnt[identity] = Learnt(genome, optimizer, ticket.loss, ticket.gradient_norm, ticket.fault)
        return learnt

    def _body_ticket(self, body: Body, organism_id: int) -> BodyTicket:
        noise = body.noise if isinstance(body, Perturbed) else None
        return BodyTicket(self._ticket(unperturbed(body)), organism_id, noise)

    def _ticket(self, genome: Genome) -> GenomeTicket:
        if genome not in self._digests:
            self._digests[genome] = (pack(genome.factors).digest,)
        return GenomeTicket(self._digests[genome][0], genome.traits, genome.scaling)

    def _moment_digests(self, state: OptimizerState) -> tuple[str, str]:
        if state not in self._digests:
            self._digests[state] = (pack(state.first).digest, pack(state.second).digest)
        first, second = self._digests[state]
        return first, second


def _without_payload(encounter: Encounter) -> Encounter:
    """What a worker needs of an encounter. Scoring stays here, and a scorer's data may be anything."""
    return replace(
        encounter,
        task=replace(encounter.task, payload={}),
        examples=tuple(replace(task, payload={}) for task in encounter.examples),
    )
