"""How often a word occurs in a short list."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family, whole_number
from evolora.environment.families.words import SHORT_WORDS


@own_family("count_word")
@dataclass(frozen=True)
class CountWord(OwnFamily):
    """How often does cat occur: cat dog cat sun?"""

    num_words: int = whole_number(6, 4, 14, "words in the list")
    max_count: int = whole_number(4, 2, 8, "most occurrences; counts from 1 up are equally frequent")

    def contradictions(self) -> list[str]:
        if self.max_count < self.num_words:
            return []
        return [f"max_count: expected less than num_words ({self.num_words}), got {self.max_count}"]

    def draw(self, rng: Random) -> tuple[str, str]:
        wanted, *others = rng.sample(SHORT_WORDS, 4)
        count = rng.randint(1, self.max_count)
        words = [wanted] * count + rng.choices(others, k=self.num_words - count)
        rng.shuffle(words)
        return f"How many times is {wanted} in: {' '.join(words)}?", str(count)
