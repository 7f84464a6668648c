"""Who may breed, with whom, and who makes room. Ties go to the lower id unless said otherwise."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from evolora.lifecycle.ledger import Ledger, Reason
from evolora.organism.organism import Organism
from evolora.organism.population import Population

CrowdingRule = Literal["poorest", "oldest", "random", "none"]
MateRule = Literal["complementary", "attraction", "random"]


def find_breeders(energies: Mapping[int, int], threshold: int) -> list[int]:
    """Ids of organisms with at least `threshold` units, richest first."""
    rich = [organism_id for organism_id, units in energies.items() if units >= threshold]
    return sorted(rich, key=lambda organism_id: (-energies[organism_id], organism_id))


def find_displaced(
    rule: CrowdingRule,
    organisms: Iterable[Organism],
    energies: Mapping[int, int],
    protected: Collection[int],
    rng: np.random.Generator,
) -> int | None:
    """The id of who makes room for a birth, never one of `protected`; None when nobody does."""
    candidates = sorted((o for o in organisms if o.id not in protected), key=lambda o: o.id)
    if not candidates or rule == "none":
        return None
    if rule == "poorest":
        return min(candidates, key=lambda o: (energies[o.id], o.id)).id
    if rule == "oldest":
        return min(candidates, key=lambda o: (o.born, o.id)).id
    return candidates[int(rng.integers(len(candidates)))].id


def complementarity(own: Mapping[str, float], partner: Mapping[str, float]) -> float:
    """Sum over niches of max(0, partner's competence - own); a niche never visited counts 0 competence."""
    return sum(max(0.0, partner[niche] - own.get(niche, 0.0)) for niche in sorted(partner))


def complementary_mate(organism: Organism, candidates: Sequence[Organism], rng: np.random.Generator) -> Organism | None:
    """The candidate that does well where `organism` does badly; chance decides among equals."""
    if not candidates:
        return None
    gains = [complementarity(organism.competence, candidate.competence) for candidate in candidates]
    best = [candidate for candidate, gain in zip(candidates, gains, strict=True) if gain == max(gains)]
    return random_mate(organism, best, rng)


def attracted_mate(organism: Organism, candidates: Sequence[Organism], rng: np.random.Generator) -> Organism | None:
    """A candidate drawn with chances in proportion to how much better it does where it does better.

    After M2N2's attraction (Abrantes, Lange & Tang 2025), over niches instead of data points. Where nobody is better
    anywhere, any candidate.
    """
    gains = np.array([complementarity(organism.competence, candidate.competence) for candidate in candidates])
    if not candidates or gains.sum() == 0:
        return random_mate(organism, candidates, rng)
    return candidates[int(rng.choice(len(candidates), p=gains / gains.sum()))]


def random_mate(organism: Organism, candidates: Sequence[Organism], rng: np.random.Generator) -> Organism | None:
    """Any candidate, with equal chances."""
    return candidates[int(rng.integers(len(candidates)))] if candidates else None


MATE_RULES: Mapping[MateRule, Callable[[Organism, Sequence[Organism], np.random.Generator], Organism | None]] = {
    "complementary": complementary_mate,
    "attraction": attracted_mate,
    "random": random_mate,
}


def deal(ids: Iterable[int], rng: np.random.Generator) -> dict[int, int]:
    """Neutral selection: id -> id whose fortune it gets, a uniformly random permutation.

    What an organism does then says nothing about whether it lives or breeds: what is left is drift.
    """
    ordered = sorted(ids)
    return {ordered[i]: ordered[int(j)] for i, j in enumerate(rng.permutation(len(ordered)))}


def deal_fortunes(
    population: Population, ledger: Ledger, owed: Mapping[int, int], rng: np.random.Generator
) -> dict[int, int]:
    """Chance deals among the living what everybody owns and owes (units); who then owes what, by organism id.

    Whole fortunes, not only what a generation brought: who stays rich for a while bears several children, and its
    lineage outlasts the shadows of chance without being any better.
    """
    source = deal(population.ids, rng)
    holdings = {identity: ledger.balance(population[identity].account) for identity in source}
    gains = {identity: holdings[source[identity]] - holdings[identity] for identity in source}
    payers = deque((identity, -gain) for identity, gain in gains.items() if gain < 0)
    for identity, due in gains.items():
        while due > 0:
            payer, left = payers.popleft()
            amount = min(due, left)
            ledger.transfer(population[payer].account, population[identity].account, amount, Reason.DEALING)
            due -= amount
            if left > amount:
                payers.appendleft((payer, left - amount))
    return {identity: owed.get(source[identity], 0) for identity in source}
