"""Several runs in one plot: a line a run, over a shared axis."""

import math

import pytest
from synthetic import write_run

from evolora.record.run_data import RunData
from evolora.viz.compare import CURVES, over_each_other
from evolora.viz.compare_grids import GRIDS, niches_over_each_other, signs_over_each_other
from evolora.viz.panels import GROUPS
from evolora.viz.style import THEMES


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[RunData]:
    folder = tmp_path_factory.mktemp("runs")
    short = write_run(folder / "short", generations=12, capacity=12, seed=2, name="short", niches=("one", "two"))
    return [RunData.open(write_run(folder / "long", generations=30, capacity=14)), RunData.open(short)]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.key)
def test_a_curve_has_a_line_for_each_run_that_ends_with_it(runs, curve, theme):
    assert any(curve.available(run) for run in runs)
    plot = over_each_other(runs, curve.key, theme=theme)
    assert len(plot.data) == 2 and len({trace.name for trace in plot.data}) == 2
    assert len({trace.line.dash for trace in plot.data}) == 2, "told apart without colours"
    assert max(plot.data[0].x) <= 30 and max(plot.data[1].x) <= 12
    assert plot.layout.xaxis.title.text == "generation" and plot.layout.yaxis.title.text == curve.axis


def test_a_curve_up_to_a_generation_is_the_beginning_of_the_whole(runs):
    whole, part = (over_each_other(runs, "mean-score", generation=g).data[0] for g in (None, 7))
    assert list(part.x) == list(range(1, 8)) and list(part.y) == list(whole.y)[:7]


def test_the_curves_hold_what_the_record_says(runs):
    (run, _) = runs
    born = over_each_other(runs, "born").data[0].y
    assert born[-1] == sum(sum(row["births"].values()) for row in run.metrics)
    shares = over_each_other(runs, "insolvent").data[0].y
    died = [row["deaths"] for row in run.metrics]
    assert shares[-1] == pytest.approx(sum(d.get("insolvency", 0) for d in died) / sum(sum(d.values()) for d in died))
    energy = over_each_other(runs, "mean-energy").data[0].y
    assert energy[0] == pytest.approx(run.metrics[0]["energy"]["organisms"] / run.metrics[0]["num_living"])


def test_every_niche_of_any_run_has_a_plot_on_one_scale(runs):
    plot = niches_over_each_other(runs)
    titles = [annotation.text for annotation in plot.layout.annotations]
    assert set(titles) == {*runs[0].niches, *runs[1].niches} and len(titles) == len(set(titles))
    leaders = [plot.layout[f"yaxis{number}"].matches for number in range(2, len(titles) + 1)]
    assert len({leader for leader in leaders if leader}) == 1 and leaders.count(None) <= 1


def test_the_signs_of_all_runs_stand_in_one_table(runs):
    plot = signs_over_each_other(runs)
    marks = [mark for trace in plot.data for mark in zip(trace.x, trace.y, strict=True)]
    assert len(marks) == len(set(marks)) == 2 * len(plot.layout.yaxis.categoryarray)


def test_curves_and_grids_explain_themselves():
    for shown in (*CURVES, *GRIDS):
        assert shown.group in GROUPS and shown.caption[-1] in ".?" and "\n" not in shown.caption
    assert len({shown.key for shown in (*CURVES, *GRIDS)}) == len(CURVES) + len(GRIDS)


def test_a_run_without_a_generation_leaves_the_others_their_lines(runs, tmp_path):
    empty = RunData.open(write_run(tmp_path / "empty", generations=2, capacity=6))
    (empty.path / "metrics.jsonl").write_text("")
    plot = over_each_other([runs[0], RunData.open(empty.path)], "mean-energy")
    assert len(plot.data[0].x) == 30 and len(plot.data[1].x) == 0
    assert not any(math.isnan(value) for value in plot.data[0].y)
