"""Counting weekdays forwards and backwards."""

from dataclasses import dataclass
from random import Random

from evolora.environment.families.own_family import OwnFamily, own_family, whole_number

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@own_family("weekday")
@dataclass(frozen=True)
class Weekday(OwnFamily):
    """Which day is 3 days after Monday?"""

    max_days: int = whole_number(14, 12, 365, "most days counted")

    def draw(self, rng: Random) -> tuple[str, str]:
        today = rng.randrange(len(DAYS))
        distance = rng.randint(1, self.max_days)
        forwards = rng.random() < 0.5
        days = "1 day" if distance == 1 else f"{distance} days"
        answer = DAYS[(today + (distance if forwards else -distance)) % len(DAYS)]
        return f"{days} {'after' if forwards else 'before'} {DAYS[today]}?", answer
