"""Figures of the archive say what the record says, and nothing where there is none."""

import shutil

import numpy as np
import pytest
import yaml

from evolora.record.run_data import RunData
from evolora.viz.archive import Side, archive_map, archive_progress, best_cells, elevations, has_archive, sides
from evolora.viz.panels import PANELS


def test_the_map_shows_the_best_of_every_cell_and_who_holds_it(pretend_run):
    plot = archive_map(pretend_run)
    (heat,) = plot.data
    best: dict[int, dict] = {}
    for row in pretend_run.events("elevation"):
        if row["cell"] not in best or row["objective"] > best[row["cell"]]["objective"]:
            best[row["cell"]] = row
    seen = np.array(heat.z, float)
    assert seen.shape == (4, 9) and np.isfinite(seen).sum() == len(best) == pretend_run.metrics[-1]["archive"]["elites"]
    for cell, row in best.items():
        trade, examples = divmod(cell, 4)
        assert seen[examples, trade] == row["objective"]
        assert f"organism {row['organism_id']}," in heat.customdata[examples][trade]
    assert list(heat.x) == pretend_run.niches and heat.y[1] == "1 to 2"
    assert f"{len(best)} of 36 cells" in plot.layout.title.text


def test_the_map_of_an_early_generation_knows_nothing_of_later_ones(pretend_run):
    early = elevations(pretend_run, 3)
    assert early and all(row["generation"] <= 3 for row in early)
    (heat,) = archive_map(pretend_run, generation=3).data
    assert np.nanmax(np.array(heat.z, float)) == max(row["objective"] for row in early)
    assert max(archive_progress(pretend_run, generation=3).data[0].x) == 3


def test_of_three_axes_the_best_over_the_third_is_shown():
    """Cells of a 2 x 2 x 3 grid, the last axis running fastest: 1 and 2 are (0, 0, ·), 10 is (1, 1, 1)."""
    axes = [Side("a", ("x", "y")), Side("b", ("x", "y")), Side("c", ("x", "y", "z"))]
    rows = [
        {"cell": cell, "objective": score, "organism_id": cell, "generation": 1}
        for cell, score in ((1, 0.3), (2, 0.7), (10, 0.2))
    ]
    best, holders = best_cells(rows, axes)
    assert best.tolist()[0][0] == 0.7 and best.tolist()[1][1] == 0.2 and np.isnan(best).sum() == 2
    assert holders[0][0] == "organism 2, in generation 1"


@pytest.mark.parametrize(
    "section",
    [None, {}, {"enabled": False}, {"enabled": True, "axes": [{"behaviour": "rank"}]}, {"enabled": True, "axes": "x"}],
)
def test_a_run_without_an_archive_or_with_a_damaged_one_has_no_such_panels(pretend_folder, tmp_path, section):
    path = shutil.copytree(pretend_folder, tmp_path / "bare")
    world = yaml.safe_load((path / "world.yaml").read_text())
    world["archive"] = section
    (path / "world.yaml").write_text(yaml.safe_dump(world))
    run = RunData.open(path)
    assert not has_archive(run) and sides(run) == []
    assert not [panel for panel in PANELS if panel.key.startswith("archive") and panel.available(run)]
    archive_map(run)
    archive_progress(run)


def test_bounds_that_are_not_given_are_the_traits_own(pretend_folder, tmp_path):
    path = shutil.copytree(pretend_folder, tmp_path / "bounds")
    world = yaml.safe_load((path / "world.yaml").read_text())
    world["traits"] = {"rank": {"bounds": [2, 8]}, "answer_limit": {"bounds": [2, 8]}}
    names = ("rank", "answer_tokens", "breadth")
    world["archive"]["axes"] = [{"behaviour": name, "bounds": None, "bins": 2} for name in names]
    (path / "world.yaml").write_text(yaml.safe_dump(world))
    found = {side.name: side.labels for side in sides(RunData.open(path))}
    assert found == {
        "rank": ("2 to 5", "5 to 8"), "answer_tokens": ("0 to 4", "4 to 8"), "breadth": ("0 to 0.5", "0.5 to 1"),
    }  # fmt: skip
