"""Newcomers: founders that come later, out of nowhere, as naive as the first were."""

from dataclasses import dataclass

from evolora.calendar import recurs
from evolora.events import DeathCause, Event
from evolora.lifecycle.ledger import Ledger
from evolora.lifecycle.reproduction import found
from evolora.lifecycle.selection import CrowdingRule, find_displaced
from evolora.lifecycle.survival import Heir, bury
from evolora.organism.founding import Founding
from evolora.organism.genome import SiteShape
from evolora.organism.population import Population
from evolora.rng import stream


@dataclass(frozen=True)
class Arrivals:
    """`number` newcomers in generation `at` and `every` so many from then on (None: only once).

    Each brings `energy` out of the source. At `capacity` the `crowding` rule names who makes room, never somebody born
    in the same generation; where nobody does, nobody comes.
    """

    at: int
    every: int | None
    number: int
    energy: float
    capacity: int
    crowding: CrowdingRule
    founding: Founding

    def are_due(self, generation: int) -> bool:
        """Whether newcomers come then."""
        return recurs(generation, self.at, self.every)

    def arrive(self, population: Population, ledger: Ledger, generation: int, seed: int, heir: Heir) -> list[Event]:
        """Let newcomers live; returns their births and the deaths of who made room. Nobody comes where nobody lives."""
        events: list[Event] = []
        sites = _sites(population)
        for number in range(self.number if sites else 0):
            rng = stream(seed, "arrive", generation, number)
            if len(population) >= self.capacity:
                energies = {organism.id: ledger.balance(organism.account) for organism in population}
                newborns = {organism.id for organism in population if organism.born == generation}
                displaced = find_displaced(self.crowding, population, energies, newborns, rng)
                if displaced is None:
                    break
                events.append(bury(population, ledger, displaced, DeathCause.CROWDING, generation, heir))
            genome = self.founding.draw(sites, rng)
            events.append(found(population, ledger, genome, self.energy, generation, operator="arrival"))
        return events


def _sites(population: Population) -> list[SiteShape]:
    """The sites that somebody alive adapts, by name."""
    shapes = {
        name: SiteShape(name, factors.a.shape[1], factors.b.shape[0])
        for organism in population
        for name, factors in organism.active.factors.items()
    }
    return [shapes[name] for name in sorted(shapes)]
