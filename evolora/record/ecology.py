"""A generation's row of ecology: flat names, always the same, each a number or None where it is undefined.

The formulas are in `evolora.record.measures`, one named function each; here they meet the census of a generation.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evolora.events import Event
from evolora.history import History
from evolora.record.census import Census
from evolora.record.glossary import MEANINGS
from evolora.record.inheritance import inheritance_row, kinship_row, record_births
from evolora.record.measures import Floats
from evolora.record.measures.coverage import SOLVED_FROM, Routing, coverage_of_some, lost_coverage, route
from evolora.record.measures.diversity import evenness, hill_number, partition_diversity, similarity_hill_number
from evolora.record.measures.inequality import gini
from evolora.record.measures.overlap import morisita_horn_overlap, pianka_overlap, schoener_overlap
from evolora.record.measures.specialisation import (
    Callings,
    count_callings,
    d_prime,
    h2_prime,
    levins_breadth,
    standardised_breadth,
)
from evolora.record.nulls import null_row
from evolora.record.openendedness import open_endedness_row, remember_founders, settle_open_endedness, solved_niches
from evolora.record.rows import Row, spread
from evolora.rng import stream


def measure_ecology(
    history: History,
    census: Census,
    events: Sequence[Event],
    seed: int,
    thorough: bool,
    elites: Collection[int] = (),
) -> Row:
    """All measures of a generation; `history` is brought up to date. `events` are its deaths and births; `elites` are
    the ids of those who may yet bear though they are dead.

    1 lives so far  2 who lives where  3 what they can do together  4 how unequal they are  5 selection and heredity
    6 kinship  7 activity and MODES  8 (thorough) null models and adapters  9 the generation's events
    Costly measures are None unless `thorough`; what the history remembers does not depend on it.
    """
    records = _mean_scores(history, census)
    _add_lives(history, census)
    solvers = _solvers(census)
    remember_founders(history, census, _coverage(solvers))
    row = {
        **_diversity_row(history, census),
        **_niche_row(census),
        **_coverage_row(history, census, solvers, records),
        "energy_gini": gini(census.energy),
        "meal_gini": gini(census.meals.sum(axis=1)),
        **inheritance_row(history, census, events),
        **kinship_row(history, census, thorough),
        **open_endedness_row(history, census, phenotypes(history, census)),
        **null_row(census, stream(seed, "null tables", census.generation), thorough),
        **_adapter_row(census),
    }
    settle_open_endedness(history, census.generation, events, seed)
    record_births(history, census, events, elites)
    if row.keys() != MEANINGS.keys():
        raise AssertionError(f"measures and glossary differ: {sorted(row.keys() ^ MEANINGS.keys())}")
    return {name: None if (value := row[name]) is None else _rounded(float(value)) for name in sorted(MEANINGS)}


def _rounded(value: float) -> float:
    """To six significant digits: measures of weights would else show rounding that depends on who shared a batch."""
    return float(f"{value:.6g}")


def phenotypes(history: History, census: Census) -> NDArray[np.int64]:
    """Niche of most summed score over each organism's life so far, (organisms,); -1 for who never scored."""
    totals = np.array([history.scores[organism_id] for organism_id in census.ids]).reshape(census.scores.shape)
    return np.where(totals.sum(axis=1) > 0, totals.argmax(axis=1), -1) if totals.size else np.zeros(0, np.int64)


def _mean_scores(history: History, census: Census) -> Floats:
    """Mean score of each organism in each niche over its life before this generation; NaN: never there."""
    unknown = (0.0,) * census.num_niches
    scores = np.array([history.scores.get(own, unknown) for own in census.ids]).reshape(census.scores.shape)
    answers = np.array([history.answers.get(own, unknown) for own in census.ids]).reshape(census.scores.shape)
    means: Floats = np.divide(scores, answers, out=np.full(scores.shape, np.nan), where=answers > 0)
    return means


def _add_lives(history: History, census: Census) -> None:
    unknown = (0,) * census.num_niches
    for organism_id, scores, answers in zip(census.ids, census.scores.tolist(), census.answers.tolist(), strict=True):
        before = zip(history.scores.get(organism_id, unknown), scores, strict=True)
        history.scores[organism_id] = tuple(old + new for old, new in before)
        given = zip(history.answers.get(organism_id, unknown), answers, strict=True)
        history.answers[organism_id] = tuple(old + new for old, new in given)


def _diversity_row(history: History, census: Census) -> Row:
    _, lineage = np.unique(census.lineages, return_inverse=True)
    shown = phenotypes(history, census)
    profiles = _similar_profiles(census.scores)
    counts = {
        "lineage": np.bincount(lineage).astype(np.float64),
        "phenotype": np.bincount(shown[shown >= 0], minlength=1).astype(np.float64),
    }
    row: Row = {}
    for kind, count in counts.items():
        row |= {f"{kind}_hill_{order}": hill_number(count, order) for order in (0, 1, 2)}
        row[f"{kind}_evenness"] = evenness(count)
    for order in (0, 1, 2):
        row[f"behaviour_hill_{order}"] = similarity_hill_number(np.ones(len(profiles)), profiles, order)
    table = np.zeros((len(counts["lineage"]), census.num_niches))  # (lineages, niches)
    np.add.at(table, lineage, census.scores)
    parts = partition_diversity(table) or (None, None, None)
    return row | dict(zip(("lineage_alpha", "lineage_beta", "lineage_gamma"), parts, strict=True))


def _similar_profiles(scores: Floats) -> Floats:
    """Cosines of score profiles over niches, (scorers, scorers), of the organisms with any score."""
    norms = np.linalg.norm(scores, axis=1)
    directions = scores[norms > 0] / norms[norms > 0, None]
    cosines: Floats = np.clip(directions @ directions.T, 0.0, 1.0)
    np.fill_diagonal(cosines, 1.0)
    return cosines


def _niche_row(census: Census) -> Row:
    callings = count_callings(census.scores)
    return {
        "breadth_levins": _mean(levins_breadth(census.scores)),
        "breadth_standardised": _mean(standardised_breadth(census.scores)),
        "specialisation_d_prime": _mean(d_prime(census.scores)),
        "specialisation_h2_prime": h2_prime(census.scores),
        **spread(callings, Callings, {"specialists": "specialist_share", "generalists": "generalist_share"}),
        "overlap_pianka": pianka_overlap(census.scores),
        "overlap_morisita_horn": morisita_horn_overlap(census.scores),
        "overlap_schoener": schoener_overlap(census.scores),
        "niche_occupancy": _occupied(census),
    }


def _occupied(census: Census) -> float | None:
    """Share of the niches with a visitor of this generation that the niche feeds: whose smoothed profit there is
    positive. None without organisms."""
    fed = (census.profit > 0) & (census.answers > 0)
    return float(fed.any(axis=0).mean()) if census.ids else None


def _solvers(census: Census) -> Mapping[int, frozenset[int]]:
    """Task number -> places of the organisms that solve it; tasks nobody solves have none."""
    solvers: dict[int, set[int]] = {task: set() for task in census.tasks.tolist()}
    solved = census.visit_scores >= SOLVED_FROM
    for task, place in zip(census.tasks[solved].tolist(), census.visitors[solved].tolist(), strict=True):
        solvers[task].add(place)
    return {task: frozenset(places) for task, places in solvers.items()}


def _coverage(solvers: Mapping[int, frozenset[int]]) -> float | None:
    """Share in [0, 1] of the tasks met that somebody solves; None where none was met."""
    return sum(bool(places) for places in solvers.values()) / len(solvers) if solvers else None


def _coverage_row(history: History, census: Census, solvers: Mapping[int, frozenset[int]], records: Floats) -> Row:
    covered = _coverage(solvers)
    counts = np.array([len(places) for places in solvers.values()], np.int64)
    lineages = [frozenset(census.lineages[place] for place in places) for places in solvers.values()]
    routing = route(census.tasks, census.visit_scores, records[census.visitors, census.visited])
    baseline = history.founders_coverage
    return {
        **{f"coverage_{size}": coverage_of_some(counts, len(census.ids), size) for size in (1, 4, 16)},
        "coverage_all": covered,
        "coverage_over_founders": None if covered is None or baseline is None else covered - baseline,
        "niches_newly_solved": len(solved_niches(history, census) - set(history.founders_solved)),
        "keystone_loss": lost_coverage(lineages),
        **spread(routing, Routing, {"oracle": "oracle_score", "routed": "routed_score", "gap": "oracle_gap"}),
    }


def _adapter_row(census: Census) -> Row:
    """Effective number of organisms by what their adapters do; None where similarities were not computed."""
    if census.similarity is None:
        return {f"adapter_hill_{order}": None for order in (0, 1, 2)}
    similarity = np.clip(census.similarity, 0.0, 1.0)
    return {
        f"adapter_hill_{order}": similarity_hill_number(np.ones(len(similarity)), similarity, order)
        for order in (0, 1, 2)
    }


def _mean(values: Floats) -> float | None:
    """Mean of the values that are defined; None where none is."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
