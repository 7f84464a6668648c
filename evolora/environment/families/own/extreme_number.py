"""The largest or smallest of a few numbers."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, one_of, own_family, whole_number


@own_family("extreme_number")
@dataclass(frozen=True)
class ExtremeNumber(OwnFamily):
    """Which is the largest: 34, 87, 12?"""

    num_numbers: int = whole_number(3, 2, 8, "numbers to choose from")
    max_value: int = whole_number(99, 20, 999_999, "largest number")
    which: str = one_of("largest", ("largest", "smallest"), "which number is asked for")

    def draw(self, rng: Random) -> tuple[str, str]:
        numbers = rng.sample(range(1, self.max_value + 1), self.num_numbers)
        answer = max(numbers) if self.which == "largest" else min(numbers)
        return f"The {self.which} of {', '.join(map(str, numbers))}?", str(answer)
