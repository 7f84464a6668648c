"""Signs of life: seen where there is one, not seen where there is none, not claimed where nothing can be said."""

import json
import shutil

import numpy as np
import pytest
from synthetic import write_run

from evolora.record.run_data import RunData
from evolora.viz.ancestry import ancestors_of, children_with_fate, parent_child_scores
from evolora.viz.signs import HEREDITY, signs_of_life

KEYS = ["niches", "specialists", "pressure", "heredity", "mergers", "colonies", "routing", "novelty"]


def test_every_sign_has_its_null_and_its_verdict(pretend_run):
    signs = signs_of_life(pretend_run)
    assert [sign.key for sign in signs] == KEYS
    for sign in signs:
        assert (sign.verdict == "not yet") == bool(sign.why)
        assert sign.why or (sign.seen and sign.null)
    assert signs == signs_of_life(pretend_run)


def test_organisms_of_different_tastes_show_niches_and_those_of_one_do_not(tmp_path):
    verdicts = {}
    for tastes in (0.0, 1.0):
        run = RunData.open(write_run(tmp_path / str(tastes), generations=8, capacity=30, tastes=tastes))
        verdicts[tastes] = signs_of_life(run)[0]
    assert verdicts[1.0].verdict == "yes" and verdicts[1.0].deviations > 3
    assert verdicts[0.0].verdict == "no" and abs(verdicts[0.0].deviations) < 3


def test_the_poor_who_answer_badly_go_broke_in_the_pretend_run(pretend_run):
    pressure = signs_of_life(pretend_run, 12)[2]
    assert pressure.verdict == "yes" and pressure.value > 0 and abs(pressure.chance) < pressure.value


def test_nothing_can_be_said_of_a_first_generation(pretend_run):
    verdicts = {sign.key: sign.verdict for sign in signs_of_life(pretend_run, 1)}
    assert [verdicts[key] for key in ("pressure", "heredity", "mergers", "colonies")] == ["not yet"] * 4


@pytest.mark.parametrize(("seen", "verdict"), [(5.0, "yes"), (0.0, "no"), (-5.0, "no")])
def test_a_verdict_is_yes_only_beyond_nearly_all_shuffles(seen, verdict):
    chances = np.random.default_rng(0).normal(0, 1, 200)
    sign = HEREDITY.answer(seen, chances, "{value:.1f}", "{chance:.1f} ± {spread:.1f}")
    assert sign.verdict == verdict and sign.deviations == pytest.approx((seen - chances.mean()) / chances.std())


def test_ancestors_are_found_through_both_parents(pretend_run):
    merge = pretend_run.events("merge")[-1]
    found = ancestors_of(pretend_run, {merge["child_id"]})
    assert set(merge["parents"]) <= found
    for identity in found:
        assert set(pretend_run.births[identity]["parents"]) <= found


def test_fates_and_pairs_are_of_the_children_of_the_span(pretend_run):
    fates = children_with_fate(pretend_run, 10, 20)
    births = [row for row in pretend_run.events("birth") if 10 <= row["generation"] <= 20]
    assert len(fates.born) == len(births) and fates.merged.sum() == sum(row["kind"] == "merge" for row in births)
    pairs = parent_child_scores(pretend_run, 10, 20)
    assert 0 < len(pairs.child) <= len(births) and (np.diff(pairs.born) >= 0).all()
    assert parent_child_scores(pretend_run, 500, 600).child.size == 0


def test_novelty_is_claimed_only_where_it_stands_out(pretend_folder, tmp_path):
    path = shutil.copytree(pretend_folder, tmp_path / "measured")
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    for share, verdict in ((0.2, "yes"), (0.01, "no")):
        for row in rows:
            row["ecology"] = {"activity_phenotype_excess_share": share}
        (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert signs_of_life(RunData.open(path))[-1].verdict == verdict


def routing_gain(path):
    return next(sign for sign in signs_of_life(RunData.open(path)) if sign.key == "routing")


def test_a_routing_gain_is_claimed_only_where_a_team_beats_its_best_beyond_chance(pretend_folder, tmp_path):
    path = shutil.copytree(pretend_folder, tmp_path / "examined")
    row = json.loads((path / "portfolio.jsonl").read_text().splitlines()[-1])
    best = np.zeros((9, 16))
    best[:, :8] = 1
    for first, last, verdict in ((8, 11, "yes"), (8, 8, "no"), (0, 3, "no")):  # tasks it also knows, or does not
        routed = best.copy()
        routed[:, first:last] = 1 - routed[:, first:last]
        row["scores"] |= {"best": best.tolist(), "routed": routed.tolist()}
        (path / "portfolio.jsonl").write_text(json.dumps(row) + "\n")
        sign = routing_gain(path)
        assert sign.verdict == verdict and sign.value == pytest.approx((routed - best).mean())
        assert "144 held-out tasks" in sign.seen and abs(sign.chance) < 0.02


def test_chance_alone_is_rarely_taken_for_a_routing_gain(pretend_folder, tmp_path):
    path = shutil.copytree(pretend_folder, tmp_path / "examined")
    row = json.loads((path / "portfolio.jsonl").read_text().splitlines()[-1])
    rng, found = np.random.default_rng(1), 0
    for _ in range(60):
        row["scores"] |= {way: rng.integers(2, size=(9, 16)).tolist() for way in ("best", "routed")}
        (path / "portfolio.jsonl").write_text(json.dumps(row) + "\n")
        found += routing_gain(path).verdict == "yes"
    assert found <= 3


def test_without_exams_nothing_is_said_of_routing(pretend_folder, tmp_path):
    path = shutil.copytree(pretend_folder, tmp_path / "unexamined")
    (path / "portfolio.jsonl").unlink()
    sign = routing_gain(path)
    assert sign.verdict == "not yet" and "record.portfolio_every" in sign.why
    world = (path / "world.yaml").read_text()
    (path / "world.yaml").write_text(f"{world}record: {{portfolio_every: 5}}\n")
    assert routing_gain(path).why == "no exam on held-out tasks so far"
