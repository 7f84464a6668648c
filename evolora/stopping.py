"""Ctrl-C and SIGTERM as a request: asked once, work comes to a good end; asked twice, it is thrown away."""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType

STOPS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C, and what a scheduler or `kill` sends


class OrderlyStop:
    """While it is entered, the first signal makes it true when called, the second raises KeyboardInterrupt.

    `announce` is called at the first, inside the signal handler: it may write to a file descriptor, no more.
    """

    def __init__(self, announce: Callable[[], object] = lambda: None) -> None:
        self.requested = False
        self.announce = announce
        self.exit_code = 128 + signal.SIGINT  # what a shell reports for a command that the signal ended
        self._previous: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __call__(self) -> bool:
        """Whether somebody wants an end."""
        return self.requested

    def __enter__(self) -> "OrderlyStop":
        self._previous = {number: signal.signal(number, self._on_signal) for number in STOPS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self.exit_code = 128 + number
        self.announce()
