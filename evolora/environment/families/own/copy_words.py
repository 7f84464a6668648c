"""Words to be written again as they are."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family
from evolora.environment.families.words import SHORT_WORDS


@own_family("copy_words")
@dataclass(frozen=True)
class CopyWords(OwnFamily):
    """Copy: cat sun."""

    def draw(self, rng: Random) -> tuple[str, str]:
        words = " ".join(rng.sample(SHORT_WORDS, 2))
        return f"Copy: {words}", words
