"""A generation's row of selection, heredity and kinship."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from evolora.events import Birth, Death, Event
from evolora.history import Ancestor, History
from evolora.record.census import Census
from evolora.record.measures import Floats
from evolora.record.measures.heritability import Regression, parent_offspring_slope
from evolora.record.measures.modes import SNAPSHOT_EVERY
from evolora.record.measures.phylogeny import (
    ancestors,
    coalescence_time,
    common_ancestor,
    depths,
    distinctiveness,
    effective_founders,
    faith_pd,
    first_parent_tree,
    founder_shares,
    mean_pairwise_distance,
    num_roots,
    reticulation_rate,
)
from evolora.record.measures.selection import PriceTerms, effective_size, opportunity_for_selection, price_terms
from evolora.record.rows import Row, spread

TRAITS = ("score", "tokens")  # mean score per answer, tokens per answer; undefined for who gave none
WINDOW = 256  # births that heritability looks back on


def trait_values(census: Census) -> Floats:
    """Mean score per answer and tokens per answer of this generation, (organisms, traits); NaN for who gave none."""
    answers = census.answers.sum(axis=1).astype(np.float64)
    answers[answers == 0] = np.nan
    return np.column_stack([census.scores.sum(axis=1) / answers, census.tokens.sum(axis=1) / answers])


def inheritance_row(history: History, census: Census, events: Sequence[Event]) -> Row:
    """Price terms and heritability up to this census, then fitness in this generation's `events`."""
    values = trait_values(census)
    row = _price_row(history, census, values)
    _remember_pairs(history, census, values)
    pairs = np.array(history.pairs).reshape(len(history.pairs), 2, len(TRAITS))
    for place, trait in enumerate(TRAITS):
        found = parent_offspring_slope(pairs[:, 0, place], pairs[:, 1, place])
        names = {"slope": f"heritability_{trait}", "standard_error": f"heritability_{trait}_se"}
        row |= spread(found, Regression, names)
    fitness = count_offspring(census.ids, events)
    history.phenotypes = {
        own: () if np.isnan(row).any() else tuple(row.tolist()) for own, row in zip(census.ids, values, strict=True)
    }
    return row | {
        "heritability_pairs": len(pairs),
        "opportunity_for_selection": opportunity_for_selection(fitness),
        "effective_size": effective_size(fitness),
    }


def count_offspring(ids: Sequence[int], events: Sequence[Event]) -> Floats:
    """What each organism has in the next census, (organisms,): itself if it lives on, and its children that do, a
    child of two parents counting one half for each."""
    fitness = dict.fromkeys(ids, 1.0)
    dead = {event.organism_id for event in events if isinstance(event, Death)}
    for event in events:
        if isinstance(event, Birth) and event.organism_id not in dead:
            for parent in event.parents:
                fitness[parent] = fitness.get(parent, 0.0) + 1 / len(event.parents)
        elif isinstance(event, Death) and event.organism_id in fitness:
            fitness[event.organism_id] -= 1.0
    return np.array([fitness[own] for own in ids])


def _forebears(history: History, organism_id: int) -> tuple[int, ...]:
    """Who in the last census an organism comes from: itself, or its parents; nobody for a newcomer, and nobody whose
    traits were undefined then."""
    own = history.pedigree.get(organism_id)
    sources = (organism_id,) if organism_id in history.phenotypes else own.parents if own else ()
    return tuple(source for source in sources if history.phenotypes.get(source))


def _price_row(history: History, census: Census, values: Floats) -> Row:
    """Price terms of every trait since the last census. Newcomers without parents there are left out of the change, as
    is who gave no answer, then or now."""
    known = {own: traits for own, traits in history.phenotypes.items() if traits}
    before = np.array(list(known.values())).reshape(-1, len(TRAITS))
    place = {own: number for number, own in enumerate(known)}
    fitness, left = np.zeros(len(before)), np.zeros(before.shape)
    for organism_id, own in _defined(census, values):
        forebears = _forebears(history, organism_id)
        for forebear in forebears:
            fitness[place[forebear]] += 1 / len(forebears)
            left[place[forebear]] += own / len(forebears)
    row: Row = {}
    for number, trait in enumerate(TRAITS):
        offspring = np.divide(left[:, number], fitness, out=np.zeros(len(before)), where=fitness > 0)
        terms = price_terms(before[:, number], fitness, offspring)
        row |= spread(terms, PriceTerms, f"price_{trait}_{{}}")
    return row


def _defined(census: Census, values: Floats) -> list[tuple[int, Floats]]:
    """Ids and traits of the organisms whose traits are defined."""
    return [(own, traits) for own, traits in zip(census.ids, values, strict=True) if not np.isnan(traits).any()]


def _remember_pairs(history: History, census: Census, values: Floats) -> None:
    """Births since the last census as (parents' mean, child), each less its own generation's mean."""
    known, children = [traits for traits in history.phenotypes.values() if traits], _defined(census, values)
    if not known or not children:
        return
    before, now = np.array(known).mean(axis=0), np.array([own for _, own in children]).mean(axis=0)
    for organism_id, own in children:
        parents = _forebears(history, organism_id)
        if organism_id not in history.phenotypes and parents:
            expected = np.array([history.phenotypes[parent] for parent in parents]).mean(axis=0)
            history.pairs.append((*(expected - before).tolist(), *(own - now).tolist()))
    del history.pairs[:-WINDOW]


def kinship_row(history: History, census: Census, thorough: bool) -> Row:
    """The family tree of the census; what needs every ancestor, through both parents, only when `thorough`."""
    for organism_id in census.ids:
        history.pedigree.setdefault(organism_id, Ancestor(census.generation - 1, ()))  # founders come without events
    tree = first_parent_tree(history.pedigree, census.ids)
    depth, distinct = depths(tree), np.array(list(distinctiveness(tree).values()))
    ancestor = common_ancestor(tree)
    if ancestor is not None and ancestor != history.mrca:
        history.sweeps += 1
        history.mrca = ancestor
    shares = founder_shares(history.pedigree, census.ids) if thorough and census.ids else {}
    return {
        "phylogeny_depth_mean": _mean(depth[own] for own in tree.living),
        "phylogeny_depth_max": max((depth[own] for own in tree.living), default=None),
        "phylogeny_roots": num_roots(tree),
        "phylogeny_mrca_id": ancestor,
        "phylogeny_mrca_age": None if ancestor is None else census.generation - history.pedigree[ancestor].born,
        "phylogeny_coalescence_time": coalescence_time(tree, history.pedigree, census.generation),
        "phylogeny_sweeps": history.sweeps,
        "phylogeny_faith_pd": faith_pd(tree),
        "phylogeny_mean_pairwise_distance": mean_pairwise_distance(tree),
        "phylogeny_distinctiveness_mean": float(distinct.mean()) if len(distinct) else None,
        "phylogeny_distinctiveness_variance": float(distinct.var()) if len(distinct) else None,
        "phylogeny_founder_share_max": max(shares.values(), default=None),
        "phylogeny_founders_effective": effective_founders(shares.values()),
        "phylogeny_reticulation_rate": reticulation_rate(history.pedigree, census.ids) if thorough else None,
    }


def record_births(history: History, census: Census, events: Sequence[Event], elites: Collection[int] = ()) -> None:
    """Write the generation's births into the pedigree and forget the dead, and now and then ancestors without heirs.

    The dead among the `elites` of an archive, who may yet bear, stay in it with their ancestors. A parent that was
    forgotten is left out: its child begins a tree of its own.
    """
    living = set(census.ids)
    for event in events:
        if isinstance(event, Birth):
            known = tuple(parent for parent in event.parents if parent in history.pedigree)
            history.pedigree[event.organism_id] = Ancestor(event.generation, known)
            living.add(event.organism_id)
        elif isinstance(event, Death):
            living.discard(event.organism_id)
            history.scores.pop(event.organism_id, None)
            history.answers.pop(event.organism_id, None)
    if census.generation % SNAPSHOT_EVERY == 0:
        kept = living.union(own for own in elites if own in history.pedigree)
        history.pedigree = {own: history.pedigree[own] for own in ancestors(history.pedigree, kept)}


def _mean(values: Iterator[int]) -> float | None:
    listed = list(values)
    return sum(listed) / len(listed) if listed else None
