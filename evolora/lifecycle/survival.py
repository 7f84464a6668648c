"""Who dies of what, and what becomes of its energy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evolora.events import Death, DeathCause
from evolora.lifecycle.ledger import Ledger, Reason, to_energy
from evolora.organism.organism import Organism
from evolora.organism.population import Population

Heir = Literal["commons", "sink"]


@dataclass(frozen=True)
class Survival:
    """Finds who cannot go on. `max_age` is in generations; None: nobody dies of age."""

    insolvency: bool
    max_age: int | None

    def find_deaths(
        self, organisms: Iterable[Organism], owed: Mapping[int, int], generation: int
    ) -> dict[int, DeathCause]:
        """Organism id -> its one cause, in id order. `owed` has the units an organism could not pay.

        Debt comes before age when both apply.
        """
        deaths: dict[int, DeathCause] = {}
        for organism in sorted(organisms, key=lambda o: o.id):
            if self.insolvency and owed.get(organism.id, 0) > 0:
                deaths[organism.id] = DeathCause.INSOLVENCY
            elif self.max_age is not None and organism.age(generation) >= self.max_age:
                deaths[organism.id] = DeathCause.AGE
        return deaths


def strike_at_random(
    deaths: Mapping[int, DeathCause], ids: Iterable[int], rng: np.random.Generator
) -> dict[int, DeathCause]:
    """As many deaths as `deaths` has by insolvency, but chance names the dead (cause: chance), in id order.

    Those who die of anything else do so as before. Whoever could not pay and is spared lives on with nothing.
    """
    others = {identity: cause for identity, cause in deaths.items() if cause is not DeathCause.INSOLVENCY}
    spared = sorted(set(ids) - others.keys())
    drawn = rng.choice(len(spared), size=len(deaths) - len(others), replace=False)
    struck = {spared[int(place)]: DeathCause.CHANCE for place in drawn}
    return dict(sorted({**others, **struck}.items()))


def bury(
    population: Population,
    ledger: Ledger,
    organism_id: int,
    cause: DeathCause,
    generation: int,
    heir: Heir,
    owed: int = 0,
) -> Death:
    """Take an organism out of the living, move what it leaves to `heir` and close its account.

    `owed` (units) is recorded with the death; debts are never paid out of what others have.
    """
    organism = population.remove(organism_id)
    remains = ledger.balance(organism.account)
    ledger.transfer(organism.account, heir, remains, Reason.REMAINS)
    ledger.close_account(organism.account)
    return Death(
        generation=generation,
        organism_id=organism.id,
        cause=cause,
        age=organism.age(generation),
        lineage=organism.lineage,
        children=organism.children,
        owed=to_energy(owed),
        remains=to_energy(remains),
        heir=heir,
    )
