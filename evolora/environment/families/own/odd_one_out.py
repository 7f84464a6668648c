"""The word that is of another kind than the rest."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family, whole_number
from evolora.environment.families.words import CATEGORIES


@own_family("odd_one_out")
@dataclass(frozen=True)
class OddOneOut(OwnFamily):
    """Which word does not belong: apple, pear, hammer, plum?"""

    num_words: int = whole_number(4, 3, 8, "words to choose from")

    def draw(self, rng: Random) -> tuple[str, str]:
        common, other = rng.sample(sorted(CATEGORIES), 2)
        odd = rng.choice(CATEGORIES[other])
        words = [odd, *rng.sample(CATEGORIES[common], self.num_words - 1)]
        rng.shuffle(words)
        return f"The odd one out: {', '.join(words)}?", odd
