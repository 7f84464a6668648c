"""The pond's frames agree with the record: who lives, where, who was born of whom, who died of what."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from asker import Asker

from evolora.dashboard.frames import MOST_FRAMES, Frames, numbers, short
from evolora.record.run_data import RunData


def test_a_frame_holds_exactly_those_alive_when_the_generation_ended(lived: Path) -> None:
    run = RunData.open(lived)
    alive: set[int] = {event["organism_id"] for event in run.events("birth", 0)}
    for frame in Frames(run).between(1, 12):
        born = {event["organism_id"] for event in run.events("birth", frame["generation"])}
        died = {event["organism_id"]: event["cause"] for event in run.events("death", frame["generation"])}
        alive = (alive | born) - set(died)
        assert set(frame["id"]) == alive and len(frame["id"]) == frame["now"]["num_living"]
        assert {birth["id"] for birth in frame["births"]} == born
        assert {death["id"]: death["cause"] for death in frame["deaths"]} == died


def test_the_energies_of_a_frame_are_all_that_organisms_had_when_the_generation_ended(lived: Path) -> None:
    run = RunData.open(lived)
    frames = Frames(run).between(1, 12)
    for frame in frames:
        assert sum(frame["energy"]) == pytest.approx(frame["now"]["energy"]["organisms"], abs=1e-4 * len(frame["id"]))
    assert sum(len(frame["births"]) for frame in frames) > 5
    held = dict(zip(frames[-1]["id"], frames[-1]["energy"], strict=True))
    for best in run.metrics_of(12)["best"]:  # the richest, as the run itself reported them
        assert held[best["id"]] == pytest.approx(best["energy"], abs=1e-4)


def test_a_birth_of_an_elite_is_paid_by_who_paid_it(pretend: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elites"
    shutil.copytree(pretend, folder)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    birth = next(event for event in events if event.get("kind") == "clone")
    before = Frames(RunData.open(folder)).frame(birth["generation"])
    (parent,), payer = birth["parents"], next(i for i in before["id"] if i not in birth["parents"])
    birth["payers"] = [payer]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    after = Frames(RunData.open(folder)).frame(birth["generation"])
    was, now = (dict(zip(frame["id"], frame["energy"], strict=True)) for frame in (before, after))
    assert now[parent] == pytest.approx(was[parent] + 3) and now[payer] == pytest.approx(was[payer] - 3)


def test_cells_have_their_own_lineage_energy_and_score(lived: Path) -> None:
    run = RunData.open(lived)
    frame = Frames(run).frame(6)
    paid: Counter[int] = Counter()
    for birth in run.events("birth", 6):
        paid.update(dict(zip(birth["parents"], birth["payments"], strict=True)))
    lives = {row["organism_id"]: row for row in run.lives.to_pylist() if row["generation"] == 6}
    newborn = {birth["id"] for birth in frame["births"]}
    for place, identity in enumerate(frame["id"]):
        if identity in newborn:
            assert frame["score"][place] is None and frame["niche"][place] == -1
            continue
        life = lives[identity]
        assert frame["lineage"][place] == life["lineage"]
        assert frame["energy"][place] == pytest.approx(life["energy"] - paid[identity], abs=1e-4)
        assert frame["score"][place] == pytest.approx(sum(life["scores"]) / sum(life["answers"]), abs=1e-4)


def test_a_newborn_is_put_among_its_parents(lived: Path) -> None:
    frames = {frame["generation"]: frame for frame in Frames(RunData.open(lived)).between(1, 12)}
    children = 0
    for frame in frames.values():
        place = {identity: (x, y) for identity, x, y in zip(frame["id"], frame["x"], frame["y"], strict=True)}
        place |= {death["id"]: (death["x"], death["y"]) for death in frame["deaths"]}
        for birth in frame["births"]:
            if all(parent in place for parent in birth["parents"]):
                middle = np.mean([place[parent] for parent in birth["parents"]], axis=0)
                assert place[birth["id"]] == pytest.approx(middle, abs=1e-3)
                children += 1
    assert children > 5


def test_frames_are_asked_for_a_stretch_at_a_time(ask_pretend: Asker) -> None:
    frames = ask_pretend.json("/frames", **{"from": 10, "to": 14})["frames"]
    assert [frame["generation"] for frame in frames] == [10, 11, 12, 13, 14]
    assert ask_pretend.json("/frames", **{"from": 39, "to": 10_000})["frames"][-1]["generation"] == 40
    assert ask_pretend.json("/frames", **{"from": 41, "to": 60})["frames"] == []


def test_one_answer_never_holds_more_than_its_share_of_frames(pretend: Path) -> None:
    frames = Frames(RunData.open(pretend))
    frames.rows = {number: {"generation": number} for number in range(100_000)}
    assert len(frames.between(0, 99_999)) == MOST_FRAMES


def test_a_frame_of_256_cells_is_a_few_kilobytes(tmp_path: Path) -> None:
    from synthetic import write_run

    run = RunData.open(write_run(tmp_path / "wide", generations=4, capacity=256, births=50))
    frame = Frames(run).frame(2)
    assert len(frame["id"]) > 100
    assert len(json.dumps(frame, separators=(",", ":"))) < 80 * len(frame["id"]) + 100 * len(frame["births"]) + 6000


def test_a_run_that_never_recorded_lives_has_frames_of_numbers_alone(pretend: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(pretend, folder)
    (folder / "lives.arrow").unlink()
    frame = Frames(RunData.open(folder)).frame(7)
    assert frame["now"]["num_living"] > 0 and len(frame["id"]) == len(frame["births"])


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (3, 3),
        (1.23456789, 1.23457),
        (np.float64(0.5), 0.5),
        *((nothing, None) for nothing in (float("nan"), float("inf"), 10**400, "7", None, True, [1])),
    ],
)
def test_only_finite_numbers_are_sent(value: object, sent: object) -> None:
    assert short(value) == sent


def test_a_table_that_is_none_has_no_numbers() -> None:
    assert numbers("births") == {} and numbers(None) == {}
    assert numbers({"a": 1, "b": "<script>", "c": float("nan")}) == {"a": 1}
