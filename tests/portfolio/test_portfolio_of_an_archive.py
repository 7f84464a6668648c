"""A portfolio chosen out of an archive: dead elites among its candidates, every kind represented."""

import json
from dataclasses import replace

import pytest
import torch
import typer
from sheets import small_petri
from typer.testing import CliRunner

from evolora.build import open_run
from evolora.cli.portfolio import portfolio as command
from evolora.config.archive import ArchiveConfig, AxisConfig
from evolora.errors import RunFolderError
from evolora.portfolio import archived
from evolora.portfolio.archived import VERSIONS, candidates_of_archive
from evolora.portfolio.examine import candidates_of_run
from evolora.portfolio.folder import INDEX
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.residents import open_archive

AXES = [AxisConfig(behaviour="trade"), AxisConfig(behaviour="answer_tokens", bounds=(1.0, 7.0), bins=6)]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    archive = ArchiveConfig(enabled=True, axes=AXES, least_tasks=4)
    config = small_petri(archive=archive, generations=6)
    config = config.model_copy(update={"death": config.death.model_copy(update={"max_age": 3})})
    simulation = open_run(config, tmp_path_factory.mktemp("runs"))
    simulation.run()
    return simulation.run_dir.path


def test_candidates_are_the_elites_of_the_checkpoint_each_version_of_an_organism_once(run):
    elites = open_archive(run)
    found = candidates_of_archive(run, most=99)
    versions = {(elite.organism.id, elite.generation) for elite in elites}
    assert len(found) == len(versions)
    living = set(load_checkpoint(checkpoints(run)[-1])[0].population.ids)
    owners = {identity % VERSIONS for identity in found}
    assert owners == {identity for identity, _ in versions}
    assert owners - living  # some are dead, and no candidates among the living
    assert not (owners - living) & set(candidates_of_run(run, 99))
    for identity, genome in found.items():
        own = [elite for elite in elites if elite.organism.id == identity % VERSIONS]
        first = max(own, key=lambda elite: (elite.objective, -elite.cell)).generation
        generation = identity // VERSIONS or first
        version = next(elite for elite in own if elite.generation == generation).organism.active
        assert genome.traits == version.traits
        assert all(torch.equal(genome.delta(site), version.delta(site)) for site in genome.factors)


def test_what_an_organism_was_in_another_generation_is_a_candidate_of_its_own(run, monkeypatch):
    first, *_ = sorted(open_archive(run), key=lambda elite: (-elite.objective, elite.cell))
    worse = first.objective - 0.1
    later = replace(first, cell=98, bins=(98, 0), generation=first.generation + 1, objective=worse)
    same = replace(first, cell=99, bins=(99, 0), objective=worse)
    monkeypatch.setattr(archived, "open_archive", lambda folder: [first, later, same])
    own = first.organism.id
    assert list(candidates_of_archive(run, most=9)) == [own, (first.generation + 1) * VERSIONS + own]


def test_the_bins_of_the_first_axis_take_turns(run):
    elites = open_archive(run)
    trades = {elite.bins[0] for elite in elites}
    holders = {trade: {e.organism.id for e in elites if e.bins[0] == trade} for trade in trades}
    first = list(candidates_of_archive(run, most=len(trades)))
    assert len(trades) > 1 and all(set(first) & holders[trade] for trade in trades)
    best = max(elites, key=lambda elite: (elite.objective, -elite.cell))
    assert first[0] == best.organism.id and len(candidates_of_archive(run, most=1)) == 1


def test_the_command_takes_candidates_from_the_archive_and_notes_it(run, tmp_path):
    app = typer.Typer()
    app.command()(command)
    kept = tmp_path / "kept"
    arguments = [str(run), "--from", "archive", "--size", "2", "--selection", "4", "--tasks", "4", "--to", str(kept)]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    index = json.loads((kept / INDEX).read_text())
    assert index["notes"]["from"] == "archive" and index["notes"]["candidates"] == len(candidates_of_archive(run, 24))
    assert {member["id"] for member in index["members"]} <= {elite.organism.id for elite in open_archive(run)}


def test_a_run_without_an_archive_says_what_to_do(tmp_path):
    simulation = open_run(small_petri(generations=1), tmp_path)
    simulation.run()
    with pytest.raises(RunFolderError, match=r"expected an archive of elites .* got none; set archive\.enabled=true"):
        candidates_of_archive(simulation.run_dir.path, 4)
