"""The letter at one place of a word."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, one_of, own_family
from evolora.environment.families.words import WORDS

PLACES = {"first": 0, "second": 1, "third": 2, "last": -1}


@own_family("letter_at")
@dataclass(frozen=True)
class LetterAt(OwnFamily):
    """What is the last letter of a word?"""

    place: str = one_of("last", tuple(PLACES), "which letter is asked for")

    def draw(self, rng: Random) -> tuple[str, str]:
        word = rng.choice(WORDS)
        return f"The {self.place} letter of {word}?", word[PLACES[self.place]]
