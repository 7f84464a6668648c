"""The word that a dictionary lists first."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family, whole_number
from evolora.environment.families.words import WORDS


@own_family("first_in_alphabet")
@dataclass(frozen=True)
class FirstInAlphabet(OwnFamily):
    """Which word comes first in the alphabet: pear, kite, moon?"""

    num_words: int = whole_number(3, 2, 8, "words to choose from")

    def draw(self, rng: Random) -> tuple[str, str]:
        words = rng.sample(WORDS, self.num_words)
        return f"First in the alphabet: {', '.join(words)}?", min(words)
