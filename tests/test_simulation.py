"""Whole runs on a tiny transformer: laws 1-3 and 6, interruption, resumption, the record."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from puddle import SETTINGS, world
from safetensors import SafetensorError

from evolora.blueprint import build_rules
from evolora.build import open_run, resume_run
from evolora.errors import ConfigError, RunFolderError
from evolora.record import checkpoint as checkpoint_module
from evolora.record.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from evolora.record.lives import niche_names, read_lives
from evolora.record.run_dir import EVENTS, LIVES, METRICS, RunDir


def logs(path: Path) -> tuple[bytes, bytes, bytes]:
    return (path / METRICS).read_bytes(), (path / EVENTS).read_bytes(), (path / LIVES).read_bytes()


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory) -> Path:
    simulation = open_run(world(), tmp_path_factory.mktemp("whole"))
    simulation.run()
    return simulation.run_dir.path


def rows(path: Path, log: str):
    return [json.loads(line) for line in (path / log).read_text().splitlines()]


def test_same_world_and_seed_give_the_same_bytes(whole_run, tmp_path):
    again = open_run(world(), tmp_path)
    again.run()
    assert logs(again.run_dir.path) == logs(whole_run)


def test_another_seed_gives_another_history(whole_run, tmp_path):
    other = open_run(world(seed=4), tmp_path)
    other.run()
    assert logs(other.run_dir.path)[0] != logs(whole_run)[0]


def test_every_generation_is_reported_with_books_that_balance(whole_run):
    metrics = rows(whole_run, METRICS)
    assert [row["generation"] for row in metrics] == list(range(1, 7))
    assert all(row["residual"] == 0 for row in metrics)
    assert any(row["num_learners"] for row in metrics)


def test_births_are_paid_deaths_have_causes_and_parents_lived(whole_run):
    events = rows(whole_run, EVENTS)
    births = [e for e in events if e["event"] == "birth" and e["kind"] != "founder"]
    born = {e["organism_id"]: e for e in events if e["event"] == "birth"}
    died = {e["organism_id"]: e["generation"] for e in events if e["event"] == "death"}
    assert births, "this world is rich enough for births"
    for birth in births:
        assert sum(birth["payments"]) == pytest.approx(birth["energy"]) and birth["energy"] == 2.0
        for parent in birth["parents"]:
            assert born[parent]["generation"] <= birth["generation"] <= died.get(parent, 99)
    assert all(e["cause"] in {"insolvency", "age", "crowding"} for e in events if e["event"] == "death")


def test_the_number_alive_follows_from_births_and_deaths(whole_run):
    alive = 0
    events = rows(whole_run, EVENTS)
    for generation in range(7):
        now = [e for e in events if e["generation"] == generation]
        alive += sum(e["event"] == "birth" for e in now) - sum(e["event"] == "death" for e in now)
        if generation:
            assert rows(whole_run, METRICS)[generation - 1]["num_living"] == alive


def test_every_answer_is_on_disk_with_its_score(whole_run):
    import pyarrow.parquet as pq

    table = pq.read_table(whole_run / "encounters" / "generation-000001.parquet").to_pylist()
    row = rows(whole_run, METRICS)[0]
    assert len(table) == row["num_answers"]
    assert sum(r["score"] for r in table) / len(table) == pytest.approx(row["mean_score"])


def test_every_life_is_on_disk_and_agrees_with_answers_and_metrics(whole_run):
    lives = read_lives(whole_run / LIVES)
    assert niche_names(lives) == ["first", "second"]
    by_generation: dict[int, list[dict]] = {}
    for life in lives.to_pylist():
        by_generation.setdefault(life["generation"], []).append(life)
    for metrics in rows(whole_run, METRICS):
        living = by_generation[metrics["generation"]]
        answers = pq.read_table(
            whole_run / "encounters" / f"generation-{metrics['generation']:06d}.parquet"
        ).to_pylist()
        assert {life["organism_id"] for life in living} >= {answer["organism_id"] for answer in answers}
        for life in living:
            own = [answer for answer in answers if answer["organism_id"] == life["organism_id"]]
            for place, niche in enumerate(["first", "second"]):
                there = [answer for answer in own if answer["niche"] == niche]
                assert life["answers"][place] == len(there)
                assert life["scores"][place] == pytest.approx(sum(answer["score"] for answer in there))
        assert sum(sum(life["tokens"]) for life in living) == metrics["num_tokens"]
        assert sum(sum(life["meals"]) for life in living) == pytest.approx(metrics["flows"].get("meal", 0.0))


def test_a_half_written_batch_of_lives_is_left_out(whole_run, tmp_path):
    whole = read_lives(whole_run / LIVES)
    cut = tmp_path / LIVES
    cut.write_bytes((whole_run / LIVES).read_bytes()[:-7])
    last = max(whole["generation"].to_pylist())
    assert set(read_lives(cut)["generation"].to_pylist()) == set(range(1, last))


def test_phylogeny_lists_both_parents_of_a_merge(whole_run):
    merges = [e for e in rows(whole_run, EVENTS) if e["event"] == "merge"]
    lines = (whole_run / "phylogeny.csv").read_text().splitlines()
    assert merges and lines[0].startswith("id,ancestor_list,origin_time,destruction_time")
    for merge in merges:
        line = next(line for line in lines if line.startswith(f"{merge['child_id']},"))
        assert f'"[{merge["parents"][0]},{merge["parents"][1]}]"' in line


@pytest.mark.parametrize("stop_after", [1, 2, 5])
def test_stopped_and_resumed_is_the_uninterrupted_run(whole_run, tmp_path, stop_after):
    first = open_run(world(), tmp_path)
    summary = first.run(should_stop=lambda: first.world.generation >= stop_after)
    assert summary.end == "stopped"
    resumed = resume_run(first.run_dir.path)
    assert resumed.world.generation == stop_after
    assert resumed.run().end == "finished"
    assert logs(first.run_dir.path) == logs(whole_run)
    same_weights(checkpoints(whole_run)[-1], checkpoints(first.run_dir.path)[-1])


def test_two_processes_never_live_one_run(tmp_path):
    first = open_run(world(), tmp_path)
    first.run(should_stop=lambda: first.world.generation >= 2)
    path, before = first.run_dir.path, logs(first.run_dir.path)
    held = resume_run(path)
    other = f"from pathlib import Path; from evolora.build import resume_run; resume_run(Path({str(path)!r}))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, env=environment)
    assert done.returncode and "expected nobody else to live this run" in done.stderr
    assert logs(path) == before
    held.close()
    assert subprocess.run([sys.executable, "-c", other], env=environment).returncode == 0


def test_a_run_that_is_to_live_longer_remembers_it(tmp_path):
    simulation = open_run(world(generations=2), tmp_path)
    simulation.run()
    path = simulation.run_dir.path
    longer = resume_run(path, generations=5)
    assert longer.run(should_stop=lambda: longer.world.generation >= 3).end == "stopped"
    assert resume_run(path).run().end == "finished"
    assert [row["generation"] for row in rows(path, METRICS)] == [1, 2, 3, 4, 5]
    assert resume_run(path, generations=1).run().end == "finished"
    assert yaml.safe_load((path / "world.yaml").read_text())["generations"] == 5


@pytest.mark.parametrize("line", ["5", "null", "{}", "{", "[" * 100_000])
def test_a_damaged_line_of_events_is_named(whole_run, tmp_path, line):
    path = tmp_path / "run"
    shutil.copytree(whole_run, path)
    lines = (path / EVENTS).read_text().splitlines()
    (path / EVENTS).write_text("\n".join([*lines[:2], line, *lines[3:]]) + "\n")
    with pytest.raises(RunFolderError, match="line 3: expected an event"):
        RunDir.open(path).read(EVENTS)


def test_a_copy_of_a_checkpoint_under_another_name_is_left_alone(tmp_path):
    simulation = open_run(world(generations=2), tmp_path)
    simulation.run()
    path = simulation.run_dir.path
    mine = path / "checkpoint-000002-backup"
    shutil.copytree(path / "checkpoint-000002", mine)
    assert checkpoints(path)[-1].name == "checkpoint-000002"
    resume_run(path, generations=6).run()
    assert mine.is_dir()


def same_weights(one: Path, other: Path) -> None:
    assert (one / "weights.safetensors").read_bytes() == (other / "weights.safetensors").read_bytes()
    states = [json.loads((path / "state.json").read_text()) for path in (one, other)]
    for state in states:
        state["log_sizes"].pop("timing.jsonl")  # holds seconds
    assert states[0] == states[1]


def test_killed_while_writing_a_checkpoint_loses_nothing(whole_run, tmp_path):
    """A child process is killed -9 between the checkpoint's files; the half-written folder must not count."""
    (tmp_path / "puddle.yaml").write_text(yaml.safe_dump(SETTINGS))
    script = f"""
import os, signal
from pathlib import Path
from evolora.build import open_run
from evolora.config.load import load_world
from evolora.record import checkpoint
save = checkpoint.save_file
def killed(tensors, path):
    save(tensors, path)
    if "000004" in str(path):
        os.kill(os.getpid(), signal.SIGKILL)
checkpoint.save_file = killed
open_run(load_world({str(tmp_path / "puddle.yaml")!r}), Path({str(tmp_path)!r})).run()
"""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": path}, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    run = next(p for p in tmp_path.iterdir() if p.is_dir())
    assert len(rows(run, METRICS)) == 4 and checkpoints(run)[-1].name == "checkpoint-000002"
    resume_run(run).run()
    assert logs(run) == logs(whole_run)


def test_ctrl_c_finishes_the_generation_saves_and_says_how_to_resume(whole_run, tmp_path):
    (tmp_path / "puddle.yaml").write_text(yaml.safe_dump({**SETTINGS, "generations": 100_000}))
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    command = [
        sys.executable,
        "-m",
        "evolora",
        "simulate",
        str(tmp_path / "puddle.yaml"),
        "--out",
        str(tmp_path / "runs"),
    ]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list((tmp_path / "runs").glob("*/encounters/generation-000002.parquet")):
        assert process.poll() is None and time.monotonic() < deadline, process.stdout.read()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    run = next((tmp_path / "runs").iterdir())
    assert process.returncode == 130
    assert "--resume" in output and run.name in output
    lived = len(rows(run, METRICS))
    assert int(checkpoints(run)[-1].name[-6:]) == lived
    shared = min(lived, 6)
    assert rows(run, METRICS)[:shared] == rows(whole_run, METRICS)[:shared]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("No space left on device")])
def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays_good(tmp_path, monkeypatch, error):
    simulation = open_run(world(), tmp_path)
    save = checkpoint_module.save_file

    def full(tensors, path):
        if "000004" in str(path):
            raise error
        save(tensors, path)

    monkeypatch.setattr(checkpoint_module, "save_file", full)
    with pytest.raises(RunFolderError, match=r"No space left on device.*--resume.*checkpoint-000002"):
        simulation.run()
    assert load_checkpoint(checkpoints(simulation.run_dir.path)[-1])[0].generation == 2
    assert not list(simulation.run_dir.path.glob(".checkpoint*"))


def test_a_damaged_checkpoint_is_refused_with_a_remedy(tmp_path):
    simulation = open_run(world(generations=2), tmp_path)
    simulation.run()
    weights = checkpoints(simulation.run_dir.path)[-1] / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(RunFolderError, match="remove it to resume"):
        resume_run(simulation.run_dir.path)


def test_weights_that_are_not_finite_score_nothing_and_the_world_goes_on(tmp_path):
    simulation = open_run(world(generations=2), tmp_path)
    sick = next(iter(simulation.world.population))
    next(iter(sick.genome.factors.values())).b.fill_(float("nan"))
    simulation.run()
    first = rows(simulation.run_dir.path, METRICS)[0]
    assert sum(first["faults"].values()) == 6  # its 2 x 3 answers
    assert first["num_living"] >= 5


def test_neutral_selection_settles_on_random_accounts_and_keeps_the_books(tmp_path):
    simulation = open_run(world(selection="neutral", learning={"method": "none"}), tmp_path)
    simulation.run()
    metrics = rows(simulation.run_dir.path, METRICS)
    assert all(row["residual"] == 0 and row["num_learners"] == 0 for row in metrics)


def test_darwinian_children_do_not_inherit_what_was_learnt(tmp_path):
    simulation = open_run(world(learning={"inheritance": "darwinian"}, generations=2), tmp_path)
    simulation.run()
    learners = [o for o in simulation.world.population if o.learnt is not None]
    assert learners
    for organism in learners:
        assert simulation.rules.heredity.heritable(organism) is organism.genome


def test_an_extinct_world_ends_with_its_record(tmp_path):
    simulation = open_run(world(energy={"upkeep": 50.0}), tmp_path)
    assert simulation.run().end == "extinct"
    assert rows(simulation.run_dir.path, METRICS)[-1]["num_living"] == 0


def test_unknown_operators_are_refused_by_name():
    with pytest.raises(ConfigError, match="gausian"):
        build_rules(world(reproduction={"mutation": {"gausian": 1.0}}))


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="--out"):
        open_run(world(), tmp_path / "file")


def test_resuming_what_is_no_run_says_so(tmp_path):
    with pytest.raises(RunFolderError, match="expected a run folder"):
        RunDir.open(tmp_path)


def test_checkpoints_round_trip_byte_for_byte(tmp_path):
    simulation = open_run(world(generations=3), tmp_path)
    simulation.run()
    last = checkpoints(simulation.run_dir.path)[-1]
    loaded, sizes = load_checkpoint(last)
    again = save_checkpoint(loaded, sizes, tmp_path, keep=1)
    for name in ("state.json", "weights.safetensors"):
        assert (again / name).read_bytes() == (last / name).read_bytes()
