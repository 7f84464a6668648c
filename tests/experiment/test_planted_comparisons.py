"""The analyses of comparisons, on results whose effects are planted."""

from dataclasses import replace

import numpy as np
import pytest

from evolora.experiment.analyses.asked import headline_families
from evolora.experiment.analyses.contenders import contenders, judged
from evolora.experiment.analyses.router_x_lifecycle import effects
from evolora.experiment.results import Results
from evolora.portfolio.comparison import Pairs
from evolora.portfolio.statistics import holm
from evolora.rng import stream


def planted(gain: float, num_seeds: int = 5, first_seed: int = 1) -> Results:
    """Two arms on made-up questions: `gain` is added to the first's chances, fivefold in a two-answer family."""
    finished = {}
    for seed in range(first_seed, first_seed + num_seeds):
        rng = stream(seed, "planted")
        families = ["a"] * 80 + ["b"] * 80 + ["coin"] * 80
        chance = rng.uniform(0.3, 0.5, size=240)
        host = (rng.random(240) < chance).astype(float)
        for arm, plus in (("lifecycle", gain), ("no_lifecycle", 0.0)):
            lift = np.where(np.array(families) == "coin", 5 * plus, plus)
            routed = (rng.random(240) < chance + lift).astype(float).tolist()
            single = (rng.random(240) < chance).astype(float).tolist()
            several = ("routed", "top two", "most confident", "vote", "random", "oracle")
            scores = {**dict.fromkeys(several, routed), "best single": single}
            notes = {f: {"kinds": 9, "constant": 0.6 if f == "coin" else 0.1} for f in ("a", "b", "coin")}
            finished[arm, seed] = {
                "tokens": {"total": 100},
                "splits": {
                    "family": {
                        "families": families,
                        "digests": [f"{seed} {place}" for place in range(240)],
                        "scores": {**scores, "host": host.tolist()},
                        "tokens_per_question": dict.fromkeys([*scores, "host"], 20.0),
                        "balanced": {mode: {"coin": 0.1 * seed} for mode in scores},
                    }
                },
                "notes": {"family": notes},
            }
    return Results(("lifecycle", "no_lifecycle"), tuple(range(first_seed, first_seed + num_seeds)), {}, finished)


def test_a_planted_gain_is_found_and_its_absence_is_not():
    (found, *_) = contenders(planted(0.2)).claims
    assert found.holds == "yes" and found.interval[0] <= 0.2 <= found.interval[1]
    assert all(claim.holds == "undecided" for claim in contenders(planted(0.0)).claims)


def test_one_seed_decides_nothing():
    (found, *_) = contenders(planted(0.3, num_seeds=1)).claims
    assert found.p < 0.01 and found.holds == "undecided"


def test_comparisons_that_are_not_finished_count_among_those_corrected_for():
    whole = planted(0.1)
    claims = contenders(whole).claims
    alone = [float(claim.note.split("p ")[1].split(" alone")[0]) for claim in claims]
    assert [claim.p for claim in claims] == pytest.approx(holm(alone), rel=0.01)
    among = contenders(replace(whole, arms=(*whole.arms, "late", "later"))).claims
    assert [claim.p for claim in among] == pytest.approx(holm([*alone, 1, 1, 1, 1])[:2], rel=0.01)


def test_a_family_is_judged_once_by_all_seeds_and_claims_say_what_they_rest_on():
    results = planted(0.1)
    for seed in (2, 4):  # by chance one answer is telling in these; in the mean it is not
        for arm in results.arms:
            results.finished[arm, seed]["notes"]["family"]["a"]["constant"] = 0.45
    found = contenders(results)
    assert [claim.rests_on for claim in found.claims] == [("a", "b"), ("family: a", "family: b")]
    rows = {row[0]: row[1] for row in next(table for table in found.tables if table.title == "families").rows}
    assert rows["family: a"] == pytest.approx((3 * 0.1 + 2 * 0.45) / 5)
    for seed in (1, 3):
        for arm in results.arms:
            results.finished[arm, seed]["notes"]["family"]["a"]["constant"] = 0.45
    assert contenders(results).claims[0].rests_on == ("a", "b")  # 0.38 in the mean
    results.finished["lifecycle", 5]["notes"]["family"]["a"]["constant"] = 0.45
    assert contenders(results).claims[0].rests_on == ("b",)


def test_a_constant_answer_at_the_border_is_at_it_however_many_seeds_there_are():
    for num_seeds in range(1, 9):
        results = planted(0.1, num_seeds)
        for found in results.finished.values():
            found["notes"]["family"]["b"]["constant"] = 0.4
        assert headline_families(results, "family") == ["a", "b"]


def test_pairs_of_arms_that_were_asked_other_families_are_all_judged():
    one, two = planted(0.2), planted(0.2)
    renamed = {"a": "c", "b": "d", "coin": "coin"}
    finished = dict(one.finished)
    for (arm, seed), values in two.finished.items():
        split = {**values["splits"]["family"]}
        split["families"] = [renamed[family] for family in split["families"]]
        notes = {renamed[family]: note for family, note in values["notes"]["family"].items()}
        finished[f"{arm} too", seed] = {**values, "splits": {"family": split}, "notes": {"family": notes}}
    arms = ("lifecycle", "no_lifecycle", "lifecycle too", "no_lifecycle too")
    results = Results(arms, one.seeds, {}, finished)
    assert headline_families(results, "family") == ["a", "b", "c", "d"]
    found = judged(results, [arms[:2], arms[2:]])
    assert len(found) == 4 and all(claim.holds == "yes" for claim, _ in found.values())


def test_the_same_questions_in_another_order_are_the_same():
    scores = np.arange(4.0)
    one = Pairs(scores, scores + 1, ("b", "a", "b", "a"), ("1", "2", "0", "3"))
    order = [2, 3, 0, 1]
    other = Pairs(scores[order], scores[order] + 1, ("b", "a", "b", "a"), ("0", "3", "1", "2"))
    assert one.sorted().questions == other.sorted().questions == ("2", "3", "0", "1")
    assert one.sorted().second.tolist() == other.sorted().second.tolist() == [2, 4, 3, 1]


MODES = ("routed", "best single", "top two", "most confident", "vote", "random", "oracle", "host")


def shifted(gains: dict[str, float], num_seeds: int = 5) -> Results:
    """Two arms under several shifts, the first ahead by a shift's gain."""
    finished = {}
    for seed in range(1, num_seeds + 1):
        for arm in ("lifecycle", "no_lifecycle"):
            splits, notes = {}, {}
            for place, (split, gain) in enumerate(gains.items()):
                rng = stream(seed, "shifted", place, len(arm))
                chance = 0.4 + gain * (arm == "lifecycle")
                scores = (rng.random(120) < chance).astype(float).tolist()
                splits[split] = {
                    "families": ["a"] * 60 + ["b"] * 60,
                    "digests": [f"{split} {seed if split == 'surface' else seed % 2} {n}" for n in range(120)],
                    "scores": dict.fromkeys(MODES, scores),
                    "tokens_per_question": dict.fromkeys(MODES, 20.0),
                    "balanced": {},
                }
                notes[split] = {family: {"kinds": 9, "constant": 0.1} for family in ("a", "b")}
            finished[arm, seed] = {"tokens": {"total": 100}, "splits": splits, "notes": notes}
    return Results(("lifecycle", "no_lifecycle"), tuple(range(1, num_seeds + 1)), {}, finished)


def test_a_gain_that_one_whole_shift_carries_is_said_to_be():
    claims = {claim.text.split(": ")[-1]: claim for claim in contenders(shifted(SHIFTS)).claims}
    carried = claims["out of distribution"]
    assert carried.holds == "yes" and "carried by the whole family shift alone" in carried.note
    assert "carried by" not in claims["family"].note
    everywhere = contenders(shifted({**SHIFTS, "difficulty": 0.4, "surface": 0.4})).claims[-1]
    assert everywhere.holds == "yes" and "carried by" not in everywhere.note


SHIFTS = {"in distribution": 0.0, "difficulty": 0.0, "family": 0.4, "surface": 0.0}


def test_what_an_arm_paid_for_a_correct_answer_is_of_all_shifts_together():
    results = shifted(SHIFTS)
    for seed in results.seeds:
        for split in results.finished["lifecycle", seed]["splits"].values():
            split["scores"] = {mode: [1.0] * 30 + [0.0] * 90 for mode in MODES}
    tables = {table.title: table for table in contenders(results).tables}
    rows = {row[0]: row for row in tables["out of distribution"].rows}
    assert rows["lifecycle, best single"][3] == 80.0, "twenty tokens a question, every fourth right"


def test_a_question_reworded_by_several_seeds_is_one_question():
    claims = {claim.text.split(": ")[-1]: claim for claim in contenders(shifted(SHIFTS)).claims}
    assert "240 questions" in claims["in distribution"].note  # seeds ask one of two sets
    assert "240 questions" in claims["surface"].note  # worded in five ways


def test_a_family_that_rewards_constant_answers_carries_no_claim():
    (claim, *_) = contenders(planted(0.1)).claims
    assert claim.estimate < 0.2, "with the coin family, whose gain is 0.5, it would be 0.23"


def test_router_and_lifecycle_are_told_apart():
    found = effects(planted(0.2), "family")
    # Only routed answers of the first arm gain: half of each main effect, and all of the interaction.
    assert found["the router adds"].difference == pytest.approx(0.1, abs=0.05)
    assert found["the lifecycle adds"].difference == pytest.approx(0.1, abs=0.05)
    needs = found["the router adds more with the lifecycle than without"]
    assert needs.difference == pytest.approx(0.2, abs=0.08) and needs.excludes_zero


def test_effects_of_means_and_gains_have_no_mcnemar():
    assert {effect.mcnemar for effect in effects(planted(0.2), "family").values()} == {None}
    assert "McNemar" in contenders(planted(0.2)).claims[0].note


def test_what_is_forgotten_is_of_one_host_for_all_arms():
    """The second arm's own host, shown other examples, is never right; what it forgot is of the first arm's."""
    results = planted(0.2)
    for seed in results.seeds:
        scores = results.finished["no_lifecycle", seed]["splits"]["family"]["scores"]
        scores["host"] = [0.0] * 240
    rows = {row[0]: row for row in contenders(results).tables[0].rows}
    assert rows["no_lifecycle, best single"][4] == pytest.approx(0.6, abs=0.05)


def test_a_family_without_a_claim_has_its_balanced_accuracy_beside_it():
    families = next(table for table in contenders(planted(0.0, num_seeds=3)).tables if table.title == "families")
    rows = {row[0]: row[1:] for row in families.rows}
    assert "family: coin (no claim)" in rows and "family: a, balanced accuracy" not in rows
    assert rows["family: coin, balanced accuracy"] == (pytest.approx(1 / 9, abs=1e-4), 0.2, 0.2, None)
    assert families.head[-1] == "questions" and rows["family: coin (no claim)"][-1] == 3 * 80, "80 others of each seed"
