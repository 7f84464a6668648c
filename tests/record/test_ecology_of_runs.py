"""The row of ecology in real runs of a tiny host."""

import json
from pathlib import Path

import pytest
from phylotrackpy import systematics
from puddle import toy_niches, world

from evolora.build import open_run, resume_run
from evolora.record.run_dir import METRICS

WORLD = world(
    generations=7,
    niches=toy_niches("first", "second"),
    reproduction={"threshold": 4.0, "endowment": 2.0, "merge_prob": 0.0},
    learning={"method": "none"},
    record={"checkpoint_every": 2, "ecology_every": 3, "elites": 0},
)


@pytest.fixture(scope="module")
def puddle(tmp_path_factory) -> Path:
    simulation = open_run(WORLD, tmp_path_factory.mktemp("puddle"))
    simulation.run()
    return simulation.run_dir.path


def ecology(run: Path) -> list[dict[str, float | None]]:
    return [json.loads(line)["ecology"] for line in (run / METRICS).read_text().splitlines()]


def test_costly_measures_are_taken_at_their_interval_and_in_the_last_generation(puddle):
    rows = ecology(puddle)
    taken = [generation for generation, row in enumerate(rows, 1) if row["adapter_hill_1"] is not None]
    assert taken == [3, 6, 7]
    assert all(1 <= rows[generation - 1]["adapter_hill_1"] <= 8 for generation in taken)
    assert all(row["lineage_hill_1"] is not None and row["energy_gini"] is not None for row in rows)


def test_the_measures_agree_with_the_rest_of_the_row(puddle):
    for line in (puddle / METRICS).read_text().splitlines():
        row = json.loads(line)
        assert row["ecology"]["phylogeny_roots"] == row["ecology"]["lineage_hill_0"]  # no merges: one root a lineage
        assert 0 <= row["ecology"]["oracle_gap"] <= row["ecology"]["oracle_score"] <= 1
        if row["ecology"]["coverage_all"] == 1.0:
            assert row["mean_score"] > 0


def test_a_run_stopped_between_snapshots_goes_on_with_the_same_rows(puddle, tmp_path):
    first = open_run(WORLD, tmp_path)
    first.run(should_stop=lambda: first.world.generation >= 4)
    resume_run(first.run_dir.path).run()
    assert (first.run_dir.path / METRICS).read_bytes() == (puddle / METRICS).read_bytes()


def test_a_world_without_merges_has_a_phylogeny_that_phylotrackpy_reads(puddle):
    tracker = systematics.Systematics(lambda own: own, True, True, False, False)
    tracker.load_from_file(str(puddle / "phylogeny.csv"), "id", False)
    living = [line for line in (puddle / "phylogeny.csv").read_text().splitlines() if ",inf," in line]
    assert tracker.get_num_active() == len(living) > 0
