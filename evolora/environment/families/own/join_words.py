"""Two words written as one."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family
from evolora.environment.families.words import SHORT_WORDS


@own_family("join_words")
@dataclass(frozen=True)
class JoinWords(OwnFamily):
    """Write as one word: sun bed."""

    def draw(self, rng: Random) -> tuple[str, str]:
        first, second = rng.sample(SHORT_WORDS, 2)
        return f"Write as one word: {first} {second}", first + second
