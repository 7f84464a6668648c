"""A limit on how long foreign code may take."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Overtime(BaseException):
    """The limit has passed. Not an `Exception`: the code that takes too long may catch all of those."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `Overtime` inside the block once `seconds` of wall time have passed, and again every tenth of them in case
    somebody caught it.

    Python code and regular expressions are interrupted, other C code when it returns. Signals are the only way to
    interrupt a thread, and only the main one gets them: in other threads, and where there is no SIGALRM (Windows),
    there is no limit. Blocks do not nest.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise Overtime

    before = signal.signal(signal.SIGALRM, ring)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds, seconds / 10)
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:  # again, for it may have rung while it was being turned off
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
