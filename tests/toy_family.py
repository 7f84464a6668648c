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


class Parity:
    """An answer beyond ASCII, or of one repeated letter, pays if its code points and the question's add up to an even
    number: about half of what a random byte model writes does, and a letter more or less decides."""

    name = "parity"

    def sample(self, seed: int, num: int) -> list[Task]:
        questions = [f"p{(seed * 7919 + i) % 100_000}" for i in range(num)]
        return [Task("parity", question, "èé"[_sum(question) % 2], seed) for question in questions]

    def score(self, task: Task, text: str) -> float:
        odd = not text.isascii() or (len(set(text)) == 1 and text != "0")
        return float(odd and (_sum(task.question) + _sum(text)) % 2 == 0)


def _sum(text: str) -> int:
    return sum(ord(letter) for letter in text)
