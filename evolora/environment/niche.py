"""A niche: a task family with a price, a rule of payment and a chemostat for its stock."""

import math
from dataclasses import dataclass
from typing import Literal

from evolora.calendar import Opening
from evolora.environment.families.family import Family
from evolora.environment.overtime import Overtime, within
from evolora.environment.task import Score, Task
from evolora.environment.text import read_answer

Pay = Literal["exact", "partial"]
PATIENCE = 5.0  # seconds a scorer may take for one answer; ours and reasoning-gym's take milliseconds


@dataclass(frozen=True)
class Niche:
    """The rule of one niche. Its stock of energy is the ledger's.

    `price` is the energy for a full-score answer; `inflow` (energy per generation), `outflow` (share of the
    stock lost per generation) and `capacity` (energy) are its chemostat's. With `pay` "exact" only a score of
    1 earns; with "partial" a score s earns max(0, (s - pay_floor) / (1 - pay_floor)). Without an `opening` it is always
    open; shut, it takes nothing in and nobody can visit it.
    """

    name: str
    family: Family
    price: float = 1.0
    pay: Pay = "exact"
    pay_floor: float = 0.2
    inflow: float = 20.0
    outflow: float = 0.1
    capacity: float = 100.0
    opening: Opening | None = None

    def is_open(self, generation: int) -> bool:
        """Whether it feeds, and can be visited, in `generation`."""
        return self.opening is None or self.opening.includes(generation)

    def score(self, task: Task, text: str) -> Score:
        """How good `text` is as an answer to `task`, as this niche pays it. A failing scorer scores 0.

        Only as many leading non-blank lines count as the reference has (almost always one); a trailing full
        stop is tolerated. Never raises, and never takes longer than `PATIENCE` in the main thread.
        """
        answer = read_answer(text, task.answer)
        if not answer:
            return Score(0.0, "empty")
        try:
            with within(PATIENCE):
                raw = float(self.family.score(task, answer))
        except Overtime:
            return Score(0.0, f"scorer took longer than {PATIENCE:g} s")
        except Exception as error:  # noqa: BLE001  # graders raise anything on odd text; law 9: that is data
            return Score(0.0, f"scorer raised {type(error).__name__}: {str(error)[:120]}")
        if not math.isfinite(raw) or not 0 <= raw <= 1:
            return Score(0.0, f"scorer returned {raw}, expected a number in [0, 1]")
        return Score(paid_score(raw, self.pay, self.pay_floor))


def paid_score(raw: float, pay: Pay, pay_floor: float) -> float:
    """What a family's score `raw` in [0, 1] is worth under a rule of payment, in [0, 1]."""
    if raw >= 1:
        return 1.0
    if pay == "exact" or pay_floor >= 1:
        return 0.0
    return max(0.0, (raw - pay_floor) / (1 - pay_floor))
