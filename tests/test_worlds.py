"""Every shipped world parses, builds on a tiny host and lives a generation."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evolora.blueprint import build_rules
from evolora.build import open_run
from evolora.config.load import load_world
from evolora.forecast import plan
from evolora.record.run_dir import METRICS

WORLDS = sorted(Path(__file__).parents[1].joinpath("worlds").glob("*.yaml"))
SMALL = [
    "host.name=tiny-llama", "host.device=cpu", "host.dtype=float32", "generations=1", "population.founders=1",
    "encounters.visits=2", "traits.rank.founders=[4,4]",
]  # fmt: skip


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.stem)
def test_a_shipped_world_lives_a_generation_on_a_tiny_host(path, tmp_path):
    simulation = open_run(load_world(str(path), SMALL), tmp_path)
    assert simulation.run().generation == 1


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.stem)
def test_a_shipped_world_opens_with_its_command_and_its_cost(path):
    head = path.read_text().split("name:")[0]
    assert f"evolora simulate {path.stem}" in head
    assert "Override:" in head and "Cost:" in head and "Shows" in head


def test_there_are_the_worlds_the_readme_names():
    names = {path.stem for path in WORLDS}
    petri = {"learning_only", "neutral", "no_economy", "no_learning", "no_merging", "random_death"}  # ablations
    petri |= {"rising", "catastrophe", "colonies", "costly_colonies", "archive"}
    assert names == {
        "tidepool",
        "drift",
        "learning_only",
        "solo",
        "pulse",
        "tides",
        "tides_gold",
        "petri",
        *(f"petri_{name}" for name in petri),
    }


@pytest.mark.parametrize("path", [path for path in WORLDS if path.stem.startswith("petri")], ids=lambda path: path.stem)
def test_a_petri_world_lives_on_its_own_host_and_its_books_are_exact(path, tmp_path):
    small = ["host.threads=1", "generations=3", "population.founders=10", "population.capacity=12", "record.elites=0"]
    simulation = open_run(load_world(str(path), small), tmp_path)
    simulation.run()
    rows = [json.loads(line) for line in (simulation.run_dir.path / METRICS).read_text().splitlines()]
    assert len(rows) == 3 and all(row["residual"] == 0 for row in rows)
    assert sum(row["mean_score"] for row in rows) > 0.05  # the host knows something


def switches(name):
    """What a shipped petri world's rules say, on the tiny host."""
    return build_rules(load_world(str(WORLDS[0].with_name(f"{name}.yaml")), SMALL))


def test_each_ablation_switches_off_what_its_name_says():
    whole = switches("petri")
    assert whole.learning and whole.economy and not whole.neutral and not whole.random_death
    assert whole.breeder is not None and whole.breeder.merge_prob > 0 and whole.survival.insolvency
    assert not switches("petri_no_learning").learning
    assert not switches("petri_no_economy").economy
    assert switches("petri_neutral").neutral
    assert switches("petri_random_death").random_death
    assert switches("petri_no_merging").breeder.merge_prob == 0
    alone = switches("petri_learning_only")
    assert alone.learning and alone.breeder is None and not alone.survival.insolvency
    assert switches("petri_rising").difficulty.rule == "success" and len(switches("petri_rising").ladders) == 4
    assert {extinction.by for extinction in switches("petri_catastrophe").extinctions} == {
        "random", "poorest", "clade", "niche",
    }  # fmt: skip


def test_a_dry_run_measures_a_generation_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = dict(plan(load_world(str(WORLDS[-1]), SMALL)).rows)
    assert rows["host"].startswith("tiny-llama")
    assert {"tokens", "memory", "time"} <= set(rows)
    assert not list(tmp_path.iterdir())


def test_the_worlds_of_colonies_differ_in_what_passing_a_task_on_costs():
    cheap, costly = switches("petri_colonies"), switches("petri_costly_colonies")
    assert cheap.forager.even and costly.forager.even and switches("petri").colonies is None
    most = cheap.diet.answers_per_task * max(niche.price for niche in cheap.niches)
    assert cheap.colonies.forwarding.cost < 0.05 * most < costly.colonies.forwarding.cost
    assert replace(costly.colonies, forwarding=cheap.colonies.forwarding) == cheap.colonies
