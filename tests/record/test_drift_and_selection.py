"""What the measures say of worlds whose answer is known: drift, selection, with and without inheritance.

Each world is lived twenty times. An interval is the mean over replicates plus or minus 2.86 standard errors (99 %,
t with 19 degrees of freedom).
"""

from functools import cache

import numpy as np
import pytest
from label_world import LabelWorld

from evolora.history import History
from evolora.record.ecology import measure_ecology

REPLICATES, GENERATIONS = 20, 50
T_99 = 2.861


@cache
def replicates(selection: bool, inheritance: bool) -> dict[str, np.ndarray]:
    """Name -> a value a replicate: the mean over generations, of heritability the last one (it looks back itself)."""
    collected: dict[str, list[float]] = {}
    for seed in range(REPLICATES):
        world, history = LabelWorld(seed, selection, inheritance, visits=6, answers=5), History()
        rows = [measure_ecology(history, census, events, seed, False) for census, events in world.live(GENERATIONS)]
        for name in rows[-1]:
            values = [value for row in rows if (value := row[name]) is not None]
            if values:
                collected.setdefault(name, []).append(values[-1] if "heritability" in name else float(np.mean(values)))
    return {name: np.array(values) for name, values in collected.items() if len(values) == REPLICATES}


def interval(name: str, selection: bool, inheritance: bool) -> tuple[float, float]:
    values = replicates(selection, inheritance)[name]
    half = T_99 * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


# measure -> what is clearly more than nothing: the interval under drift must be narrower than this
MEASURES = {"price_score_selection": 0.005, "activity_lineage_excess": 0.3}


@pytest.mark.parametrize("inheritance", [True, False])
@pytest.mark.parametrize("name", MEASURES)
def test_under_drift_selection_and_excess_activity_are_about_zero(name, inheritance):
    low, high = interval(name, selection=False, inheritance=inheritance)
    assert low <= 0 <= high and high - low < MEASURES[name]


@pytest.mark.parametrize("name", MEASURES)
def test_under_selection_with_inheritance_they_are_clearly_positive(name):
    low, _ = interval(name, selection=True, inheritance=True)
    _, drift = interval(name, selection=False, inheritance=True)
    assert low > 0 and low > drift


def test_without_inheritance_selection_leads_to_no_excess_activity():
    """The fit leave more children, but those are like anybody's: no lineage can keep an advantage."""
    low, high = interval("activity_lineage_excess", selection=True, inheritance=False)
    assert low <= 0 <= high


@pytest.mark.parametrize("selection", [True, False])
def test_what_is_not_inherited_has_no_heritability(selection):
    low, high = interval("heritability_score", selection=selection, inheritance=False)
    assert low <= 0 <= high and high - low < 0.15


@pytest.mark.parametrize("selection", [True, False])
def test_what_is_inherited_has_heritability(selection):
    assert interval("heritability_score", selection=selection, inheritance=True)[0] > 0.05


@pytest.mark.parametrize("inheritance", [True, False])
def test_a_neutral_label_that_nobody_inherits_has_no_heritability_even_under_selection(inheritance):
    """Tokens per answer are drawn anew every generation in these worlds."""
    low, high = interval("heritability_tokens", selection=True, inheritance=inheritance)
    assert low <= 0 <= high and high - low < 0.15


def test_selection_pulls_up_what_transmission_leaves():
    """With inheritance the mean rises; without it transmission takes back nearly all that selection gives."""
    assert interval("price_score_change", selection=True, inheritance=True)[0] > 0.003
    assert interval("price_score_change", selection=True, inheritance=False)[1] < 0.0015
    assert interval("price_score_transmission", selection=True, inheritance=False)[1] < -0.02


def test_phenotypes_have_about_no_excess_activity_under_drift():
    """About: who changes its phenotype depends on what it had, so their shadows are not quite exchangeable."""
    for inheritance in (True, False):
        low, high = interval("activity_phenotype_excess", selection=False, inheritance=inheritance)
        assert low > -0.03 and high < 0.03
