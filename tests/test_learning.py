"""The learning stage in whole worlds: every method lives, pays for its tokens, resumes and repeats."""

import pytest
from test_simulation import SETTINGS, logs, rows, world

from evolora.blueprint import build_rules, found_world
from evolora.build import build_evaluator, open_run, resume_run
from evolora.generation import advance
from evolora.learning import learn
from evolora.lifecycle.ledger import Reason, to_energy
from evolora.record.run_dir import METRICS
from evolora.stages import forage, meet

METHODS = ("reinforce", "imitate_self", "imitate", "evolution")
CHEAP = {**SETTINGS["energy"], "cost_per_learning_token": 0.0005}


def learning_world(method: str, **changes):
    learning = {"method": method, "pairs": 2, "perturbation_scale": 0.1}
    return world(
        learning=learning, energy=CHEAP, population={**SETTINGS["population"], "founder_energy": 6.0}, **changes
    )


@pytest.mark.parametrize("method", METHODS)
def test_organisms_learn_pay_by_the_token_and_the_books_balance(method):
    config = learning_world(method, reproduction={"enabled": False}, death={"insolvency": False})
    rules, evaluator = build_rules(config), build_evaluator(config)
    living, _ = found_world(config, rules, evaluator.facts.sites)
    before = {organism.id: organism.genome for organism in living.population}
    report = advance(living, rules, evaluator).report
    assert report.num_learners > 0 and report.learning_tokens > 0 and report.residual == 0
    assert report.flows["learning"] == pytest.approx(report.learning_tokens * 0.0005, abs=1e-5)
    changed = [o for o in living.population if o.id in before and o.genome is not before[o.id]]
    assert len(changed) == report.num_learners
    assert all((organism.optimizer is None) == (method == "evolution") for organism in changed)


@pytest.mark.parametrize("method", METHODS)
def test_a_world_stopped_and_resumed_is_the_uninterrupted_one(method, tmp_path):
    config = learning_world(method, generations=3)
    whole = open_run(config, tmp_path / "whole")
    whole.run()
    cut = open_run(config, tmp_path / "cut")
    cut.run(should_stop=lambda: cut.world.generation >= 1)
    resume_run(cut.run_dir.path).run()
    assert logs(cut.run_dir.path) == logs(whole.run_dir.path)
    assert any(row["num_learners"] for row in rows(whole.run_dir.path, METRICS))


def test_who_cannot_pay_for_the_longest_trials_tries_nothing():
    config = learning_world("evolution")
    rules, evaluator = build_rules(config), build_evaluator(config)
    living, _ = found_world(config, rules, evaluator.facts.sites)
    outcomes = meet(living, rules, evaluator, forage(living, rules))
    poor = next(iter(living.population))
    for organism in living.population:
        keep = 1_000 if organism is poor else 2_000_000  # micro-units: about 2 and 4,000 tokens
        balance = living.ledger.balance(organism.account)
        living.ledger.transfer(organism.account, "commons", balance - keep, Reason.REMAINS)
    learning = learn(living, rules, evaluator, outcomes)
    assert poor.id not in learning.learnt and to_energy(living.ledger.balance(poor.account)) == 0.001
    assert learning.learnt
