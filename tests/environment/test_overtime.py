"""Foreign code that does not come back is interrupted, and nothing of the interruption outlives the block."""

import re
import signal
import threading
import time

import pytest

from evolora.environment import niche as niche_module
from evolora.environment.overtime import Overtime, within
from evolora.environment.task import Task

from .niches import niche_of


def spin() -> None:
    while True:
        try:
            time.sleep(0.01)
        except Exception:  # noqa: BLE001  # as graders do
            continue


def spin_catching_everything_once() -> None:
    try:
        spin()
    except:  # noqa: E722  # graders do that too
        spin()


def backtrack() -> None:
    re.match(r"(a+)+$", "a" * 40 + "b")


@pytest.mark.parametrize("stuck", [spin, spin_catching_everything_once, backtrack])
def test_code_that_does_not_come_back_is_interrupted(stuck: object) -> None:
    began = time.monotonic()
    with pytest.raises(Overtime), within(0.2):
        stuck()  # type: ignore[operator]
    assert time.monotonic() - began < 3


def test_nothing_rings_after_the_block() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with within(0.05):
        pass
    time.sleep(0.1)
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_other_threads_are_not_limited_and_not_refused() -> None:
    done = []

    def work() -> None:
        with within(0.01):
            time.sleep(0.05)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_a_grader_that_hangs_scores_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(niche_module, "PATIENCE", 0.2)
    score = niche_of("plug_ins:Hanger").score(Task("hangs", "twice 4", "8", 0), "9")
    assert (score.value, score.reason) == (0.0, "scorer took longer than 0.2 s")
