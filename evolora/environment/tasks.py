"""Tasks for living, choosing, testing and showing: disjoint by seed and by content.

The content itself decides where a task may be used: its digest falls into one of four shares. So a question
that one niche tests with is never lived on, in this run or any other, whatever the world's seed, the other
niches, the order of calls or the generation, and nothing has to be drawn up front or remembered.
"""

from collections.abc import Iterator
from typing import Literal

from evolora.environment.niche import Niche
from evolora.environment.task import Task
from evolora.errors import TaskError
from evolora.rng import key64

Split = Literal["living", "test", "selection", "examples"]
Use = Split | Literal["trial"]

# Sixteenths of a family's questions; a small family is divided in the same way as a large one.
SHARES: dict[Split, int] = {"living": 8, "test": 4, "selection": 3, "examples": 1}
DEFAULT_TEST = 200
DEFAULT_SELECTION = 200
DEFAULT_EXAMPLES = 8
EXAMPLE_POOL = 24  # drawn, so that the first few can show different answers
TRIAL_SHARE = 4  # sixteenths of the living tasks that paired trials have to themselves, in worlds that hold any
FEWEST: dict[Use, int] = {"living": 4, "trial": 1, "test": 32, "selection": 16, "examples": 1}
BARREN_ATTEMPTS = 6  # samples in a row without a new task before a use, or the family, counts as exhausted


def split_of(task: Task) -> Split:
    """The one use that a task's content allows: a function of its digest alone."""
    sixteenth = int(task.digest[0], 16)  # BLAKE2b digests are uniform
    for split, share in SHARES.items():
        if sixteenth < share:
            return split
        sixteenth -= share
    raise AssertionError("the shares add up to sixteen")


def use_of(task: Task, with_trials: bool) -> Use:
    """The use of a task in a world: its split, but for the quarter of living tasks that trials set aside."""
    split = split_of(task)
    return "trial" if with_trials and split == "living" and int(task.digest[1], 16) < TRIAL_SHARE else split


class TaskSource:
    """The tasks of every niche of a world, each a function of (seed, use, niche, generation) only.

    Every method returns the same tasks on every call; those for a smaller `num` are a prefix of those for a
    larger one. Where a family has fewer different tasks than asked for, it gives what it has, down to the
    number in `FEWEST` (or `num`, if that is less); below that a `TaskError` says so.

    With `with_trials` some questions are asked in paired trials only, and never lived on.
    """

    def __init__(self, seed: int, with_trials: bool = False) -> None:
        self._seed = seed
        self.with_trials = with_trials
        # The most that was asked for, and what it brought. Dropping it would change no task.
        self._fixed: dict[tuple[Split, Niche], tuple[int, list[Task]]] = {}

    def living(self, niche: Niche, generation: int, num: int) -> list[Task]:
        """`num` tasks that `niche` offers in `generation`, the same to all its visitors."""
        return self._draw("living", niche, generation, num)

    def trial(self, niche: Niche, generation: int, num: int) -> list[Task]:
        """`num` fresh tasks for the paired trials of `generation`; only where the source was made `with_trials`."""
        return self._draw("trial", niche, generation, num)

    def selection(self, niche: Niche, num: int = DEFAULT_SELECTION) -> list[Task]:
        """`num` tasks for choosing: training routers, ranking portfolios."""
        return self._held("selection", niche, num)

    def test(self, niche: Niche, num: int = DEFAULT_TEST) -> list[Task]:
        """`num` tasks for measuring the result, used for nothing else."""
        return self._held("test", niche, num)

    def examples(self, niche: Niche, num: int = DEFAULT_EXAMPLES) -> list[Task]:
        """The first `num` (at most `EXAMPLE_POOL`) of the niche's worked examples.

        They show different answers before they repeat one.
        """
        if num > EXAMPLE_POOL:
            raise ValueError(f"expected at most {EXAMPLE_POOL} examples, got {num}")
        return _different_answers_first(self._held("examples", niche, EXAMPLE_POOL))[:num]

    def _held(self, split: Split, niche: Niche, num: int) -> list[Task]:
        """The fixed tasks of a split, kept because they are asked for again and again."""
        asked, kept = self._fixed.get((split, niche), (0, []))
        if asked < num:  # not `len(kept)`: a small family has given all it has, and is not to be searched again
            kept = self._draw(split, niche, 0, num)
            self._fixed[split, niche] = num, kept
        return kept[:num]

    def _draw(self, use: Use, niche: Niche, generation: int, num: int) -> list[Task]:
        tasks: dict[str, Task] = {}
        fewest, idle = min(num, FEWEST[use]), 0
        for sample in self._samples(use, niche, generation):
            known = len(tasks)
            for task in sample:
                if use_of(task, self.with_trials) == use:
                    tasks.setdefault(task.digest, task)
            idle = 0 if len(tasks) > known else idle + 1
            if len(tasks) >= num or (len(tasks) >= fewest and idle >= BARREN_ATTEMPTS):
                break
        if len(tasks) < fewest:
            raise TaskError(
                f"niche {niche.name}: expected at least {fewest} different {use} tasks, "
                f"got {len(tasks)}: {niche.family.name} has too few questions at these settings; widen them"
            )
        return list(tasks.values())[:num]

    def _samples(self, use: Use, niche: Niche, generation: int) -> Iterator[list[Task]]:
        """Samples of the family, until several bring no question that is new, whatever its use: a share is so small
        that samples may miss it in a family that has plenty.

        Their size does not depend on `num`, which therefore changes only where the list of tasks ends.
        """
        size = 16 if use in ("living", "trial") else 128
        seen: set[str] = set()
        barren = attempt = 0
        while barren < BARREN_ATTEMPTS:
            sample = niche.family.sample(key64(self._seed, "tasks", use, niche.name, generation, attempt), size)
            digests = {task.digest for task in sample}
            barren = 0 if digests - seen else barren + 1
            seen |= digests
            attempt += 1
            yield sample


def _different_answers_first(pool: list[Task]) -> list[Task]:
    """`pool` reordered: one task of every answer by first appearance, then a second of each, and so on."""
    rounds: dict[str, int] = {}
    ranked: list[tuple[int, int, Task]] = []
    for place, task in enumerate(pool):
        ranked.append((rounds.setdefault(task.answer, 0), place, task))
        rounds[task.answer] += 1
    return [task for _, _, task in sorted(ranked, key=lambda entry: entry[:2])]
