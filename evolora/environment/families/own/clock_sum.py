"""Adding two numbers, whole or round a clock face."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family, whole_number


@own_family("clock_sum")
@dataclass(frozen=True)
class ClockSum(OwnFamily):
    """7 + 8 mod 10 =: addition with small answers; a modulus above every sum makes it plain addition."""

    max_term: int = whole_number(20, 12, 9_999, "largest number added")
    modulus: int = whole_number(10, 2, 99_999, "what the sum is reduced by")

    def draw(self, rng: Random) -> tuple[str, str]:
        first, second = rng.randint(1, self.max_term), rng.randint(1, self.max_term)
        if self.modulus > 2 * self.max_term:
            return f"{first} + {second} =", str(first + second)
        return f"{first} + {second} mod {self.modulus} =", str((first + second) % self.modulus)
