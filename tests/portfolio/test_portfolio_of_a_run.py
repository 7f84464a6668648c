"""A run's portfolio on the petri host: chosen, routed, saved, loaded with the same routes, counted."""

import json

import numpy as np
import pytest
import torch
from sheets import small_petri
from typer.testing import CliRunner

from evolora.build import open_run
from evolora.cli.portfolio import portfolio as command
from evolora.errors import RunFolderError
from evolora.organism.genome import Factors
from evolora.portfolio.arrow import prototype
from evolora.portfolio.folder import INDEX, load_portfolio
from evolora.portfolio.portfolio import Reading
from evolora.portfolio.session import open_saved, portfolio_of_run, save
from evolora.portfolio.session import test as run_test
from evolora.portfolio.splits import selection_questions
from evolora.record.run_dir import METRICS, RunDir
from evolora.routing.exam import Examiner
from evolora.routing.tokens import TokenMeter, passes_of_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    simulation = open_run(small_petri(), tmp_path_factory.mktemp("runs"))
    simulation.run()
    return simulation.run_dir.path


@pytest.mark.parametrize("router", ["ridge", "arrow"])
def test_a_saved_portfolio_routes_and_answers_as_before(run, tmp_path, router):
    session = portfolio_of_run(run, size=3, candidates=5, selection=6, router=router)
    save(session, tmp_path / "kept")
    again = open_saved(tmp_path / "kept")
    questions = selection_questions(session.rules.niches, session.rules.tasks, 8)
    assert np.array_equal(
        again.portfolio.route(Reading.of(questions, again.evaluator)).preferences,
        session.portfolio.route(Reading.of(questions, session.evaluator)).preferences,
    )
    sheets = [
        Examiner(s.evaluator, s.rules.tasks).sit(s.portfolio.members, questions, TokenMeter(), "test")
        for s in (session, again)
    ]
    assert sheets[0].texts == sheets[1].texts and again.portfolio.best == session.portfolio.best
    assert not list((tmp_path / "kept").rglob("*.bin")) and not list((tmp_path / "kept").rglob("*.pt"))


def test_a_changed_file_is_refused(run, tmp_path):
    session = portfolio_of_run(run, size=2, candidates=3, selection=4, router="centroid")
    save(session, tmp_path / "kept")
    router = tmp_path / "kept" / "router.safetensors"
    router.write_bytes(router.read_bytes()[:-1] + b"x")
    with pytest.raises(RunFolderError, match=r"router\.safetensors missing, added or changed"):
        load_portfolio(tmp_path / "kept", session.evaluator.sites)
    with pytest.raises(RunFolderError, match="expected a new folder"):
        save(session, tmp_path / "kept")


def test_every_token_of_selection_and_routing_is_counted(run):
    session = portfolio_of_run(run, size=2, candidates=3, selection=4, router="ridge")
    questions = selection_questions(session.rules.niches, session.rules.tasks, 4)
    prompts = [session.evaluator.prompts.build(question.task.question) for question in questions]
    assert session.meter.by_purpose["routing"] == sum(map(len, prompts))
    sheet = Examiner(session.evaluator, session.rules.tasks).sit(
        session.portfolio.members, questions, TokenMeter(), "again"
    )
    assert session.meter.by_purpose["selection"] > sheet.tokens.sum()  # three candidates sat, two are kept


def test_a_runs_passes_are_its_answers_and_twice_its_lessons(run):
    rows = RunDir.open(run).read(METRICS)
    answering = sum(row["num_tokens"] for row in rows)
    learning = sum(row["learning_tokens"] for row in rows)
    assert learning > 0
    assert passes_of_run(rows, "reinforce") == answering + 2 * learning
    assert passes_of_run(rows, "evolution") == answering + learning


def test_all_modes_are_tested_under_all_shifts(run):
    session = portfolio_of_run(run, size=2, candidates=3, selection=4, router="ridge")
    results = {examined.shift: examined for examined in run_test(session, 6, shifts=True)}
    assert set(results) == {"in distribution", "difficulty", "family", "surface"}
    for examined in results.values():
        scores = {mode: answered.scores.mean() for mode, answered in examined.answered.items()}
        assert scores["oracle"] >= max(scores["routed"], scores["best single"], scores["vote"])


def test_the_samples_of_self_consistency_are_counted_and_voted(run):
    session = portfolio_of_run(run, size=2, candidates=2, selection=4, router="fixed")
    questions, meter = selection_questions(session.rules.niches, session.rules.tasks, 3), TokenMeter()
    examiner = Examiner(session.evaluator, session.rules.tasks)
    sheet = examiner.sit_by_samples(session.portfolio.members, questions, meter, "samples", num_samples=3)
    assert set(np.round(sheet.confidences * 3).ravel()) <= {0, 1, 2, 3} and meter.total == sheet.tokens.sum()


def test_a_prototype_is_the_direction_that_the_delta_changes_most():
    torch.manual_seed(0)
    factors = Factors(torch.randn(3, 10), torch.randn(8, 3))
    _, _, right = torch.linalg.svd(factors.product())
    assert abs(float(prototype(factors) @ right[0])) == pytest.approx(1.0, abs=1e-5)
    assert not prototype(Factors(torch.randn(3, 10), torch.zeros(8, 3))).any()


def test_the_command_prints_every_mode_and_keeps_the_folder(run, tmp_path):
    import typer

    app = typer.Typer()
    app.command()(command)
    kept = tmp_path / "kept"
    arguments = [str(run), "--size", "2", "--candidates", "3", "--selection", "4", "--tasks", "4", "--to", str(kept)]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    for word in ("host", "best single", "routed", "routed by centroid", "routed by arrow", "oracle", "selection:"):
        assert word in result.output
    assert json.loads((kept / INDEX).read_text())["notes"]["candidates"] == 3 and "not saved" not in result.output
    assert CliRunner().invoke(app, [str(kept), "--tasks", "4"], env={"COLUMNS": "120"}).exit_code == 0
    unsaved = CliRunner().invoke(app, [*arguments[:-2], "--samples", "2"], env={"COLUMNS": "120"})
    assert "self-consistent" in unsaved.output and "answering in distribution, samples:" in unsaved.output
    assert f"not saved: with --to {run / 'portfolio'}" in unsaved.output
