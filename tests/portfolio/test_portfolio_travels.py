"""A run's portfolio leaves it: as adapters one by one, and in a bundle that routes elsewhere as it did at home."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sheets import small_petri
from typer.testing import CliRunner

from evolora.build import open_run
from evolora.cli.app import app
from evolora.errors import EvoloraError
from evolora.portfolio.portfolio import ANCESTOR, Reading
from evolora.portfolio.session import open_saved, portfolio_of_run, save
from evolora.portfolio.splits import selection_questions
from evolora.record.residents import open_residents
from evolora.routing.recogniser import Recogniser
from evolora.serving.opening import open_speakers
from evolora.serving.teams import Team


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    simulation = open_run(small_petri(), tmp_path_factory.mktemp("runs"))
    simulation.run()
    path = simulation.run_dir.path
    save(portfolio_of_run(path, size=3, candidates=5, selection=6, router="ridge"), path / "portfolio")
    return path


def evolora(*arguments: str) -> tuple[int, str, BaseException | None]:
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.output, done.exception


def test_the_members_are_exported_under_the_names_of_their_weights(run: Path, tmp_path: Path) -> None:
    code, output, _ = evolora("export", str(run), "--portfolio", "--to", str(tmp_path / "out"))
    assert code == 0
    names = {resident.id: resident.name for resident in open_residents(run).members}
    members = [member["id"] for member in json.loads((run / "portfolio" / "portfolio.json").read_text())["members"]]
    assert output.splitlines() == [str(tmp_path / "out" / names[identity]) for identity in members]


@pytest.mark.parametrize(("index", "change", "reason"), [(0, "learnt", "learnt on since"), (1, "gone", "died since")])
def test_who_changed_since_the_portfolio_was_saved_is_not_exported(
    run: Path, tmp_path: Path, index: int, change: str, reason: str
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    session = open_saved(copy / "portfolio")
    members = dict(session.portfolio.members)
    names = list(members)
    if change == "gone":
        members[999] = members.pop(names[index])
    else:
        members[names[index]] = members[names[(index + 1) % 3]]
    shutil.rmtree(copy / "portfolio")
    portfolio = session.portfolio
    changed = type(portfolio)(members, next(iter(members)), portfolio.router_kind, portfolio.router)
    save(
        type(session)(changed, session.config, session.rules, session.evaluator, session.meter, {}), copy / "portfolio"
    )
    code, _, error = evolora("export", str(copy), "--portfolio", "--to", str(tmp_path / "out"))
    assert code != 0 and isinstance(error, EvoloraError) and reason in str(error)
    assert not (tmp_path / "out").exists()


def test_a_bundle_brings_a_portfolio_that_routes_as_at_home(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert evolora("pack", str(run), "-o", "a.evolora")[0] == 0
    assert "portfolio/router.safetensors" in evolora("inspect", "a.evolora")[1]
    assert "whole" in evolora("verify", "a.evolora")[1]
    assert evolora("unpack", "a.evolora", "--to", "out")[0] == 0
    ours, theirs = open_saved(run / "portfolio"), open_saved(tmp_path / "out" / "portfolio")
    questions = selection_questions(ours.rules.niches, ours.rules.tasks, 5)
    assert np.array_equal(
        ours.portfolio.route(Reading.of(questions, ours.evaluator)).preferences,
        theirs.portfolio.route(Reading.of(questions, theirs.evaluator)).preferences,
    )
    code, output, _ = evolora("replay", "a.evolora")
    assert code == 0 and "2 of 2 generations identical" in output


def test_the_bare_host_goes_with_the_others(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    shutil.rmtree(copy / "portfolio")
    command = ("portfolio", str(copy), "--selection", "6", "--size", "2", "--tasks", "4", "--ancestor", "1")
    code, _, error = evolora(*command)
    assert code != 0 and "--ancestor: expected --router recogniser" in str(error)
    code, output, _ = evolora(*command, "--router", "recogniser", "--to", str(copy / "portfolio"))
    assert code == 0 and "best or ancestor" in output
    assert len(list((copy / "portfolio" / "adapters").iterdir())) == 2

    saved = open_saved(copy / "portfolio")
    host = saved.portfolio.members[ANCESTOR]
    assert list(saved.portfolio.members)[-1] == ANCESTOR and len(saved.portfolio.members) == 3
    assert host.traits.num_examples == 1 and not any(host.delta(site).any() for site in host.factors)

    team = open_speakers(copy).find("portfolio")
    assert isinstance(team, Team) and team.members[-1].name == "portfolio/host" and team.members[-1].title == "host"
    questions = [question.task.question for question in selection_questions(saved.rules.niches, saved.rules.tasks, 4)]
    prompts = [saved.evaluator.prompts.build(text) for text in (*questions, "zzzz qqqq?", "9 9 9 9 9 9 9 9 9 9 9")]
    router = saved.portfolio.router
    assert isinstance(router, Recogniser)
    known = router.knows(Reading(prompts, saved.evaluator).features)
    assert known.any() and not known.all()
    chosen = [choice.speaker for choice in team.choose(prompts)]
    assert all(who.organism_id is None for who, knows in zip(chosen, known, strict=True) if not knows)

    monkeypatch.chdir(tmp_path)
    assert evolora("pack", str(copy), "-o", "a.evolora")[0] == 0
    assert evolora("unpack", "a.evolora", "--to", "out")[0] == 0
    assert ANCESTOR in open_saved(tmp_path / "out" / "portfolio").portfolio.members
    code, output, _ = evolora("export", str(copy), "--portfolio", "--to", str(tmp_path / "members"))
    assert code == 0 and len(output.splitlines()) == 2
