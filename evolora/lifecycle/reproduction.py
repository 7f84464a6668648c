"""Births: planned so that the parents can pay, then carried out one by one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from evolora.events import Birth, DeathCause, Event, Merge
from evolora.lifecycle.ledger import SOURCE, Ledger, Reason, to_energy, to_units
from evolora.lifecycle.selection import MATE_RULES, CrowdingRule, MateRule, find_breeders, find_displaced
from evolora.lifecycle.survival import Heir, bury
from evolora.organism.genome import Genome, OptimizerState
from evolora.organism.organism import Organism
from evolora.organism.population import Population


@dataclass(frozen=True)
class BirthPlan:
    """A birth that can be paid: parent k pays `payments[k]` units; `displaced` (if any) makes room first.

    A `guest` is the parent of its id as an archive keeps it, alive or dead; then the parents are not who pays: the
    payer k of `payers` pays `payments[k]`.
    """

    kind: Literal["clone", "merge"]
    parents: tuple[int, ...]
    payments: tuple[int, ...]
    displaced: int | None
    guest: Organism | None = None
    payers: tuple[int, ...] = ()  # empty: the parents

    @property
    def bill(self) -> tuple[tuple[int, int], ...]:
        """(Who pays, how many units)."""
        return tuple(zip(self.payers or self.parents, self.payments, strict=True))

    def parent(self, identity: int, population: Population) -> Organism:
        """One of the parents, as it passes itself on."""
        return self.guest if self.guest is not None and self.guest.id == identity else population[identity]


@dataclass(frozen=True, eq=False)
class Conception:
    """What a child is born with. `operator` names the mutation or merge that made the genome."""

    genome: Genome
    optimizer: OptimizerState | None
    operator: str


Conceive = Callable[[BirthPlan, int, np.random.Generator], Conception]
Guests = Callable[[int], Organism | None]  # for a payer's id: a parent who pays nothing, or nobody
Fertile = Callable[[int], bool]  # for an id: whether its weights can be passed on


@dataclass(frozen=True)
class Breeder:
    """Plans a generation's births. Energies are in energy units (1.0 = a full-score answer at base price).

    An organism with at least `threshold` bears one child; each parent keeps at least `reserve` after paying
    its part of `endowment`. With chance `merge_prob` it looks for a partner by the `mate` rule. At `capacity`
    the `crowding` rule names who makes room.

    A guest (an elite out of an archive) takes the mate's place in a merge, the parent's in a clone, and pays nothing:
    the organism whose birth it is pays the whole endowment, if it can; if not, it bears without a guest.
    """

    threshold: float
    endowment: float
    reserve: float
    max_births: int
    merge_prob: float
    mate: MateRule
    crowding: CrowdingRule
    capacity: int

    def plan(
        self,
        population: Population,
        ledger: Ledger,
        generation: int,
        rng: np.random.Generator,
        standings: Mapping[int, int] | None = None,
        guests: Guests | None = None,
        fertile: Fertile = lambda _: True,
    ) -> list[BirthPlan]:
        """Births in the order they are to happen, richest parent first; nothing is moved yet.

        Earlier plans count in later ones: their payments are spent, those they displace are gone. The
        displaced is never a parent of the birth and never a newborn of this generation. `standings` take the place
        of energies where births are free: id -> whole number, the higher the better. Who is not `fertile` is nobody's
        parent, but makes room as others do.
        """
        living = {organism.id: organism for organism in population}
        energies = dict(standings or {organism.id: ledger.balance(organism.account) for organism in population})
        newborns = {o.id for o in population if o.born == generation and o.kind != "founder"}
        threshold = to_units(self.threshold)
        plans: list[BirthPlan] = []
        for parent_id in find_breeders(energies, threshold):
            if len(plans) == self.max_births:
                break
            if parent_id not in living or energies[parent_id] < threshold:
                continue  # displaced, or it paid as a partner, earlier in this plan
            if not fertile(parent_id):
                continue  # whatever its riches: it costs nobody else a birth
            guest = None if guests is None else guests(parent_id)
            plan = self._find_payers(living[parent_id], living, energies, rng, fertile, guest)
            if plan is None:
                continue
            if len(living) + len(plans) >= self.capacity:  # `living` lost the displaced; plans are newborns
                protected = newborns.union(plan.parents, plan.payers)
                displaced = find_displaced(self.crowding, living.values(), energies, protected, rng)
                if displaced is None:
                    continue
                del living[displaced]
                plan = replace(plan, displaced=displaced)
            for payer_id, payment in plan.bill:
                energies[payer_id] -= payment
            plans.append(plan)
        return plans

    def _find_payers(
        self,
        parent: Organism,
        living: dict[int, Organism],
        energies: dict[int, int],
        rng: np.random.Generator,
        fertile: Fertile,
        guest: Organism | None = None,
    ) -> BirthPlan | None:
        """One birth, before anybody makes room for it. None: it cannot be paid now.

        Who wants a partner and finds none that can pay clones itself, if it can pay alone.
        """
        endowment, reserve = to_units(self.endowment), to_units(self.reserve)
        half = endowment // 2
        wants_mate, can_pay_alone = rng.random() < self.merge_prob, energies[parent.id] >= reserve + endowment
        if guest is not None and can_pay_alone:
            kind: Literal["clone", "merge"] = "merge" if wants_mate else "clone"
            parents = (parent.id, guest.id) if wants_mate else (guest.id,)
            return BirthPlan(kind, parents, (endowment,), None, guest, payers=(parent.id,))
        if wants_mate and energies[parent.id] >= reserve + endowment - half:
            rich = [o for o in living.values() if o.id != parent.id and energies[o.id] >= reserve + half]
            able = [organism for organism in rich if fertile(organism.id)]
            partner = MATE_RULES[self.mate](parent, able, rng)
            if partner is not None:
                return BirthPlan("merge", (parent.id, partner.id), (endowment - half, half), None)
        return BirthPlan("clone", (parent.id,), (endowment,), None) if can_pay_alone else None


def pay_endowment(ledger: Ledger, plan: BirthPlan, child_account: str) -> int:
    """Everybody who pays puts its part into the child's open account; returns the units the child has."""
    for payer_id, payment in plan.bill:
        ledger.transfer(f"organism:{payer_id}", child_account, payment, Reason.ENDOWMENT)
    return sum(plan.payments)


def give_birth(
    plan: BirthPlan,
    population: Population,
    ledger: Ledger,
    generation: int,
    conceive: Conceive,
    heir: Heir,
    rng: np.random.Generator,
) -> tuple[Event, ...]:
    """Carry out one plan and return its events: the death of the displaced, the birth, the merge.

    1 conceive the genome (first, so that a failure leaves nothing half done)  2 make room  3 pay  4 live
    """
    child_id = population.next_id
    conception = conceive(plan, child_id, rng)
    events: list[Event] = []
    if plan.displaced is not None:
        events.append(bury(population, ledger, plan.displaced, DeathCause.CROWDING, generation, heir))
    parents = [plan.parent(parent_id, population) for parent_id in plan.parents]
    child = Organism(
        id=child_id,
        genome=conception.genome,
        kind=plan.kind,
        parents=plan.parents,
        lineage=parents[0].lineage,
        born=generation,
        optimizer=conception.optimizer,
    )
    ledger.open_account(child.account)
    energy = pay_endowment(ledger, plan, child.account)
    population.add(child)
    for parent_id in plan.parents:
        if parent_id in population:  # an elite may be dead
            population[parent_id].children += 1
    payments = tuple(to_energy(payment) for payment in plan.payments)
    events.append(_record(child, energy, payments, conception.operator, plan.payers))
    if plan.kind == "merge":
        first, second = parents
        lineages = (first.lineage, second.lineage)
        events.append(Merge(generation, child_id, (first.id, second.id), lineages, conception.operator))
    return tuple(events)


def found(
    population: Population, ledger: Ledger, genome: Genome, energy: float, generation: int, operator: str = "founder"
) -> Birth:
    """Let a founder live with `energy` out of the source; its lineage is its own id. `operator` says where from."""
    founder_id = population.next_id
    founder = Organism(founder_id, genome, "founder", parents=(), lineage=founder_id, born=generation)
    ledger.open_account(founder.account)
    ledger.transfer(SOURCE, founder.account, to_units(energy), Reason.FOUNDING)
    population.add(founder)
    return _record(founder, to_units(energy), (), operator)


def _record(
    child: Organism, energy: int, payments: tuple[float, ...], operator: str, payers: tuple[int, ...] = ()
) -> Birth:
    return Birth(
        generation=child.born,
        organism_id=child.id,
        kind=child.kind,
        parents=child.parents,
        lineage=child.lineage,
        energy=to_energy(energy),
        payments=payments,
        operator=operator,
        payers=payers,
    )
