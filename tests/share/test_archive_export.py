"""An archive's elites as PEFT adapters: the weights that are archived, dead elites included, whole or not at all."""

import json

import pytest
import torch
from puddle import world
from typer.testing import CliRunner

from evolora.build import open_run
from evolora.cli.app import app
from evolora.errors import ConfigError, RunFolderError
from evolora.organism.genome import SiteShape
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.residents import open_archive
from evolora.share.archive_export import INDEX
from evolora.share.peft_export import import_peft


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    archive = {"enabled": True, "axes": [{"behaviour": "rank", "bins": 4}], "least_tasks": 2}
    simulation = open_run(world(archive=archive), tmp_path_factory.mktemp("runs"))
    simulation.run()
    return simulation.run_dir.path


def export(*arguments):
    return CliRunner().invoke(app, ["export", *map(str, arguments)])


def test_every_elite_is_exported_with_its_own_weights_and_listed(run, tmp_path):
    result = export(run, "--archive", "--to", tmp_path / "elites")
    assert result.exit_code == 0, result.output
    elites = {elite.cell: elite for elite in open_archive(run)}
    rows = [json.loads(line) for line in (tmp_path / "elites" / INDEX).read_text().splitlines()]
    assert [row["cell"] for row in rows] == sorted(elites) and len(elites) > 1
    living = set(load_checkpoint(checkpoints(run)[-1])[0].population.ids)
    assert {row["organism_id"] for row in rows} - living  # some are dead
    for row in rows:
        elite = elites[row["cell"]]
        assert (row["objective"], row["organism_id"]) == (elite.objective, elite.organism.id)
        genome = elite.organism.active
        sites = [SiteShape(name, f.a.shape[1], f.b.shape[0]) for name, f in genome.factors.items()]
        for site, factors in import_peft(tmp_path / "elites" / row["adapter"], sites, genome.scaling).items():
            assert torch.allclose(factors.product(), genome.factors[site].product(), atol=1e-6)
    assert str(tmp_path / "elites" / rows[0]["adapter"]) in result.output


def test_a_folder_that_is_there_is_left_as_it_is(run, tmp_path):
    (tmp_path / "mine").mkdir()
    result = export(run, "--archive", "--to", tmp_path / "mine")
    assert isinstance(result.exception, RunFolderError) and "expected a new folder" in str(result.exception)
    assert not list((tmp_path / "mine").iterdir()) and [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--archive", "--all", "--to", "x"], "nothing else beside it, got --all"),
        (["--archive", "--to", "x", "--lm-eval", "y"], "nothing else beside it, got --lm-eval"),
    ],
)
def test_choices_that_do_not_go_together_are_one_line(run, arguments, said):
    result = export(run, *arguments)
    assert isinstance(result.exception, ConfigError) and said in str(result.exception)
