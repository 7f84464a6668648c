"""Exams as a run goes: outside the economy, on tasks nobody lives on, the same after a resumption."""

import json
import shutil
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import yaml
from hostless import Coin, make_world
from puddle import SETTINGS, world
from test_simulation import logs, rows
from typer.testing import CliRunner

from evolora.blueprint import build_exams, build_rules
from evolora.build import open_run, resume_run
from evolora.cli.app import app
from evolora.environment.encounter import Answer, Encounter
from evolora.environment.tasks import split_of
from evolora.errors import WorkerError
from evolora.evaluation.evaluator import Reading
from evolora.exams import ExamPlan, Exams, candidates
from evolora.organism.genome import Genome
from evolora.organism.population import Population
from evolora.record.checkpoint import checkpoints
from evolora.record.run_data import RunData
from evolora.record.run_dir import METRICS, PORTFOLIO, TIMING

EXAM = {"size": 2, "candidates": 4, "selection_tasks": 3, "held_out_tasks": 4}
RECORD = {"checkpoint_every": 2, "portfolio_every": 2, "portfolio": EXAM}
PLAN = ExamPlan(every=1, size=4, candidates=16, selection_tasks=8, held_out_tasks=16)


@pytest.fixture(scope="module")
def examined(tmp_path_factory) -> Path:
    simulation = open_run(world(record=RECORD, generations=7), tmp_path_factory.mktemp("examined"))
    simulation.run()
    return simulation.run_dir.path


def test_exams_change_nothing_in_the_run_they_look_at(examined, tmp_path):
    without = open_run(world(generations=7), tmp_path)
    without.run()
    assert logs(without.run_dir.path) == logs(examined)
    assert not (without.run_dir.path / PORTFOLIO).exists()
    weights = [checkpoints(path)[-1] / "weights.safetensors" for path in (without.run_dir.path, examined)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_there_is_one_every_so_many_generations_and_one_in_the_last(examined):
    held = rows(examined, PORTFOLIO)
    assert [row["generation"] for row in held] == [2, 4, 6, 7]
    timed = {row["generation"]: row.get("exam_seconds") for row in rows(examined, TIMING)}
    assert [g for g, seconds in timed.items() if seconds is not None] == [2, 4, 6, 7]
    assert RunData.open(examined).exams == held
    assert ExamPlan(2, 1, 1, 1, 1).num_in(7) == 4 and ExamPlan(5, 1, 1, 1, 1).num_in(10) == 2


def test_an_exam_tells_who_sat_it_what_was_scored_and_what_it_took(examined):
    lives = RunData.open(examined)
    for row in rows(examined, PORTFOLIO):
        ids = {int(i) for i in lives.life_column("organism_id")[lives.rows_of(row["generation"])]}
        born = {e["organism_id"] for e in lives.events("birth", row["generation"])}
        assert len(row["members"]) == 2 and set(row["members"]) <= ids | born
        assert row["niches"] == ["first", "second"] and row["selection_tasks"] == [3, 3]
        scores = {way: np.array(table) for way, table in row["scores"].items()}
        assert {table.shape for table in scores.values()} == {(2, 4)}
        assert (scores["oracle"] >= scores["routed"]).all() and (scores["oracle"] >= scores["best"]).all()
        assert row["tokens_per_answer"]["routed"] > 0
        assert set(row["tokens"]) == {"selection", "held_out", "host", "routing"} and min(row["tokens"].values()) > 0


@pytest.mark.parametrize("stop_after", [1, 2, 3, 4, 6])
def test_stopped_and_resumed_holds_the_exams_of_the_uninterrupted_run(examined, tmp_path, stop_after):
    first = open_run(world(record=RECORD, generations=7), tmp_path)
    first.run(should_stop=lambda: first.world.generation >= stop_after)
    resume_run(first.run_dir.path).run()
    assert (first.run_dir.path / PORTFOLIO).read_bytes() == (examined / PORTFOLIO).read_bytes()
    assert logs(first.run_dir.path) == logs(examined)


@pytest.mark.parametrize("checkpoint_every", [3, 100])
def test_exams_after_the_last_checkpoint_are_held_again_and_not_told_twice(examined, tmp_path, checkpoint_every):
    killed = open_run(world(record={**RECORD, "checkpoint_every": checkpoint_every}, generations=7), tmp_path)
    killed.run(should_stop=lambda: killed.world.generation >= 3)
    for _ in range(2):
        killed.step()  # exams in generation 4, and no checkpoint
    assert [row["generation"] for row in rows(killed.run_dir.path, PORTFOLIO)] == [2, 4]
    if checkpoint_every == 100:  # as if it had been killed before its first exam was saved
        shutil.rmtree(checkpoints(killed.run_dir.path)[-1])
    resume_run(killed.run_dir.path).run()
    assert (killed.run_dir.path / PORTFOLIO).read_bytes() == (examined / PORTFOLIO).read_bytes()


def test_a_run_of_before_there_were_exams_goes_on_without(tmp_path):
    old = open_run(world(generations=4), tmp_path)
    old.run(should_stop=lambda: old.world.generation >= 2)
    path = checkpoints(old.run_dir.path)[-1] / "state.json"
    state = json.loads(path.read_text())
    del state["log_sizes"][PORTFOLIO]
    path.write_text(json.dumps(state))
    resume_run(old.run_dir.path).run()
    assert len(rows(old.run_dir.path, METRICS)) == 4 and not (old.run_dir.path / PORTFOLIO).exists()


def test_without_anybody_to_sit_it_the_generation_counts_as_not_lived(examined, tmp_path, monkeypatch):
    run = open_run(world(record=RECORD, generations=7), tmp_path)

    def gone(*_):
        raise WorkerError("expected a worker, got none")

    with monkeypatch.context() as patch:
        patch.setattr(Exams, "hold", gone)
        with pytest.raises(WorkerError, match=r"after generation 1.*evolora simulate --resume"):
            run.run()
    assert len(rows(run.run_dir.path, METRICS)) == 1
    resume_run(run.run_dir.path).run()
    assert (run.run_dir.path / PORTFOLIO).read_bytes() == (examined / PORTFOLIO).read_bytes()
    assert logs(run.run_dir.path) == logs(examined)


def test_an_extinct_world_holds_none_in_the_end(tmp_path):
    run = open_run(world(energy={"upkeep": 50.0}, record={**RECORD, "portfolio_every": 1}), tmp_path)
    assert run.run().end == "extinct"
    assert run.world.generation not in [row["generation"] for row in RunData.open(run.run_dir.path).exams]


def test_tasks_that_choose_and_tasks_that_score_are_different_and_neither_is_lived_on_or_tested_with():
    config = world(record=RECORD)
    rules = build_rules(config)
    exams = build_exams(config, rules)
    first, rest = ({q.task.digest for q in part} for part in (exams.selection, exams.held_out))
    assert len(first) == 6 and len(rest) == 8 and not first & rest
    assert {split_of(q.task) for q in chain(exams.selection, exams.held_out)} == {"selection"}
    assert not (first | rest) & {task.digest for niche in rules.niches for task in rules.tasks.test(niche)}
    assert build_exams(world(), rules) is None


def test_a_family_with_few_tasks_has_them_divided_in_the_same_proportion():
    class Small:
        def selection(self, niche, num):
            return rules.tasks.selection(niche, 9)

    config = world()
    rules = build_rules(config)
    exams = Exams(ExamPlan(1, 1, 1, 8, 16), rules.niches, Small(), Genome({}, None, 1.0))
    assert len(exams.selection) == 2 * 3 and len(exams.held_out) == 2 * 6
    assert len(Exams(ExamPlan(1, 1, 1, 1, 100), rules.niches, Small(), Genome({}, None, 1.0)).selection) == 2


class Specialists(Coin):
    """Organisms with skills of their own in each niche, and a reading of questions that tells their niche."""

    def __init__(self, able: Mapping[int, str]) -> None:
        super().__init__()
        self._able = able

    def _answer(self, encounter: Encounter, draw: float) -> Answer:
        is_right = encounter.niche in self._able.get(encounter.organism_id, "")
        return Answer("é" if is_right else "no", (1, 2), (3, 4, 5), -1.0, stopped=True)

    def read(self, questions: Sequence[str]) -> Reading:
        kinds = np.array([[question.startswith(kind) for kind in "ab"] for question in questions], dtype=np.float64)
        return Reading(kinds, np.full(len(questions), 3.0))


def sit(able: Mapping[int, str]) -> dict[str, np.ndarray]:
    alive, rules = make_world()
    exams = Exams(PLAN, rules.niches, rules.tasks, next(iter(alive.population)).genome)
    row = exams.hold(5, alive.population, Specialists(able))
    assert len(row["members"]) == 4
    return {way: np.array(table) for way, table in row["scores"].items()}


def test_specialists_answer_together_what_none_of_them_can_and_the_router_finds_them():
    scores = sit({3: "first", 7: "second"})
    assert scores["routed"].mean() == scores["oracle"].mean() == 1.0
    assert scores["best"].mean() == 0.5 and scores["host"].mean() == 0.0


def test_organisms_that_are_all_alike_gain_nothing_together():
    scores = sit(dict.fromkeys(range(10), "first"))
    assert (scores["routed"] == scores["best"]).all() and (scores["oracle"] == scores["best"]).all()


def test_of_many_organisms_those_sit_who_cover_the_niches_by_their_recent_scores():
    alive, rules = make_world()
    assert candidates(alive.population, rules.niches, 10) == list(alive.population)
    for organism, competence in zip(
        alive.population, [{}, {"first": 0.9}, {"first": 0.8, "second": 0.4}, {"second": 0.7}], strict=False
    ):
        organism.competence = competence
    assert [own.id for own in candidates(alive.population, rules.niches, 2)] == [2, 3]
    assert [own.id for own in candidates(alive.population, rules.niches, 3)] == [1, 2, 3]
    assert candidates(Population(), rules.niches, 3) == []


def test_one_setting_on_the_command_line_turns_them_on_and_the_dry_run_says_what_they_take(tmp_path):
    (tmp_path / "puddle.yaml").write_text(yaml.safe_dump({**SETTINGS, "generations": 3}))
    command = ["simulate", str(tmp_path / "puddle.yaml"), "--set", "record.portfolio_every=3"]
    command += ["--set", "record.portfolio.held_out_tasks=2", "--out", str(tmp_path / "runs")]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    (row,) = rows(next((tmp_path / "runs").iterdir()), PORTFOLIO)
    assert row["generation"] == 3 and len(row["scores"]["host"][0]) == 2
    planned = CliRunner().invoke(app, [*command, "--dry-run"])
    assert "exams" in planned.output and f"1 of {sum(row['tokens'].values()):,}"[:4] in planned.output
