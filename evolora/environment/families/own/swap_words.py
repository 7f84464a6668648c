"""Two words the other way round."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family
from evolora.environment.families.words import SHORT_WORDS


@own_family("swap_words")
@dataclass(frozen=True)
class SwapWords(OwnFamily):
    """Swap: cat sun."""

    def draw(self, rng: Random) -> tuple[str, str]:
        first, second = rng.sample(SHORT_WORDS, 2)
        return f"Swap: {first} {second}", f"{second} {first}"
