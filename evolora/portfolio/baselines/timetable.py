"""When a trained adapter is taught what: the niches that are open while organisms live, in the same order."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from evolora.environment.niche import Niche


@dataclass(frozen=True)
class Term:
    """A stretch in which the same `niches` are open; `end` is the share in (0, 1] of all lessons that is then over."""

    niches: tuple[Niche, ...]
    end: Fraction


def timetable(niches: Sequence[Niche], generations: int) -> list[Term]:
    """The terms of so many generations, as long as those that see the same niches open; one where none ever shuts.

    Generations in which nothing is open are left out.
    """
    days = [tuple(niche for niche in niches if niche.is_open(g)) for g in range(1, generations + 1)]
    days = [day for day in days if day]
    return [
        Term(day, Fraction(number, len(days)))
        for number, day in enumerate(days, 1)
        if number == len(days) or _names(days[number]) != _names(day)
    ]


def always(niches: Sequence[Niche]) -> list[Term]:
    """One term of all niches, whenever they open: for who shall know what organisms cannot."""
    return [Term(tuple(niches), Fraction(1))]


def _names(niches: Sequence[Niche]) -> list[str]:
    return [niche.name for niche in niches]
