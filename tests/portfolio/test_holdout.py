"""Held-out scores: right shape, greedy, on tasks nobody lives on."""

import numpy as np
import pytest
from puddle import world

from evolora.blueprint import build_rules, found_world
from evolora.build import build_evaluator, open_run
from evolora.errors import RunFolderError
from evolora.portfolio.against_founders import check_replicates, compare_runs, score_run
from evolora.portfolio.holdout import HoldoutScores, holdout_scores


def test_scores_are_repeatable_and_have_a_place_for_every_organism_niche_and_task():
    config = world()
    rules, evaluator = build_rules(config), build_evaluator(config)
    founders, _ = found_world(config, rules, evaluator.sites)
    scores = [holdout_scores(founders.population, rules.niches, rules.tasks, 5, evaluator) for _ in range(2)]
    assert scores[0].values.shape == (6, 2, 5)
    assert np.array_equal(scores[0].values, scores[1].values)
    assert scores[0].by_task().shape == (2, 5)


def test_the_best_of_each_niche_is_chosen_on_other_tasks():
    lucky = np.zeros((2, 1, 4))
    lucky[0, 0] = [1, 0, 1, 0]  # good at even tasks only: chosen there, measured on the odd ones
    lucky[1, 0] = [0, 1, 0, 1]
    assert HoldoutScores((0, 1), ("n",), lucky).best_by_task().mean() == 0.0


def test_a_run_is_compared_with_its_own_founders(tmp_path):
    simulation = open_run(world(generations=3), tmp_path)
    simulation.run()
    scores = score_run(simulation.run_dir.path, 4)
    assert scores.founders.shape == scores.final.shape == (2, 4)
    assert (simulation.run_dir.path / "holdout.json").exists()
    effect = compare_runs([scores])["population mean"]
    assert effect.difference == pytest.approx(scores.final.mean() - scores.founders.mean())


def test_only_replicates_of_one_world_are_pooled(tmp_path):
    paths = {}
    for name, changes in {
        "one": {},
        "two": {"seed": 8},
        "same seed": {},
        "other": {"seed": 9, "selection": "neutral"},
    }.items():
        simulation = open_run(world(generations=1, **changes), tmp_path)
        simulation.run()
        paths[name] = simulation.run_dir.path
    check_replicates([paths["one"], paths["two"]])
    with pytest.raises(RunFolderError, match="different seeds"):
        check_replicates([paths["one"], paths["same seed"]])
    with pytest.raises(RunFolderError, match="another world"):
        check_replicates([paths["one"], paths["other"]])


def test_a_world_that_died_out_is_refused_in_words(tmp_path):
    simulation = open_run(world(energy={"upkeep": 50.0}), tmp_path)
    simulation.run()
    with pytest.raises(RunFolderError, match="died out"):
        score_run(simulation.run_dir.path, 2)
