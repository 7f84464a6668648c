"""What happens when: once, or again and again, as pure functions of the generation."""

from dataclasses import dataclass


def recurs(generation: int, at: int, every: int | None) -> bool:
    """Whether `generation` is `at`, or a multiple of `every` generations later (None: only once)."""
    since = generation - at
    return since == 0 if every is None else since >= 0 and since % every == 0


@dataclass(frozen=True)
class Opening:
    """From generation `at`, for `duration` generations, something is open; again `every` so many from then on."""

    at: int
    duration: int
    every: int | None = None

    def includes(self, generation: int) -> bool:
        """Whether it is open then."""
        since = generation - self.at
        return since >= 0 and (since if self.every is None else since % self.every) < self.duration
