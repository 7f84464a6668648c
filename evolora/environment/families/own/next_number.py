"""The whole number after another."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family, whole_number


@own_family("next_number")
@dataclass(frozen=True)
class NextNumber(OwnFamily):
    """The number after 47?"""

    max_value: int = whole_number(999, 200, 999_999, "largest number asked about")

    def draw(self, rng: Random) -> tuple[str, str]:
        number = rng.randint(1, self.max_value)
        return f"The number after {number}?", str(number + 1)
