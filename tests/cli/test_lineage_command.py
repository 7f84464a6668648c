"""`evolora lineage` on a run folder written by hand."""

import json
import sys
from pathlib import Path

import pytest

from evolora.cli import app
from evolora.events import Birth, Death, DeathCause, Life
from evolora.record.lives import append_lives
from evolora.record.run_dir import EVENTS, LIVES, METRICS, RunDir


def birth(generation: int, own: int, kind: str, operator: str, *parents: int) -> Birth:
    return Birth(generation, own, kind, parents, 0, 3.0, (), operator)


def life(generation: int, own: int, rank: int, scores: tuple[float, float], meals: tuple[float, float]) -> Life:
    return Life(
        generation=generation,
        organism_id=own,
        lineage=0,
        age=1,
        energy=4.0,
        owed=0.0,
        rank=rank,
        num_parameters=100,
        mutation_scale=0.02,
        learning_rate=0.001,
        temperature=0.9 if own < 4 else 0.9001,
        answer_limit=8,
        num_examples=own % 2,
        answers=(4, 4),
        scores=scores,
        tokens=(40, 40),
        meals=meals,
    )


@pytest.fixture
def pond(tmp_path: Path) -> Path:
    """Founders 0, 1, 2. 3 is a clone of 0; 4 merges 3 and 1; 5 merges 4 and 0 and has not lived a generation yet."""
    events = [
        *(birth(0, founder, "founder", "founder") for founder in range(3)),
        birth(1, 3, "clone", "grow_rank", 0),
        Death(2, 0, DeathCause.AGE, 2, 0, 1, 0.0, 0.5, "commons"),
        birth(2, 4, "merge", "spherical", 3, 1),
        birth(3, 5, "merge", "crossover", 4, 0),
    ]
    run = RunDir.create(tmp_path, "pond", "name: pond\n", {})
    run.append(EVENTS, [event.to_row() for event in events])
    run.append(METRICS, [{"generation": 3}])
    lives = [
        [life(1, 0, 4, (1, 0), (1.0, 0.0)), life(1, 1, 4, (0, 4), (0.0, 2.0)), life(1, 2, 4, (0, 0), (0.0, 0.0))],
        [life(2, 0, 4, (1, 3), (1.0, 2.5)), life(2, 3, 5, (2, 2), (1.0, 1.0))],
        [life(3, 3, 5, (4, 0), (3.0, 0.0)), life(3, 4, 5, (0, 0), (0.0, 0.0))],
    ]
    for generation in lives:
        append_lives(run.path / LIVES, ["count bits", "rhyme"], generation)
    return run.path


def evolora(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command line."""
    monkeypatch.setattr(sys, "argv", ["evolora", *arguments])
    monkeypatch.setenv("COLUMNS", "100")
    try:
        app.main()
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def ancestry(pond: Path, organism: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> dict:
    assert evolora(monkeypatch, "lineage", str(pond), str(organism), "--json") == 0
    return json.loads(capfd.readouterr().out)


def test_ancestors_are_followed_through_both_parents_with_their_shares(pond, monkeypatch, capfd):
    """5 is half 4 and half 0; 4 is half 3 (all of 0) and half 1: founder 0 gave 1/2 + 1/4, founder 1 gave 1/4."""
    found = ancestry(pond, 5, monkeypatch, capfd)
    assert found["organism"] == 5
    assert {own["id"]: own["share"] for own in found["ancestors"]} == {5: 1.0, 4: 0.5, 3: 0.25, 1: 0.25, 0: 0.75}
    assert [own["id"] for own in found["ancestors"]] == [5, 4, 3, 1, 0]


def test_a_life_is_summed_over_its_generations(pond, monkeypatch, capfd):
    """0 lived two generations: 2 and 3 points of 8 and 8 answers in the niches, 4.5 energy, dead in the second."""
    (founder,) = ancestry(pond, 0, monkeypatch, capfd)["ancestors"]
    assert (founder["best_niche"], founder["best_score"]) == ("rhyme", 3 / 8)
    assert (founder["earned"], founder["num_answers"], founder["mean_score"]) == (4.5, 16, 5 / 16)
    assert (founder["born"], founder["died"], founder["cause"], founder["age"]) == (0, 2, "age", 2)
    assert founder["children"] == 2 and founder["changes"] == {} and founder["traits"]["rank"] == 4


def test_what_changed_is_against_the_first_parent(pond, monkeypatch, capfd):
    found = {own["id"]: own for own in ancestry(pond, 4, monkeypatch, capfd)["ancestors"]}
    assert found[3]["changes"] == {"rank": [4, 5], "num_examples": [0, 1]} and found[3]["operator"] == "grow_rank"
    assert found[4]["changes"] == {"temperature": [0.9, 0.9001], "num_examples": [1, 0]}
    assert found[4]["best_niche"] is None and found[4]["died"] is None


def test_who_has_not_lived_a_generation_yet_has_only_an_origin(pond, monkeypatch, capfd):
    newborn = ancestry(pond, 5, monkeypatch, capfd)["ancestors"][0]
    assert (newborn["age"], newborn["num_answers"], newborn["traits"], newborn["mean_score"]) == (0, 0, {}, None)


def test_the_tree_shows_everybody_once_within_the_terminals_width(pond, monkeypatch, capfd):
    assert evolora(monkeypatch, "lineage", str(pond), "5") == 0
    shown = capfd.readouterr().out
    assert all(len(line) <= 100 for line in shown.splitlines())
    for text in (
        "5  born 3, alive, age 0; 0 children",
        "merge of 4 and 0 by crossover",
        "clone of 0 by grow_rank; rank 4 to 5, num_examples 0 to 1",
        "0  born 0, died 2 of age, age 2; 2 children; earned 4.5; best in rhyme (0.38)",
        "0 and before: shown elsewhere",
        "4 ancestors; genome from founders 0 (75%), 1 (25%)",
    ):
        assert shown.count(text) == 1, shown
    assert "temperature" not in shown  # 0.9 to 0.9 to three digits says nothing


@pytest.mark.parametrize("organism", ["6", "999"])
def test_an_unknown_organism_is_one_line_with_the_valid_range(pond, monkeypatch, capfd, organism):
    assert evolora(monkeypatch, "lineage", str(pond), organism) == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and f"expected an id from 0 to 5, got organism {organism}" in error


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"parents": None}, "got a birth with parents None"),
        ({"parents": ["1"]}, "with parents ['1'], ids of the older expected"),
        ({"parents": [77]}, "with parents [77]"),
        ({"kind": None}, "got a birth with kind None"),
        ({"organism_id": 2**63}, "got a birth with organism_id"),
        ({"organism_id": 90, "parents": [77]}, "expected the birth of every parent, got none of organism 77"),
    ],
)
def test_a_damaged_birth_is_one_line(pond, monkeypatch, capfd, changes, reason):
    odd = {**birth(3, 5, "clone", "grow_rank", 1).to_row(), **changes}
    with (pond / EVENTS).open("a") as file:
        file.write(json.dumps(odd) + "\n")
    assert evolora(monkeypatch, "lineage", str(pond), "4") == 2
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and reason in error


def test_a_run_in_which_nobody_was_born_says_so(tmp_path, monkeypatch, capfd):
    run = RunDir.create(tmp_path, "empty", "name: empty\n", {})
    assert evolora(monkeypatch, "lineage", str(run.path), "0") == 2
    assert "none was born yet" in capfd.readouterr().err


def test_a_folder_that_is_no_run_is_one_line(tmp_path, monkeypatch, capfd):
    assert evolora(monkeypatch, "lineage", str(tmp_path), "0") == 2
    assert "expected a run folder" in capfd.readouterr().err
