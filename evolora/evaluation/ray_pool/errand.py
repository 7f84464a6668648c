"""One long call somewhere in a cluster: looked after, asked to end, done again when its machine is lost."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import ray
from ray.exceptions import RayTaskError

from evolora.errors import WorkerError
from evolora.evaluation.ray_pool.crew import LOST

ATTEMPTS = 3  # a machine may be lost twice in a call's life


class Doer(Protocol):
    """What does the call, in a process of its own."""

    def do(self) -> Any: ...

    def interrupt(self) -> None:
        """Let `do` come to an orderly end soon: called beside it, from another thread."""


class Errand:
    """`make(*arguments).do()` on a machine that has `resources` to spare."""

    def __init__(self, make: Callable[..., Doer], arguments: tuple[Any, ...], resources: Mapping[str, int]) -> None:
        self._make, self._resources, self._attempts = make, dict(resources), 0
        self._arguments = [ray.put(argument) for argument in arguments]  # kept, should they be sent again
        self._begin()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, within so many seconds. One whose machine was lost is begun again.

        Raises:
            WorkerError: the last attempt was lost too.
        """
        ended, _ = ray.wait([self._ending], timeout=seconds)
        if not ended:
            return False
        try:
            self._result = ray.get(self._ending)
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from None
        except LOST as error:
            if self._attempts == ATTEMPTS:
                first = str(error).strip().splitlines()[0]
                raise WorkerError(f"expected a machine that lasts, lost {ATTEMPTS} in turn: {first}") from error
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
        """Give its machine back, whether or not it has ended."""
        ray.kill(self._actor)

    def _begin(self) -> None:
        self._attempts += 1
        options = {**self._resources, "max_concurrency": 2, "max_restarts": 0}
        self._actor = ray.remote(self._make).options(**options).remote(*self._arguments)
        self._ending = self._actor.do.remote()
