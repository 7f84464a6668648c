"""The workers: their seats, their jobs, and what happens when one is lost.

A job belongs to a seat and never to a process: a lost worker's jobs are done again by another one in the same
batches, so that the answers are the same bytes.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, ObjectLostError, OutOfMemoryError, RayActorError, RayError, RayTaskError

from evolora.errors import EvoloraError, WorkerError
from evolora.evaluation.evaluator import HostFacts
from evolora.evaluation.local import LocalSetup
from evolora.evaluation.parcels import Parcel, SiteFactors, pack
from evolora.evaluation.ray_pool.seat import Actor, Reference, Seat
from evolora.evaluation.worker import Missing, Worker

IN_FLIGHT = 2  # calls a worker has at a time: the next page travels while one is computed
START_SECONDS = 600.0  # for the host to be brought and loaded
REPLACE_SECONDS = 120.0  # that a generation waits for the successors of lost workers; later ones are taken when ready
REPLACEMENTS = 3  # that may fail in a row until a seat stays empty
SILENCE_SECONDS = 10800.0  # of all workers, after which the one that was asked first counts as lost
SQUEEZES = 3  # workers that one page may drive out of memory
LOST = (RayActorError, ObjectLostError, OutOfMemoryError)
FAULTS = (RuntimeError, MemoryError, OSError)  # of a machine: torch's want of memory is the first of them
DEFECTS = (NotImplementedError, RecursionError)  # ours, though they are the first of those too


@dataclass(frozen=True, eq=False)
class Job:
    """A page of one shard: the `weights` it needs, by digest, and how to ask an actor that has them."""

    seat: int
    weights: Mapping[str, SiteFactors]
    ask: Callable[[Actor, Mapping[str, Parcel]], Reference]


class Crew:
    """`size` actors that have loaded the same host. `losses` says how each lost one went.

    Raises:
        HostError: the workers cannot load the host.
        WorkerError: they are gone before they have loaded it, take too long, or their hosts differ.
    """

    def __init__(self, setup: LocalSetup, size: int, resources: Mapping[str, int]) -> None:
        self._setup, self._resources = setup, dict(resources)
        self.losses: list[str] = []
        self.seats = [Seat() for _ in range(size)]
        actors = [self._hire() for _ in self.seats]
        opening = [actor.open.remote() for actor in actors]
        try:
            opened = [_result(reference, START_SECONDS) for reference in opening]
        except LOST as error:
            raise WorkerError(
                f"expected {size} workers to start, lost one: {cause_of(error)}; every machine of a cluster needs "
                "the same versions of Evolora and its libraries, and memory for its hosts"
            ) from error
        self.facts: HostFacts = opened[0][0]
        for seat, actor, (facts, process_id) in zip(self.seats, actors, opened, strict=True):
            self._expect_same_host(facts)
            seat.take(actor, process_id)

    def run(self, jobs: Sequence[Job]) -> list[Any]:
        """Every job's result, in order. Jobs wait for their own worker; those of a lost one go to the others.

        Raises:
            WorkerError: all workers are gone, or the machine of one cannot do its job (want of memory or disk).
        """
        results: list[Any] = [None] * len(jobs)
        queues = [deque(number for number, job in enumerate(jobs) if job.seat == s) for s in range(len(self.seats))]
        flying: dict[Reference, tuple[int, int]] = {}
        squeezes: Counter[int] = Counter()
        while True:
            self._hand_over(queues)
            for seat, number in self._due(queues, flying):
                flying[self._submit(jobs[number], self.seats[seat])] = (seat, number)
            if not flying:
                return results
            ready, _ = ray.wait(list(flying), num_returns=1, timeout=SILENCE_SECONDS)
            reference = ready[0] if ready else next(iter(flying))  # the call that has waited for longest
            seat, number = flying.pop(reference)
            try:
                if not ready:
                    raise TimeoutError(f"no answer from any worker for {SILENCE_SECONDS:.0f} s")
                result = _result(reference)
            except (*LOST, TimeoutError) as error:
                queues[seat].appendleft(number)
                self._lose(self.seats[seat], error)
                squeezes[number] += isinstance(error, OutOfMemoryError)
                if squeezes[number] == SQUEEZES:
                    raise WorkerError(
                        f"expected workers with memory for a page of the population, lost {SQUEEZES} in turn: "
                        f"{cause_of(error)}; set a smaller host.max_batch_tokens"
                    ) from error
                continue
            if isinstance(result, Missing):  # then it has not unpacked what came along either
                self.seats[seat].lacks(result.digests | jobs[number].weights.keys())
                queues[seat].appendleft(number)
            else:
                results[number] = result

    def replace_lost(self) -> None:
        """A new actor for every lost one. Who does not come in time is taken when ready, and waited for only while
        nobody else is there."""
        hired = []
        for seat in self.seats:
            if seat.actor is None and seat.successor is None and seat.failures < REPLACEMENTS:
                actor = self._hire()
                seat.successor = actor, actor.open.remote()
                hired.append(seat.successor[1])
        if hired:
            ray.wait(hired, num_returns=len(hired), timeout=REPLACE_SECONDS)
        self._welcome(REPLACE_SECONDS if self._deserted else 0.0)

    def close(self) -> None:
        """End all workers."""
        for seat in self.seats:
            for actor in (seat.actor, seat.successor and seat.successor[0]):
                if actor is not None:
                    ray.kill(actor)
            seat.actor = seat.successor = None

    def _hire(self) -> Actor:
        return ray.remote(Worker).options(**self._resources).remote(self._setup)

    @property
    def _deserted(self) -> bool:
        return all(seat.actor is None for seat in self.seats)

    def _welcome(self, patience: float) -> None:
        """Seat the successors that are ready, after waiting up to `patience` seconds for the first."""
        coming = {seat.successor[1]: seat for seat in self.seats if seat.successor is not None}
        if coming:
            ray.wait(list(coming), num_returns=1, timeout=patience)
            for opening in ray.wait(list(coming), num_returns=len(coming), timeout=0)[0]:
                seat = coming[opening]
                assert seat.successor is not None  # as all of them have
                self._seat(seat, *seat.successor)

    def _seat(self, seat: Seat, successor: Actor, opening: Reference) -> None:
        """Give `seat` to a successor that has opened its host; one that could not is sent away."""
        try:
            facts, process_id = _result(opening)
            self._expect_same_host(facts)
        except (EvoloraError, RayError) as error:
            ray.kill(successor)
            seat.successor, seat.failures = None, seat.failures + 1
            self.losses.append(cause_of(error))
        else:
            seat.take(successor, process_id)

    def _expect_same_host(self, facts: HostFacts) -> None:
        """Raise `WorkerError` where a worker's host is not that of the first one."""
        for one in fields(HostFacts):
            here, there = getattr(self.facts, one.name), getattr(facts, one.name)
            if here != there:
                raise WorkerError(
                    f"expected all workers to have the same host, got {one.name} {str(here)[:80]} on one and "
                    f"{str(there)[:80]} on another; give host.device and host.dtype, and the same files everywhere"
                )

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
        if any(queues) and self._deserted:
            self._welcome(REPLACE_SECONDS)
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
        parcels = {digest: pack(weights) for digest, weights in job.weights.items() if not seat.knows(digest)}
        seat.holds(job.weights)
        return job.ask(seat.actor, parcels)

    def _lose(self, seat: Seat, error: Exception) -> None:
        if seat.actor is not None:  # else a second job of the same worker
            ray.kill(seat.actor)  # one that is only out of reach must not come back
            seat.actor = None
            self.losses.append(cause_of(error))


def _result(reference: Reference, timeout: float | None = None) -> Any:
    """What a call returned. A worker's own EvoloraError is raised as itself, what its machine lacks as a WorkerError;
    one that is lost raises one of `LOST`."""
    try:
        return ray.get(reference, timeout=timeout)
    except GetTimeoutError as error:
        raise WorkerError(f"expected a worker to load its host within {timeout:.0f} s, got no answer") from error
    except LOST:
        raise
    except RayTaskError as error:
        if isinstance(error.cause, EvoloraError):
            raise error.cause from None
        if isinstance(error.cause, FAULTS) and not isinstance(error.cause, DEFECTS):
            first = str(error.cause).strip().partition("\n")[0][:160]
            raise WorkerError(
                f"expected a worker to do its work, got {type(error.cause).__name__}: {first}; look at its machine's "
                "memory, disk and libraries"
            ) from error
        raise
    except RayError as error:
        raise WorkerError(f"expected Ray to bring a worker's work, got {cause_of(error)}") from error


def cause_of(error: BaseException) -> str:
    """Why a worker was lost, in a line: Ray's last one names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1][:160]}" if lines else type(error).__name__
