"""The bench on a tiny host: every case does the work it is named for."""

import json

import pytest
import torch
from typer.testing import CliRunner

from evolora import benchmark
from evolora.benchmark import PARTS, Bench, affordable_rows, lived_prompts, sized
from evolora.cli.app import app, main
from evolora.evaluation.bench import (
    NEW_TOKENS,
    Case,
    answering_cases,
    learning_case,
    make_genomes,
    make_lessons,
    make_prompts,
    time_cases,
)
from evolora.evaluation.bench_peft import PeftPopulation
from evolora.host.load import load_host


@pytest.fixture(scope="module")
def evaluator():
    return Bench("tiny-llama", "float32", "all", ("q_proj", "o_proj", "down_proj"), 1).open()


def test_ratios_are_speeds_against_the_named_case():
    def busy(amount):
        return lambda: sum(range(amount)) and 10  # tokens

    slow, fast = Case("slow", busy(3_000_000)), Case("fast", busy(30_000), against="slow", slow=True)
    timings = {timing.name: timing for timing in time_cases([slow, fast], rounds=3)}
    assert timings["slow"].ratio is None and timings["slow"].rounds == 3
    assert timings["fast"].rounds == 1
    assert timings["fast"].ratio == pytest.approx(timings["slow"].seconds / timings["fast"].seconds)
    assert timings["fast"].ratio > 5


def test_every_answering_case_processes_the_same_tokens(evaluator):
    prompts = make_prompts(evaluator, [5, 9, 7, 6])
    for samples in (1, 3):
        cases = answering_cases(evaluator, "four prompts", prompts, (1, 2), samples)
        assert {case.run() for case in cases} == {27 + 4 * samples * NEW_TOKENS}


def test_visits_are_those_that_founders_of_a_shipped_world_make(evaluator):
    prompts, openings = lived_prompts(evaluator, 4, 6)
    assert len(prompts) == len(openings) == 24
    assert 4 < len(set(prompts)) < 24, "several meet the same task"
    beginnings = {prompt[:opening] for prompt, opening in zip(prompts, openings, strict=True)}
    assert 1 < len(beginnings) < len(set(prompts)), "tasks of a niche open alike"
    assert (prompts, openings) == lived_prompts(evaluator, 4, 6)
    cases = answering_cases(evaluator, "24 visits", prompts, (1, 4), openings=openings)
    assert {case.run() for case in cases} == {sum(map(len, prompts)) + 24 * NEW_TOKENS}


def test_peft_answers_as_the_bank_does(evaluator):
    """Both are given the same genomes, so that their times are of the same work."""
    host = load_host("tiny-llama", "cpu", "float32")
    population = PeftPopulation(host, evaluator.sites, 3)
    genomes = make_genomes(evaluator.sites, 3)
    ids = torch.tensor([[5, 9, 7, 6, 12]])
    for number, genome in enumerate(genomes):
        population._model.set_adapter(str(number))
        with torch.no_grad():
            theirs = population._model(input_ids=ids).logits
        plain = load_host("tiny-llama", "cpu", "float32").model
        for site in genome.factors:
            plain.get_submodule(site).weight.data += genome.delta(site)
        torch.testing.assert_close(theirs, plain(input_ids=ids).logits, rtol=1e-4, atol=1e-4)


def test_learning_cases_process_the_same_lessons(evaluator):
    ours = learning_case(evaluator, 2, 3)
    population = PeftPopulation(load_host("tiny-llama", "cpu", "float32"), evaluator.sites, 2)
    theirs = population.learning_case(make_lessons(evaluator, 2, 3), ours.name)
    assert ours.run() == theirs.run() > 0
    assert theirs.against == ours.name


SMALL = Bench("tiny-llama", "float32", "all", ("q_proj", "o_proj"), 1, rows=4, adapters=2, populations=(2, 4), crowd=6)


def test_a_slow_machine_is_given_less_to_do(monkeypatch):
    bench = Bench("tiny-llama", "float32", "all", ("q_proj", "o_proj"), 1)
    monkeypatch.setattr(benchmark, "_A_BATCH", 1e6)
    assert affordable_rows(bench) == bench.rows == 64 and sized(bench, 64) == bench
    monkeypatch.setattr(benchmark, "_A_BATCH", 0.0)
    assert affordable_rows(bench) == 8
    quarter = sized(bench, 16)
    assert (quarter.rows, quarter.adapters, quarter.populations, quarter.crowd) == (16, 8, (8, 32, 128), 128)
    assert sized(bench, 8).populations == (8, 32)


@pytest.mark.parametrize("name", sorted(set(PARTS) - {"ray"}))
def test_every_part_has_figures_of_what_it_is_named_for(name):
    part = PARTS[name](SMALL)
    assert all(timing.seconds > 0 and timing.tokens_per_second > 0 for timing in part.timings)
    assert part.timings or part.figures
    json.dumps(part.to_row(), allow_nan=False)


def test_the_overhead_is_what_the_evaluator_did_not_take():
    figures = PARTS["overhead"](SMALL).figures
    assert figures["organisms"] == 6
    assert 0 < figures["share that is not the host's"] < 1


def test_an_episode_of_every_organism_is_answered():
    small, large = PARTS["scale"](SMALL).timings
    assert (small.name, large.name) == ("2 organisms, an episode each", "4 organisms, an episode each")
    assert small.against == large.name  # the second population is the one all are compared with
    assert large.ratio is None


def test_ray_workers_are_timed_beside_this_process():
    names = [timing.name for timing in PARTS["ray"](SMALL).timings]
    assert names == [
        "2 organisms, here",
        "2 organisms, Ray, 1 worker of one thread",
        "2 organisms, here",
        "2 organisms, Ray, 2 workers of one thread",
    ]


def test_the_command_writes_its_figures_as_json(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "_A_BATCH", 1e6)  # however busy the machine is
    where = tmp_path / "bench.json"
    options = ["--host", "tiny-llama", "--dtype", "float32", "--rounds", "1", "--part", "format", "--json"]
    result = CliRunner().invoke(app, ["bench", *options, str(where)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "format: tiny-llama, cpu, bfloat16" in result.output
    assert all(timing["seconds"] > 0 for timing in json.loads(where.read_text())["format"]["timings"])
    assert "too long" not in result.output


def test_the_command_says_where_it_times_less(monkeypatch):
    monkeypatch.setattr(benchmark, "_A_BATCH", 0.0)
    options = ["--host", "tiny-llama", "--dtype", "float32", "--rounds", "1", "--part", "format"]
    result = CliRunner().invoke(app, ["bench", *options], catch_exceptions=False)
    assert "64 prompts at a time would take this machine too long: 8 (--rows 64 for all)" in result.output
    assert "8 prompts of 64 tokens" in result.output
    result = CliRunner().invoke(app, ["bench", *options, "--rows", "6"], catch_exceptions=False)
    assert "too long" not in result.output and "6 prompts of 64 tokens" in result.output


def test_an_unknown_part_is_refused_with_the_parts_there_are(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["evolora", "bench", "--part", "speed"])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "--part: expected answering, peft, format, scale, overhead, ray, got speed" in capsys.readouterr().err
