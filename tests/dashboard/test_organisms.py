"""An organism's drawer agrees with the record and with the weights on disk."""

from pathlib import Path

import numpy as np
import pytest
from asker import Asker

from evolora.dashboard.norms import adapter_norms, product_norm
from evolora.organism.distance import delta_norm
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.run_data import RunData


def test_a_life_is_told_as_it_was_recorded(ask_lived: Asker, lived: Path) -> None:
    run = RunData.open(lived)
    merged = run.events("merge")[0]["child_id"]
    told = ask_lived.json(f"/organisms/{merged}")
    birth = run.births[merged]
    lives = [row for row in run.lives.to_pylist() if row["organism_id"] == merged]
    assert told["birth"]["kind"] == "merge" and [kin["id"] for kin in told["parents"]] == birth["parents"]
    assert told["curve"]["generation"] == [row["generation"] for row in lives]
    assert told["curve"]["energy"] == pytest.approx([row["energy"] for row in lives], rel=1e-5)
    assert sum(row["answers"] for row in told["meals"]) == sum(sum(row["answers"]) for row in lives)
    assert sum(row["energy"] for row in told["meals"]) == pytest.approx(
        sum(sum(row["meals"]) for row in lives), rel=1e-4
    )
    for child in told["children"]:
        assert merged in run.births[child["id"]]["parents"]


def test_the_answers_are_those_of_the_generation_looked_at(ask_lived: Asker, lived: Path) -> None:
    run = RunData.open(lived)
    identity = next(death["organism_id"] for death in run.events("death") if death["age"] >= 3)
    lives = [row["generation"] for row in run.lives.to_pylist() if row["organism_id"] == identity]
    for generation in (lives[0], lives[1], 99):
        told = ask_lived.json(f"/organisms/{identity}", generation=generation)
        assert told["answered"] == min(generation, lives[-1])
        recorded = run.answers(told["answered"], identity)
        assert told["answers"] and all(
            any(row["question"] == said["question"] and row["text"] == said["text"] for row in recorded)
            for said in told["answers"]
        )


def test_different_questions_are_shown_before_more_samples_of_one(ask_lived: Asker, lived: Path) -> None:
    run = RunData.open(lived)
    identity = run.lives.to_pylist()[-1]["organism_id"]
    told = ask_lived.json(f"/organisms/{identity}")
    tasks = {row["task"] for row in run.answers(told["answered"], identity)}
    questions = [said["question"] for said in told["answers"]]
    assert len(set(questions[: len(tasks)])) == min(len(tasks), len(questions))


def test_norms_are_those_of_the_weights_in_the_newest_checkpoint(lived: Path) -> None:
    world, _ = load_checkpoint(checkpoints(lived)[-1])
    compared = 0
    for organism in world.population:
        norms = adapter_norms(lived, organism.id)
        total = float(np.sqrt(sum(row["norm"] ** 2 for row in norms)))
        assert total == pytest.approx(delta_norm(organism.active), rel=1e-4)
        assert {row["site"] for row in norms} == set(organism.active.factors)
        assert [row["norm"] for row in norms] == sorted((row["norm"] for row in norms), reverse=True)
        compared += total > 0
    assert compared > 5


def test_a_norm_is_that_of_the_product() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(3, 7)), rng.normal(size=(5, 3))
    assert product_norm(a, b) == pytest.approx(np.linalg.norm(b @ a))


def test_damaged_weights_have_no_norms(lived: Path, tmp_path: Path) -> None:
    identity = next(iter(load_checkpoint(checkpoints(lived)[-1])[0].population)).id
    state = (checkpoints(lived)[-1] / "state.json").read_text()
    for name, weights, text in (
        ("checkpoint-000012", b"\xff" * 100, state),
        ("checkpoint-000013", b"", state.replace('"scaling"', '"scale"')),
        ("checkpoint-000014", b"", "[" * 100_000),
        ("checkpoint-../x", b"", state),
    ):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "weights.safetensors").write_bytes(weights)
        (folder / "state.json").write_text(text)
    assert adapter_norms(tmp_path, identity) == []


def test_the_dead_have_no_norms_and_a_cause(ask_lived: Asker, lived: Path) -> None:
    run = RunData.open(lived)
    long_dead = run.events("death")[0]
    told = ask_lived.json(f"/organisms/{long_dead['organism_id']}")
    assert told["death"]["cause"] == long_dead["cause"]
    assert all(row["generation"] == 0 for row in told["norms"])  # at most the founders' checkpoint still has it
