"""A number spelt out, to be written in digits."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family, whole_number
from evolora.environment.families.words import word_list

UNITS = word_list(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
TENS = word_list("twenty thirty forty fifty sixty seventy eighty ninety")


def spell(number: int) -> str:
    """`number` (0..9,999) in English words."""
    if number >= 1_000:
        rest = f" {spell(number % 1_000)}" if number % 1_000 else ""
        return f"{UNITS[number // 1_000]} thousand{rest}"
    if number >= 100:
        rest = f" {spell(number % 100)}" if number % 100 else ""
        return f"{UNITS[number // 100]} hundred{rest}"
    if number < len(UNITS):
        return UNITS[number]
    unit = f"-{UNITS[number % 10]}" if number % 10 else ""
    return TENS[number // 10 - 2] + unit


@own_family("spelt_number")
@dataclass(frozen=True)
class SpeltNumber(OwnFamily):
    """In digits: forty-seven."""

    max_value: int = whole_number(999, 200, 9_999, "largest number")

    def draw(self, rng: Random) -> tuple[str, str]:
        number = rng.randint(1, self.max_value)
        return f"In digits: {spell(number)}", str(number)
