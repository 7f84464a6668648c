"""Ray: the same bytes as one process, lost workers, and nothing left behind. One cluster for all tests here."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path

import pytest
import ray
import yaml
from engine import random_genome
from ray.exceptions import OutOfMemoryError
from test_local import encounter
from test_simulation import SETTINGS, logs, rows, world

from evolora.build import open_run, resume_run
from evolora.errors import HostError, WorkerError
from evolora.evaluation.evaluator import Evaluator
from evolora.evaluation.local import LocalSetup
from evolora.evaluation.parcels import pack
from evolora.evaluation.ray_pool import RayEvaluator
from evolora.evaluation.ray_pool.cluster import connect
from evolora.evaluation.ray_pool.crew import REPLACEMENTS, Job
from evolora.evaluation.ray_pool.seat import Seat
from evolora.organism.learning import Learner, Lesson
from evolora.record.checkpoint import checkpoints
from evolora.record.run_dir import METRICS, PORTFOLIO
from evolora.simulation import Simulation

MODULES = ("q_proj", "v_proj", "o_proj", "up_proj", "down_proj")
SETUP = LocalSetup("tiny-llama", "cpu", "float32", 1, MODULES, "all", "Answer only.", 8192, 4096, 1.0)  # as SETTINGS


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    connection = connect(None, num_cpus=4)
    yield
    connection.close()


@pytest.fixture(scope="module")
def pair(cluster) -> Iterator[RayEvaluator]:
    evaluator = RayEvaluator(SETUP, 2)
    yield evaluator
    evaluator.close()


def living_on(evaluator: Evaluator, folder: Path, **changes) -> Simulation:
    simulation = open_run(world(**changes), folder)
    simulation.evaluator = evaluator
    return simulation


def kill_in_mid_call(pids: list[int]) -> threading.Thread:
    """Stop processes now, so that they cannot answer, and kill -9 them once they have been asked."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    thread = threading.Timer(0.3, lambda: [os.kill(pid, signal.SIGKILL) for pid in pids])
    thread.start()
    return thread


def fill(evaluator: RayEvaluator) -> None:
    """Let every seat be taken, however slowly workers start beside other work."""
    deadline = time.monotonic() + 600
    while any(seat.actor is None for seat in evaluator.crew.seats):
        assert time.monotonic() < deadline, evaluator.crew.losses
        evaluator.crew.replace_lost()


def process_ids(evaluator: RayEvaluator) -> list[int]:
    return [seat.process_id for seat in evaluator.crew.seats]


@pytest.fixture(scope="module")
def local_logs(tmp_path_factory) -> dict[str, tuple[bytes, bytes, bytes]]:
    """Of whole runs in one process, by way of learning. Founders sample, so sampling is compared too."""
    kept = {}
    for method in ("reinforce", "evolution"):
        simulation = open_run(learning_world(method), tmp_path_factory.mktemp(method))
        simulation.run()
        kept[method] = logs(simulation.run_dir.path)
    return kept


def learning_world(method: str):
    return world(learning={"method": method, "pairs": 2, "perturbation_scale": 0.1})


@pytest.mark.parametrize("method", ["reinforce", "evolution"])
def test_two_workers_live_the_same_history_byte_for_byte(pair, local_logs, method, tmp_path):
    simulation = open_run(learning_world(method), tmp_path)
    simulation.evaluator = pair
    simulation.run()
    assert logs(simulation.run_dir.path) == local_logs[method]
    assert any(row["num_learners"] for row in rows(simulation.run_dir.path, METRICS))


def test_one_worker_lives_the_same_history_byte_for_byte(cluster, local_logs, tmp_path):
    evaluator = RayEvaluator(SETUP, 1)
    simulation = living_on(evaluator, tmp_path)
    simulation.run()
    assert logs(simulation.run_dir.path) == local_logs["reinforce"]
    simulation.close()


def test_workers_hold_the_exams_of_one_process(pair, tmp_path):
    exam = {"size": 2, "candidates": 4, "selection_tasks": 3, "held_out_tasks": 4}
    record = {"portfolio_every": 2, "portfolio": exam}
    here = open_run(world(record=record, generations=3), tmp_path)
    here.run()
    there = living_on(pair, tmp_path, record=record, generations=3)
    there.run()
    held = [(run.run_dir.path / PORTFOLIO).read_bytes() for run in (here, there)]
    assert held[0] == held[1] and held[0].count(b"\n") == 2
    assert logs(here.run_dir.path) == logs(there.run_dir.path)


def test_answers_come_in_the_order_asked_and_unlearnt_genomes_come_back_themselves(pair):
    local = SETUP.open()
    genomes = {i: random_genome(local.sites, seed=i, size=0.3) for i in range(9)}
    encounters = [encounter(i, f"question {i % 4}") for i in (8, 3, 3, 0, 7, 1, 2, 6, 5, 4)]
    given = pair.answer(genomes, encounters)
    assert [[a.token_ids for a in own] for own in given] == [
        [a.token_ids for a in own] for own in local.answer(genomes, encounters)
    ]
    flat = Lesson(3, (5, 6), ((7, 8), (9,)), (0.0, 0.0), 1.0)
    learnt = pair.learn({i: Learner(genomes[i], None) for i in (5, 3)}, [flat])
    assert list(learnt) == [5, 3] and all(learnt[i].genome is genomes[i] for i in learnt)


def test_weights_travel_once(pair, monkeypatch):
    genomes = {i: random_genome(pair.facts.sites, seed=50 + i) for i in range(6)}
    sent: list[int] = []
    submit = pair.crew._submit

    def counted(job, seat):
        sent.append(sum(not seat.knows(digest) for digest in job.weights))
        return submit(job, seat)

    monkeypatch.setattr(pair.crew, "_submit", counted)
    encounters = [encounter(i) for i in genomes]
    pair.answer(genomes, encounters)
    assert sum(sent) == 6
    pair.answer(genomes, encounters)
    assert sum(sent) == 6
    genomes[0] = random_genome(pair.facts.sites, seed=99)
    pair.answer(genomes, encounters)
    assert sum(sent) == 7


def test_weights_that_a_full_shelf_let_go_travel_again_beside_new_ones(pair):
    genomes = {i: random_genome(pair.facts.sites, seed=60 + i, size=0.3) for i in range(4)}
    for seat in pair.crew.seats:  # as if each had had one of its two, and let it go since
        seat.holds(pack(genomes[i].factors).digest for i in (0, 1))
    encounters = [encounter(i) for i in genomes]
    given = pair.answer(genomes, encounters)
    expected = SETUP.open().answer(genomes, encounters)
    assert [[a.token_ids for a in own] for own in given] == [[a.token_ids for a in own] for own in expected]


def test_a_seat_remembers_the_digests_named_last(monkeypatch):
    monkeypatch.setattr("evolora.evaluation.ray_pool.seat.MOST_KNOWN", 3)
    seat = Seat()
    seat.holds("abc")
    seat.holds("ad")
    assert [seat.knows(digest) for digest in "abcd"] == [True, False, True, True]
    seat.lacks("cx")
    assert not seat.knows("c") and seat.knows("a")
    seat.take("somebody else", 7)
    assert not seat.knows("a")


def kill_one_and_compare(evaluator: RayEvaluator, seed: int) -> None:
    """A worker dies with its shard in hand; the answers are those of one process all the same."""
    local = SETUP.open()
    genomes = {i: random_genome(local.sites, seed=100 * seed + i, size=0.3) for i in range(8)}
    encounters = [encounter(i, f"question {i}") for i in genomes]
    expected = [[a.token_ids for a in own] for own in local.answer(genomes, encounters)]
    fill(evaluator)
    before, losses = process_ids(evaluator), len(evaluator.crew.losses)
    thread = kill_in_mid_call([before[seed % 2]])
    given = evaluator.answer(genomes, encounters)
    thread.join()
    assert [[a.token_ids for a in own] for own in given] == expected
    assert len(evaluator.crew.losses) == losses + 1
    fill(evaluator)
    after = process_ids(evaluator)
    assert after[1 - seed % 2] == before[1 - seed % 2] and after[seed % 2] != before[seed % 2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_the_kill_test_passes_every_time(pair, seed):
    kill_one_and_compare(pair, seed)


def test_a_run_that_loses_workers_in_mid_generation_has_the_history_of_one_that_did_not(pair, local_logs, tmp_path):
    simulation = living_on(pair, tmp_path)
    for generation, seat in ((2, 0), (4, 1)):
        simulation.run(should_stop=lambda generation=generation: simulation.world.generation >= generation)
        before, losses = process_ids(pair), len(pair.crew.losses)
        thread = kill_in_mid_call([before[seat]])
        simulation.run(should_stop=lambda generation=generation: simulation.world.generation > generation)
        thread.join()
        assert len(pair.crew.losses) == losses + 1 and process_ids(pair)[1 - seat] == before[1 - seat]
    simulation.run()
    assert logs(simulation.run_dir.path) == local_logs["reinforce"]


def test_with_all_workers_gone_the_run_is_saved_says_so_and_goes_on_later(pair, local_logs, tmp_path):
    simulation = living_on(pair, tmp_path, record={"checkpoint_every": 100})
    simulation.run(should_stop=lambda: simulation.world.generation >= 3)
    fill(pair)
    thread = kill_in_mid_call(process_ids(pair))
    with pytest.raises(WorkerError, match=r"all 2 are gone.*saved after generation 3.*--resume") as caught:
        simulation.run()
    thread.join()
    assert "\n" not in str(caught.value)
    assert checkpoints(simulation.run_dir.path)[-1].name == "checkpoint-000003"
    resumed = resume_run(simulation.run_dir.path)
    resumed.run()
    assert logs(resumed.run_dir.path) == local_logs["reinforce"]


def test_a_worker_that_hangs_is_let_go_and_its_shard_is_done_again(pair, monkeypatch):
    monkeypatch.setattr("evolora.evaluation.ray_pool.crew.SILENCE_SECONDS", 30.0)
    local = SETUP.open()
    genomes = {i: random_genome(local.sites, seed=300 + i, size=0.3) for i in range(4)}
    encounters = [encounter(i, f"question {i}") for i in genomes]
    fill(pair)
    losses = len(pair.crew.losses)
    os.kill(process_ids(pair)[0], signal.SIGSTOP)
    given = pair.answer(genomes, encounters)
    expected = local.answer(genomes, encounters)
    assert [[a.token_ids for a in own] for own in given] == [[a.token_ids for a in own] for own in expected]
    assert len(pair.crew.losses) == losses + 1 and "no answer from any worker for 30 s" in pair.crew.losses[-1]


def test_a_successor_with_another_host_is_sent_away_and_the_seat_stays_empty_in_the_end(pair, monkeypatch):
    fill(pair)
    before, losses = process_ids(pair), len(pair.crew.losses)
    kill_in_mid_call([before[1]]).join()
    genomes = {i: random_genome(pair.facts.sites, seed=i) for i in range(2)}
    monkeypatch.setattr(pair.crew, "_setup", replace(SETUP, dtype="bfloat16"))
    while pair.crew.seats[1].failures < REPLACEMENTS:
        pair.answer(genomes, [encounter(i) for i in genomes])
    pair.answer(genomes, [encounter(i) for i in genomes])
    told = pair.crew.losses[losses:]
    assert len(told) == 1 + REPLACEMENTS, told
    assert all("same host, got dtype float32 on one and bfloat16 on another" in line for line in told[1:])
    assert pair.crew.seats[0].actor is not None and pair.crew.seats[1].actor is None
    pair.crew.seats[1].failures = 0


@pytest.mark.parametrize(
    ("error", "told"), [(RuntimeError("not enough memory: you tried"), "RuntimeError: not enough memory"),
                        (OSError("no space left"), "OSError: no space left")]
)  # fmt: skip
def test_what_a_workers_machine_lacks_is_a_line_that_saves_the_run(pair, error, told):
    class Careless:  # in here, so that it travels by value
        def answer(self, error: Exception) -> None:
            raise error

    careless = ray.remote(Careless).options(num_cpus=0).remote()
    with pytest.raises(WorkerError, match=f"expected a worker to do its work, got {told}.*memory, disk and libraries"):
        pair.crew.run([Job(0, {}, lambda actor, _: careless.answer.remote(error))])


def test_a_page_that_ends_several_workers_for_want_of_memory_is_not_given_to_all(pair, monkeypatch):
    def squeezed(reference, timeout=None):
        raise OutOfMemoryError("the node was running low on memory")

    fill(pair)
    crew = copy(pair.crew)
    crew.seats, crew.losses = [Seat(object(), number) for number in range(5)], []
    monkeypatch.setattr("evolora.evaluation.ray_pool.crew._result", squeezed)
    monkeypatch.setattr("ray.kill", lambda actor: None)
    done = ray.put("whatever")
    with pytest.raises(WorkerError, match=r"lost 3 in turn: OutOfMemoryError.*max_batch_tokens"):
        crew.run([Job(0, {}, lambda actor, _: done)])
    assert len(crew.losses) == 3


@pytest.mark.slow
def test_a_host_that_workers_cannot_load_is_the_users_line(cluster):
    broken = LocalSetup("tiny-llama", "cpu", "float32", 1, ("no_proj",), "all", "", 4096, 4096, 1.0)
    with pytest.raises(HostError, match="no_proj") as caught:
        RayEvaluator(broken, 1)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(("address", "got"), [("127.0.0.1:1", "refused"), ("nonsense", "no HOST:PORT")])
def test_an_address_without_a_cluster_is_the_users_line(address, got, monkeypatch):
    monkeypatch.setattr("ray.is_initialized", lambda: False)  # as in a process of its own
    with pytest.raises(WorkerError, match=f"--ray-address {address}: expected a Ray cluster, got .*{got}"):
        connect(address, num_cpus=1)


def test_more_workers_than_the_cluster_has_room_for_are_refused_at_once(cluster):
    with pytest.raises(WorkerError, match="expected a Ray cluster with 50 CPUs for 50 workers, got 4"):
        RayEvaluator(SETUP, 50)


def descendants(pid: int) -> set[int]:
    """Process ids of the children of `pid`, and theirs."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = {int(child): int(parent) for child, parent in (line.split() for line in table.splitlines())}
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return found - {pid}


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if Path(f"/proc/{pid}/status").exists() and "zombie" not in
            Path(f"/proc/{pid}/status").read_text()}  # fmt: skip


def live_in_a_terminal(folder: Path, generations: int, workers: int = 2) -> "subprocess.Popen[str]":
    """`evolora simulate --workers N` in a process group of its own, as a shell starts it."""
    (folder / "puddle.yaml").write_text(yaml.safe_dump({**SETTINGS, "generations": generations}))
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    command = ["-m", "evolora", "simulate", "puddle.yaml", "--workers", str(workers), "--out", "runs"]
    return subprocess.Popen(
        [sys.executable, *command], cwd=folder, start_new_session=True, text=True,
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for_generation(folder: Path, number: int, process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 120
    while not list((folder / "runs").glob(f"*/encounters/generation-{number:06d}.parquet")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)


def expect_nobody(pids: set[int]) -> None:
    deadline = time.monotonic() + 10
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert pids and not alive(pids)


RAY_TALKS = re.compile(r"raylet|ray::|INFO|WARNING|Traceback|/tmp/ray", re.IGNORECASE)


def test_ctrl_c_in_the_terminal_saves_ends_every_process_and_shows_no_line_of_rays(tmp_path):
    process = live_in_a_terminal(tmp_path, 100_000, workers=1)  # a second one would only take longer to start
    wait_for_generation(tmp_path, 2, process)
    started = descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "--resume" in errors
    assert not RAY_TALKS.search(output + errors), output + errors
    expect_nobody(started)


@pytest.mark.slow
def test_losing_all_workers_is_one_line_and_exit_code_2_and_leaves_nobody(tmp_path):
    process = live_in_a_terminal(tmp_path, 100_000)
    wait_for_generation(tmp_path, 2, process)
    started = descendants(process.pid)
    table = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    workers = [int(row.split()[0]) for row in table.splitlines() if "ray::Worker" in row]
    kill_in_mid_call([pid for pid in workers if pid in started])
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2, errors
    assert [line.startswith("error: ") for line in errors.splitlines()] == [True] and "--resume" in errors
    assert not RAY_TALKS.search(output), output
    expect_nobody(started)


@pytest.mark.slow
def test_a_finished_run_leaves_nobody(tmp_path):
    process = live_in_a_terminal(tmp_path, 3)
    wait_for_generation(tmp_path, 1, process)
    started = descendants(process.pid)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0 and not RAY_TALKS.search(output + errors), output + errors
    expect_nobody(started)
