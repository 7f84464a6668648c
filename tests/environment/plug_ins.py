"""Families of a user's own, good and bad, as `module:Class` finds them."""

from evolora.environment.task import Task


class Doubles:
    """Twice a number: a plug-in that keeps the rules."""

    def __init__(self, largest: int = 1000) -> None:
        self.largest = largest

    def sample(self, seed: int, num: int) -> list[Task]:
        numbers = [(seed + index) % self.largest for index in range(min(num, self.largest))]
        return [Task("doubles", f"twice {number}", str(2 * number), seed) for number in numbers]

    def score(self, task: Task, text: str) -> float:
        return float(text == task.answer)


class ConsolationPayer(Doubles):
    """Pays a little for anything, as some public graders do."""

    def score(self, task: Task, text: str) -> float:
        return 1.0 if text == task.answer else 0.3


class Raiser(Doubles):
    """A grader that raises on everything, the truth included."""

    def score(self, task: Task, text: str) -> float:
        raise ValueError("not a number")


class Overpayer(Doubles):
    """A grader outside [0, 1]."""

    def score(self, task: Task, text: str) -> float:
        return float("nan") if text == "?" else 7.0


class NoScorer:
    """Forgot a method."""

    def sample(self, seed: int, num: int) -> list[Task]:
        return []


class NotTasks(Doubles):
    """Returns something else than tasks."""

    def sample(self, seed: int, num: int) -> list[Task]:
        return ["twice 2"]  # type: ignore[list-item]


class Hanger(Doubles):
    """A grader that thinks for ever about a wrong answer."""

    def score(self, task: Task, text: str) -> float:
        while text != task.answer:
            pass
        return 1.0
