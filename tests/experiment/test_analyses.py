"""The analyses find effects that are there, and none where there is none."""

import numpy as np
import pytest
from synthetic_results import synthetic, verdicts

from evolora.experiment.analyses.ablations import ablations
from evolora.experiment.analyses.coexistence import coexistence
from evolora.experiment.analyses.drift import drift
from evolora.experiment.analyses.exclusion import exclusion
from evolora.experiment.claims import about, above, arms_table, below, corrected, exact_books, seldom, within


def excluded(mean: float, shadow: float):
    def make(rng):
        own = 1 + rng.exponential(mean - 1)
        return {
            "last": {"num_living": 64},
            "chance": {"lineage_hill_1": own, "shadow_lineage_hill_1": shadow + rng.normal(0, 0.3)},
            "series": {"lineage_hill_1": [64.0, 10.0, own]},
        }

    return make


def test_exclusion_is_found_where_one_lineage_is_left_and_chance_leaves_more():
    found = exclusion(synthetic({"one": excluded(1.1, 4.0), "drift": excluded(4.0, 4.0)}))
    assert set(verdicts(found).values()) == {"yes"}
    history = found.tables[1]
    assert [row[0] for row in history.rows] == ["generation 1", "generation 2", "generation 3"]
    assert history.rows[0][1] == "64.000 [64.000, 64.000]"


def test_exclusion_is_not_found_in_drift_alone():
    found = verdicts(exclusion(synthetic({"one": excluded(4.0, 4.0), "drift": excluded(4.0, 4.0)})))
    assert found["One limiting niche leaves one lineage"] == "no"
    assert found["It leaves fewer lineages than chance does with the same births and deaths"] == "undecided"


def community(phenotypes: float, lineages: float, above_null: float):
    def make(rng):
        last = {}
        for name, null in (("tasks_h2_prime", 0.6), ("tasks_phenotype_hill_1", 4.0)):
            last |= {name: null + above_null + rng.normal(0, 0.02), f"{name}_null": null, f"{name}_p": 0.005}
        tail = {"phenotype_hill_1": phenotypes + rng.normal(0, 0.1), "lineage_hill_1": lineages + rng.normal(0, 0.1)}
        return {"last": last, "tail": tail}

    return make


def invaded(rare: float, control: float):
    def make(rng):
        growths = {kind: rare + rng.normal(0, 0.03) for kind in ("rhyme", "swap_words")}
        kinds = {kind: {"residents": 8, "growth": growth} for kind, growth in growths.items()}
        if rng.random() < 0.05:
            kinds["weekday"] = {"residents": 4, "growth": rare}
        mean = float(np.mean(list(growths.values())))
        return {
            "kinds": kinds,
            "growth": mean,
            "others_growth": 0.0,
            "control": {"growth": control + rng.normal(0, 0.03)},
        }

    return make


def coexisting(unlimited: float, above_null: float, rare: float, settled: float | None = None):
    return coexistence(
        synthetic(
            {
                "evolved": community(6.0, 3.0, above_null),
                "continued": community(6.0, 3.0, above_null),
                "unlimited": community(unlimited, 3.0 if unlimited > 5 else 1.2, above_null),
                "invaded": invaded(rare, 0.0),
                "settled": invaded(rare if settled is None else settled, 0.0),
            }
        )
    )


def test_coexistence_is_found_with_partition_collapse_and_growth_when_rare():
    found = verdicts(coexisting(1.2, 0.2, 0.15))
    assert set(found.values()) == {"yes"}
    said = "specialists, brought back at once, grow when rare"
    assert f"rhyme {said}" in found and f"weekday {said}" not in found


def test_growth_into_a_niche_just_left_open_is_not_growth_among_settled_others():
    found = verdicts(coexisting(1.2, 0.2, 0.15, settled=-0.05))
    assert found["Specialists, brought back at once, grow when rare, mean over kinds"] == "yes"
    assert found["Specialists, brought back when the others have settled, grow when rare, mean over kinds"] == "no"


def test_coexistence_is_not_found_where_nothing_depends_on_limits():
    found = coexisting(6.0, 0.0, 0.0)
    holding = {claim.text for claim in found.claims if claim.holds == "yes"}
    assert holding == {"Energy is conserved exactly in every generation"}
    assert verdicts(found)["Given unlimited supply, one kind is left"] == "no"


def drifting(excess: float, price: float, heritability: float, foster: float = 0.0):
    def make(rng):
        return {
            "last": {
                "activity_lineage_excess": excess + rng.normal(0, 0.05),
                "heritability_score": heritability + rng.normal(0, 0.02),
            },
            "mean": {"price_score_selection": price + rng.normal(0, 0.001)},
            "chance": {"foster_heritability_score": foster + rng.normal(0, 0.005)},
        }

    return make


def test_drift_and_selection_are_told_apart():
    found = verdicts(drift(synthetic({"selection": drifting(0.5, 0.01, 0.3), "neutral": drifting(0, 0, 0.3)})))
    assert set(found.values()) == {"yes"}


def test_a_measure_that_is_not_zero_under_drift_is_found_out():
    biased = drift(synthetic({"selection": drifting(0.5, 0.01, 0.3), "neutral": drifting(0.4, 0, 0.3, 0.2)}))
    found = verdicts(biased)
    assert found["Excess activity of lineages is about 0 where selection is neutral"] == "no"
    assert found["Price's selection term of the score is about 0 where selection is neutral"] == "yes"


def scored(final: float):
    def make(rng):
        score = {"mean": final + rng.normal(0, 0.01)}
        return {"held_out": {"final": score, "best_final": score, "founders": {"mean": 0.2}}}

    return make


def test_ablations_are_compared_with_the_whole_world_in_both_directions():
    arms = {"full": scored(0.4), "no_merging": scored(0.4), "neutral": scored(0.2), "no_economy": scored(0.5)}
    found = verdicts(ablations(synthetic(arms)))
    assert found["The whole world ends with higher held-out scores than neutral"] == "yes"
    assert found["The whole world ends with higher held-out scores than no_economy"] == "no"
    assert found["The whole world ends with higher held-out scores than no_merging"] == "undecided"


def test_arms_are_rows_where_there_are_more_of_them_than_numbers():
    results = synthetic({"a": lambda rng: {"x": 1}, "b": lambda rng: {"x": 2}}, seeds=3)
    turned = arms_table("T", results, [("number", "x")])
    assert turned.head == ("mean [95 % interval]", "number", "replicates")
    assert turned.rows[1] == ("b", "2.000 [2.000, 2.000]", 3)
    upright = arms_table("T", results, [("number", "x"), ("again", "x")])
    assert upright.head == ("mean [95 % interval]", "a", "b") and upright.rows[2] == ("replicates", 3, 3)


def test_a_world_that_died_out_has_no_score_and_is_counted_so():
    found = ablations(synthetic({"full": scored(0.4), "dead": lambda rng: {"end": "extinct"}}))
    claim = found.claims[0]
    assert (claim.holds, claim.n, claim.estimate, claim.p) == ("undecided", 0, None, None)


@pytest.mark.parametrize(("inexact", "holds"), [(0, "yes"), (1, "no")])
def test_one_inexact_generation_in_one_replicate_is_enough_to_say_so(inexact, holds):
    results = synthetic({"a": lambda rng: {}, "b": lambda rng: {}}, seeds=2)
    results.finished["b", 2]["books"] = {"generations": 10, "inexact": inexact, "largest_residual": inexact}
    claim = exact_books(results)
    assert claim.holds == holds and claim.estimate == inexact and "40 generations in 4 cells" in claim.note


def test_cells_without_books_leave_exactness_undecided():
    results = synthetic({"a": lambda rng: {}}, seeds=2)
    del results.finished["a", 2]["books"]
    assert exact_books(results).holds == "undecided"


def test_few_replicates_cannot_pass_a_test_and_say_so():
    claim = above("it is more", "x", [1.0, 1.1, 0.9, 1.0])
    assert claim.holds == "undecided" and claim.p == 1 / 16 and "cannot be below 0.062" in claim.note


def test_about_zero_needs_an_interval_within_the_margin():
    narrow = np.array([-0.01, 0.01, 0.02, -0.02, 0.0, 0.01, -0.01])
    assert about("it is nothing", "x", narrow, margin=0.1).holds == "yes"
    assert about("it is nothing", "x", narrow * 20, margin=0.1).holds == "undecided"
    assert about("it is nothing", "x", narrow + 0.2, margin=0.1).holds == "no"


def test_replicates_that_are_all_alike_decide_nothing_by_their_spread():
    claim = within("it is little", "x", np.zeros(20), 0.1)
    assert claim.holds == "undecided" and claim.interval is None and "all 20 replicates alike" in claim.note


def test_what_never_happened_is_seldom_where_there_are_enough_replicates():
    """0 of 35 may be a tenth, 0 of 36 is not: 1 - .025^(1/36) = .0974. NaN is no replicate."""
    few, enough = (seldom("never", "share", [0.0] * n + [np.nan], 0.1) for n in (35, 36))
    assert (few.holds, few.n) == ("undecided", 35) and enough.holds == "yes"
    assert enough.interval == pytest.approx((0, 1 - 0.025 ** (1 / 36)))
    assert seldom("always", "share", [1.0] * 20, 0.1).holds == "no" and seldom("?", "share", [np.nan], 0.1).n == 0


def test_a_family_of_claims_is_corrected_for_its_size():
    values = [[1.0 + number / 10 for number in range(7)], [-1.0, 1.0] * 4]  # p = 1/128 by itself
    claims = corrected([above(f"claim {number}", "x", own) for number, own in enumerate(values)])
    assert claims[0].p == 2 / 128 and claims[0].holds == "undecided"
    assert above("alone", "x", values[0]).holds == "yes" and below("alone", "x", values[0]).holds == "no"
