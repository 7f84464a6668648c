"""The workers: their seats, their jobs, and what happens when one is lost.

A job belongs to a seat and never to a process: a lost worker's jobs are done again by another one in the same
batches, so that the answers are the same bytes.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, ObjectLostError, OutOfMemoryError, RayActorError, RayTaskError

from evolora.errors import EvoloraError, WorkerError
from evolora.evaluation.evaluator import HostFacts
from evolora.evaluation.local import LocalSetup
from evolora.evaluation.parcels import Parcel, SiteFactors, pack
from evolora.evaluation.worker import Missing, Worker

IN_FLIGHT = 2  # calls a worker has at a time: the next page travels while one is computed
START_SECONDS = 600.0  # for the host to be brought and loaded
REPLACE_SECONDS = 120.0  # for a lost worker's successor
LOST = (RayActorError, ObjectLostError, OutOfMemoryError)

Actor = Any  # a handle of Worker: its methods are made at run time
Reference = Any  # ray.ObjectRef of what such a method returns


@dataclass
class Seat:
    """A worker's place. `actor` None: lost. `known` are the digests of the weights it should still hold."""

    actor: Actor | None
    process_id: int = 0
    replaceable: bool = True
    known: set[str] = field(default_factory=set)


@dataclass(frozen=True, eq=False)
class Job:
    """A page of one shard: the `weights` it needs, by digest, and how to ask an actor that has them."""

    seat: int
    weights: Mapping[str, SiteFactors]
    ask: Callable[[Actor, Mapping[str, Parcel]], Reference]


class Crew:
    """`size` actors that have loaded their host. `losses` says how each lost one went.

    Raises:
        HostError: the workers cannot load the host.
        WorkerError: they are gone before they have loaded it, or take too long.
    """

    def __init__(self, setup: LocalSetup, size: int, resources: Mapping[str, int]) -> None:
        self._setup, self._resources = setup, dict(resources)
        self.losses: list[str] = []
        self.seats = [Seat(self._hire()) for _ in range(size)]
        try:
            self.facts = self._open(range(size), START_SECONDS)
        except LOST as error:
            raise WorkerError(
                f"expected {size} workers to start, lost one: {cause_of(error)}; every machine of a cluster needs "
                "the same versions of Evolora and its libraries, and memory for its hosts"
            ) from error

    def run(self, jobs: Sequence[Job]) -> list[Any]:
        """Every job's result, in order. Jobs wait for their own worker; those of a lost one go to the others.

        Raises:
            WorkerError: all workers are gone.
        """
        results: list[Any] = [None] * len(jobs)
        queues = [deque(number for number, job in enumerate(jobs) if job.seat == s) for s in range(len(self.seats))]
        flying: dict[Reference, tuple[int, int]] = {}
        while True:
            self._hand_over(queues)
            for seat, number in self._due(queues, flying):
                flying[self._submit(jobs[number], self.seats[seat])] = (seat, number)
            if not flying:
                return results
            (reference, *_), _ = ray.wait(list(flying), num_returns=1)
            seat, number = flying.pop(reference)
            try:
                result = _result(reference)
            except LOST as error:
                queues[seat].appendleft(number)
                self._lose(self.seats[seat], error)
                continue
            if isinstance(result, Missing):
                self.seats[seat].known -= result.digests
                queues[seat].appendleft(number)
            else:
                results[number] = result

    def replace_lost(self) -> None:
        """A new actor for every lost one. Where none can be had, the seat stays empty from then on."""
        for number, seat in enumerate(self.seats):
            if seat.actor is None and seat.replaceable:
                self.seats[number] = Seat(self._hire())
                try:
                    self._open([number], REPLACE_SECONDS)
                except (*LOST, WorkerError) as error:
                    self._lose(self.seats[number], error)
                    self.seats[number].replaceable = False

    def close(self) -> None:
        """End all workers."""
        for seat in self.seats:
            if seat.actor is not None:
                ray.kill(seat.actor)
                seat.actor = None

    def _hire(self) -> Actor:
        return ray.remote(Worker).options(**self._resources).remote(self._setup)

    def _open(self, numbers: Iterable[int], timeout: float) -> HostFacts:
        """Let the actors of some seats load their host, all at once."""
        opening = {number: self.seats[number].actor.open.remote() for number in numbers}  # type: ignore[union-attr]
        opened = {number: _result(reference, timeout) for number, reference in opening.items()}
        for number, (_, process_id) in opened.items():
            self.seats[number].process_id = process_id
        facts: HostFacts = next(iter(opened.values()))[0]
        return facts

    def _due(
        self, queues: Sequence[deque[int]], flying: Mapping[Reference, tuple[int, int]]
    ) -> Iterator[tuple[int, int]]:
        """(seat, job) of what may be submitted now."""
        busy = Counter(seat for seat, _ in flying.values())
        for seat, queue in enumerate(queues):
            while queue and busy[seat] < IN_FLIGHT and self.seats[seat].actor is not None:
                busy[seat] += 1
                yield seat, queue.popleft()

    def _hand_over(self, queues: Sequence[deque[int]]) -> None:
        """Give the jobs that wait for a lost worker to the living one with the fewest."""
        living = [number for number, seat in enumerate(self.seats) if seat.actor is not None]
        for number, queue in enumerate(queues):
            while queue and number not in living:
                if not living:
                    raise WorkerError(
                        f"expected workers to answer for the population, got none: all {len(self.seats)} are gone "
                        f"({self.losses[-1]})"
                    )
                queues[min(living, key=lambda seat: len(queues[seat]))].append(queue.popleft())

    def _submit(self, job: Job, seat: Seat) -> Reference:
        parcels = {digest: pack(weights) for digest, weights in job.weights.items() if digest not in seat.known}
        seat.known |= parcels.keys()
        return job.ask(seat.actor, parcels)

    def _lose(self, seat: Seat, error: Exception) -> None:
        if seat.actor is not None:  # else a second job of the same worker
            ray.kill(seat.actor)  # one that is only out of reach must not come back
            seat.actor = None
            self.losses.append(cause_of(error))


def _result(reference: Reference, timeout: float | None = None) -> Any:
    """What a call returned. A worker's own EvoloraError is raised as itself."""
    try:
        return ray.get(reference, timeout=timeout)
    except GetTimeoutError as error:
        raise WorkerError(f"expected a worker to load its host within {timeout:.0f} s, got no answer") from error
    except RayTaskError as error:
        if isinstance(error.cause, EvoloraError):
            raise error.cause from None
        raise


def cause_of(error: Exception) -> str:
    """Why a worker was lost, in a line: Ray's last one names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1][:160]}" if lines else type(error).__name__
