"""The bare host's score by niche: asked once, on held-out tasks, outside the economy."""

import json
from pathlib import Path

import pytest
from test_simulation import logs, world

from evolora.bare_host import ask_bare_host, tasks_a_niche
from evolora.blueprint import build_rules, found_world
from evolora.build import build_evaluator, open_run, resume_run
from evolora.errors import WorkerError
from evolora.evaluation.local import LocalEvaluator
from evolora.organism.population import Population
from evolora.record.run_data import RunData
from evolora.record.run_dir import BARE_HOST


def test_the_host_is_asked_with_no_example_and_with_the_most_a_founder_has():
    config = world()
    rules, evaluator = build_rules(config), build_evaluator(config)
    founders, _ = found_world(config, rules, evaluator.sites)
    bare = ask_bare_host(rules.niches, rules.tasks, founders.population, evaluator)
    assert bare is not None
    most = max(founder.active.traits.num_examples for founder in founders.population)
    assert set(bare.scores) == {"0", str(most)} and most == 1
    assert all(row.keys() == bare.num_tasks.keys() == {"first", "second"} for row in bare.scores.values())
    assert all(0 <= score <= 1 for row in bare.scores.values() for score in row.values())
    assert bare == ask_bare_host(rules.niches, rules.tasks, founders.population, evaluator)


def test_it_is_asked_selection_tasks_greedily_and_answers_without_any_weights(monkeypatch):
    config = world()
    rules, evaluator = build_rules(config), build_evaluator(config)
    founders, _ = found_world(config, rules, evaluator.sites)
    asked = []
    answer = LocalEvaluator.answer
    monkeypatch.setattr(
        LocalEvaluator, "answer", lambda self, bodies, e: asked.append((bodies, e)) or answer(self, bodies, e)
    )
    bare = ask_bare_host(rules.niches, rules.tasks, founders.population, evaluator)
    ((bodies, encounters),) = asked
    assert [body.factors for body in bodies.values()] == [{}]
    assert all(e.temperature == 0 and e.num_samples == 1 for e in encounters)
    for niche in rules.niches:
        selection = {task.digest for task in rules.tasks.selection(niche)}
        own = [e for e in encounters if e.niche == niche.name]
        assert {e.task.digest for e in own} <= selection
        assert len(own) == 2 * bare.num_tasks[niche.name]


def test_nobody_founded_is_nothing_asked():
    config = world()
    rules, evaluator = build_rules(config), build_evaluator(config)
    assert ask_bare_host(rules.niches, rules.tasks, Population(), evaluator) is None


@pytest.mark.parametrize(
    ("parameters", "niches", "tasks"), [(135_000_000, 9, 5), (900_000, 8, 32), (7_000_000_000, 9, 4), (0, 0, 32)]
)
def test_a_larger_host_is_asked_less(parameters, niches, tasks):
    assert tasks_a_niche(parameters, niches) == tasks


def test_a_run_records_it_before_its_first_generation_and_never_again(tmp_path):
    run = open_run(world(generations=2), tmp_path)
    run.run()
    path: Path = run.run_dir.path
    recorded = (path / BARE_HOST).read_bytes()
    assert RunData.open(path).bare_host == json.loads(recorded)
    again = open_run(world(generations=2), tmp_path)
    again.run()
    assert (again.run_dir.path / BARE_HOST).read_bytes() == recorded
    (path / BARE_HOST).unlink()
    resume_run(path, generations=3).run()
    assert not (path / BARE_HOST).exists(), "asked in the middle of a run, it would say nothing about its start"


def test_a_run_goes_the_same_way_whether_the_host_was_asked_or_not(tmp_path, monkeypatch):
    asked = open_run(world(generations=3), tmp_path)
    asked.run()
    monkeypatch.setattr("evolora.simulation.ask_bare_host", lambda *_: None)
    unasked = open_run(world(generations=3), tmp_path)
    unasked.run()
    assert not (unasked.run_dir.path / BARE_HOST).exists()
    assert logs(unasked.run_dir.path) == logs(asked.run_dir.path)


def test_without_anybody_to_answer_the_founders_are_kept_and_the_resumed_run_asks(tmp_path, monkeypatch):
    run = open_run(world(generations=2), tmp_path)

    def gone(*_):
        raise WorkerError("expected a worker, got none")

    with monkeypatch.context() as patch:
        patch.setattr("evolora.simulation.ask_bare_host", gone)
        with pytest.raises(WorkerError, match="evolora simulate --resume"):
            run.run()
    resume_run(run.run_dir.path).run()
    assert (run.run_dir.path / BARE_HOST).exists()
