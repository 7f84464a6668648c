"""One long call somewhere in a cluster: looked after, asked to end, done again when its machine is lost."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import ray
from ray.exceptions import RayError, RayTaskError

from evolora.errors import WorkerError
from evolora.evaluation.ray_pool.crew import cause_of

ATTEMPTS = 3  # a machine may be lost twice in a call's life
GRACE = 5.0  # seconds that a killed call has to tidy up after itself


class Doer(Protocol):
    """What does the call, in a process of its own."""

    def do(self) -> Any: ...

    def interrupt(self) -> None:
        """Let `do` come to an orderly end soon: called beside it, from another thread."""

    def kill(self) -> None:
        """Let `do` end at once: likewise."""


class Errand:
    """`make(*arguments).do()` on a machine that has `resources` to spare."""

    def __init__(self, make: Callable[..., Doer], arguments: tuple[Any, ...], resources: Mapping[str, int]) -> None:
        self._make, self._resources, self._attempts = make, dict(resources), 0
        self._arguments = [ray.put(argument) for argument in arguments]  # kept, should they be sent again
        self._begin()

    def ended(self) -> bool:
        """Whether it has. One whose machine was lost is begun again.

        Raises:
            WorkerError: it failed by itself, or the last attempt was lost too.
        """
        ended, _ = ray.wait([self._ending], timeout=0)
        if not ended:
            return False
        try:
            self._result = ray.get(self._ending)
        except RayTaskError as error:
            raise WorkerError(
                f"expected a machine of the cluster to do it, got {cause_of(error)}; look at its disk and its memory"
            ) from error
        except RayError as error:  # the machine is gone, or out of memory
            self.end()  # one that is only out of reach must not come back
            if self._attempts == ATTEMPTS:
                raise WorkerError(
                    f"expected a machine that lasts, lost {ATTEMPTS} in turn: {cause_of(error)}; every machine of a "
                    "cluster needs the same versions of Evolora and its libraries, and memory for its hosts"
                ) from error
            self._begin()
            return False
        return True

    @property
    def result(self) -> Any:
        """What it returned, once it has ended."""
        return self._result

    def interrupt(self) -> None:
        self._actor.interrupt.remote()

    def end(self) -> None:
        """Give its machine back; a call that has not ended is killed."""
        self._actor.kill.remote()
        ray.wait([self._ending], timeout=GRACE)
        ray.kill(self._actor)

    def _begin(self) -> None:
        self._attempts += 1
        options = {**self._resources, "max_concurrency": 2, "max_restarts": 0}
        self._actor = ray.remote(self._make).options(**options).remote(*self._arguments)
        self._ending = self._actor.do.remote()
