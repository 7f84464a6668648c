"""Ctrl-C as a request: asked once, work comes to a good end; asked twice, it is thrown away."""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType


class OrderlyStop:
    """While it is entered, the first SIGINT makes it true when called, the second raises KeyboardInterrupt.

    `announce` is called at the first, inside the signal handler: it may write to a file descriptor, no more.
    """

    def __init__(self, announce: Callable[[], object] = lambda: None) -> None:
        self.requested = False
        self._announce = announce
        self._previous: Callable[[int, FrameType | None], object] | int | None = None

    def __call__(self) -> bool:
        """Whether somebody wants an end."""
        return self.requested

    def __enter__(self) -> "OrderlyStop":
        self._previous = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._announce()
