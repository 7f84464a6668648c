"""The letter that continues a sequence with a constant step."""

from dataclasses import dataclass
from random import Random
from string import ascii_uppercase

from evolora.environment.families.own_family import OwnFamily, own_family, whole_number


@own_family("letter_sequence")
@dataclass(frozen=True)
class LetterSequence(OwnFamily):
    """Which letter comes next: B D F?"""

    max_step: int = whole_number(3, 2, 4, "largest distance between neighbours, forwards or backwards")
    max_letters: int = whole_number(5, 4, 6, "most letters shown; the fewest is 3")

    def draw(self, rng: Random) -> tuple[str, str]:
        step = rng.randint(1, self.max_step) * rng.choice((1, -1))
        shown = rng.randint(3, self.max_letters)
        span = abs(step) * shown
        low = rng.randrange(len(ascii_uppercase) - span)
        start = low if step > 0 else low + span
        letters = [ascii_uppercase[start + step * place] for place in range(shown + 1)]
        return f"Next letter: {' '.join(letters[:-1])}", letters[-1]
