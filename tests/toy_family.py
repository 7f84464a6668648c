"""A family that a random byte model can partly do: an answer pays if it begins outside ASCII."""

from evolora.environment.task import Task


class NonAscii:
    """About half of what a random byte model writes begins with a byte above 127; learning can raise that."""

    def __init__(self, kind: str = "a") -> None:
        self.kind = kind

    def sample(self, seed: int, num: int) -> list[Task]:
        return [
            Task(f"non_ascii_{self.kind}", f"{self.kind}{(seed * 7919 + i) % 100_000}", "é", seed) for i in range(num)
        ]

    def score(self, task: Task, text: str) -> float:
        return 1.0 if text and ord(text[0]) > 127 else 0.0
