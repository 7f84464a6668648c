"""Many askers, one bank: requests that arrive together are answered together, in a thread of their own."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar


class Sampled(Protocol):
    """A request, as far as the collector looks into it: how many answers it takes."""

    @property
    def num_samples(self) -> int: ...


AskedT = TypeVar("AskedT", bound=Sampled)
GivenT = TypeVar("GivenT")

PATIENCE = 0.1  # share of the last batch's time

_log = logging.getLogger(__name__)


class QueueFullError(Exception):
    """As many requests are waiting as may wait. Nothing was taken on; ask again later."""


class ClosedError(Exception):
    """The collector is being shut down and answers no more."""


class BankError(Exception):
    """The bank raised instead of answering; the log has its traceback, the asker need not."""

    def __init__(self) -> None:
        super().__init__("the server failed to answer")


class Collector(Generic[AskedT, GivenT]):
    """Gathers requests while a batch is being answered, or while they keep arriving, and answers them in one batch.

    A request waits `window` seconds for others; as long as others do come, up to `PATIENCE` of the time that the last
    batch took, because a larger batch takes less time for each of them. At most `max_waiting` requests wait and at
    most `max_batch` answers are written at a time: both bound memory. A request whose asker is gone (its task was
    cancelled) leaves the queue, or, if it is being answered, is answered for nobody. A batch is over when its longest
    answer is, and new requests are admitted between batches.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[AskedT]], list[GivenT]],
        max_waiting: int,
        max_batch: int,
        window: float = 0.005,
    ) -> None:
        self._answer, self._max_waiting, self._max_batch, self._window = answer, max_waiting, max_batch, window
        self._waiting: dict[asyncio.Future[GivenT], AskedT] = {}  # in order of arrival
        self._arrived = asyncio.Event()
        self._closed = False
        self._num_arrived, self._last_seconds = 0, 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bank")
        self.num_batches = 0

    @property
    def num_waiting(self) -> int:
        return len(self._waiting)

    def has_room(self, num_requests: int = 1) -> bool:
        """Whether so many requests more would be taken on now."""
        return not self._closed and len(self._waiting) + num_requests <= self._max_waiting

    def submit(self, request: AskedT) -> "asyncio.Future[GivenT]":
        """Take a request on; cancel the future to give it up.

        Raises:
            QueueFullError: too many are waiting.
            ClosedError: the collector is shutting down.
        """
        if self._closed:
            raise ClosedError
        if not self.has_room():
            raise QueueFullError
        future: asyncio.Future[GivenT] = asyncio.get_running_loop().create_future()
        self._waiting[future] = request
        self._num_arrived += 1
        future.add_done_callback(lambda done: self._waiting.pop(done, None))  # gone as soon as it is cancelled
        self._arrived.set()
        return future

    async def run(self) -> None:
        """Answer batches until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            await self._gather()
            batch = self._take()
            if not batch:
                self._arrived.clear()
                continue
            self.num_batches += 1
            requests = [request for _, request in batch]
            start = loop.time()
            try:
                answers = await loop.run_in_executor(self._thread, self._answer, requests)
            except asyncio.CancelledError:
                for future, _ in batch:
                    if not future.done():
                        future.set_exception(ClosedError())
                raise
            except Exception:  # noqa: BLE001  # whatever it is, its askers hear of it and the others go on
                _log.exception("a batch of %d requests failed", len(batch))
                for future, _ in batch:
                    if not future.done():
                        future.set_exception(BankError())
                continue
            self._last_seconds = loop.time() - start
            for (future, _), answer in zip(batch, answers, strict=True):
                if not future.done():  # its asker is gone
                    future.set_result(answer)

    def close(self) -> None:
        """Refuse who waits and who comes; returns when the batch in progress is over."""
        self._closed = True
        for future in list(self._waiting):
            future.set_exception(ClosedError())
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _gather(self) -> None:
        """Wait while there is room in the batch and others keep coming."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE * self._last_seconds
        while len(self._waiting) < self._max_batch:
            before = self._num_arrived
            await asyncio.sleep(self._window)
            if self._num_arrived == before or loop.time() >= end:
                return

    def _take(self) -> list[tuple["asyncio.Future[GivenT]", AskedT]]:
        """Those who came first, as many as make a batch; they wait no longer."""
        batch: list[tuple[asyncio.Future[GivenT], AskedT]] = []
        rows = 0
        for future, request in self._waiting.items():
            if batch and rows + request.num_samples > self._max_batch:
                break
            batch.append((future, request))
            rows += request.num_samples
        for future, _ in batch:
            del self._waiting[future]
        return batch
