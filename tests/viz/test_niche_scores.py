"""Score by niche against the bare host's."""

import json
import shutil

import pytest

from evolora.record.run_data import RunData
from evolora.viz import niche_scores
from evolora.viz.methods import methods
from evolora.viz.niche_scores import bare_host_scores
from evolora.viz.tables import niche_table


@pytest.fixture
def with_host(pretend_folder, tmp_path):
    """A function that writes what the host scored into a copy of the run, and opens it."""
    folder = shutil.copytree(pretend_folder, tmp_path / "run")

    def write(content: object) -> RunData:
        (folder / "bare_host.json").write_text(json.dumps(content))
        return RunData.open(folder)

    return write


def test_the_hosts_level_is_drawn_in_every_niche_for_each_number_of_examples(with_host, pretend_run):
    niches = pretend_run.niches
    scores = {"0": dict.fromkeys(niches, 0.05), "2": {niche: 0.1 + 0.01 * n for n, niche in enumerate(niches)}}
    run = with_host({"answer_limit": 8, "num_tasks": dict.fromkeys(niches, 7), "scores": scores})
    levels = [trace for trace in niche_scores(run).data if trace.name.startswith("the bare host")]
    assert len(levels) == 2 * len(niches)
    assert sorted(trace.y[0] for trace in levels if "2 examples" in trace.name) == sorted(scores["2"].values())
    assert all(trace.y[0] == trace.y[1] and (trace.x[0], trace.x[1]) == (1, 30) for trace in levels)
    assert "with 2 examples, on 7 held-out tasks" in levels[1].hovertemplate
    assert len({trace.line.dash for trace in levels}) == 2
    assert any("7 held-out tasks" in part and "with 0 and with 2 worked examples" in part for part in methods(run))
    assert [row[2] for row in niche_table(run).rows] == [f"{score:.3f}" for score in scores["2"].values()]


def test_a_run_without_it_is_drawn_without_it(pretend_folder, tmp_path):
    folder = shutil.copytree(pretend_folder, tmp_path / "run")
    (folder / "bare_host.json").unlink()
    run = RunData.open(folder)
    assert run.bare_host == {} and run.problems == []
    assert len(niche_scores(run).data) == len(run.niches)
    assert all(row[2] == "?" for row in niche_table(run).rows)


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"scores": 3},
        {"scores": {"x": {}, "1": [], "2": {"a": "b"}}},
        {"scores": {"1": {"a": 7, "b": -1, "c": 0.5}}, "num_tasks": "<b>"},
        {"scores": {str(n): {} for n in range(50)}},
    ],
)
def test_a_damaged_file_draws_what_is_whole(with_host, content):
    run = with_host(content)
    found = bare_host_scores(run)
    assert len(found) <= 3
    assert all(0 <= score <= 1 for row in found.values() for score, _ in row.values())
    niche_scores(run)
    methods(run)
