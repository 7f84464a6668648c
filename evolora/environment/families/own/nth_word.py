"""The word at a numbered place of a list."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family, whole_number
from evolora.environment.families.words import WORDS


@own_family("nth_word")
@dataclass(frozen=True)
class NthWord(OwnFamily):
    """Word 3 of: red lamp tree cup."""

    num_words: int = whole_number(4, 2, 10, "words in the list")

    def draw(self, rng: Random) -> tuple[str, str]:
        words = rng.sample(WORDS, self.num_words)
        place = rng.randrange(self.num_words)
        return f"Word {place + 1} of: {' '.join(words)}", words[place]
