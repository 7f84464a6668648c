"""The numbers behind the figures: books that balance, shares that sum, places that stay, trees that hang together."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from synthetic import write_run

from evolora.record.run_data import RunData
from evolora.viz import PANELS, pond_layout
from evolora.viz.ancestry import ancestors_of
from evolora.viz.families import _divide, clades, find_clades
from evolora.viz.flows import COMPARTMENTS, energy_budget, energy_flow, energy_flow_so_far, gini
from evolora.viz.held_out import has_holdout, held_out_scores
from evolora.viz.lineages import muller
from evolora.viz.niches import niche_earnings, niche_prices, recent_profiles, specialisation
from evolora.viz.pond import SPREAD, niche_places
from evolora.viz.population import deaths_by_cause
from evolora.viz.series import QUANTILES, evenly, number, quantile_bands
from evolora.viz.style import PALETTE, lineage_colour
from evolora.viz.tree import MOST_ORGANISMS, choose_branches, phylogeny

MOST_TRACE_POINTS = 2000


@pytest.fixture(scope="module")
def long_run(tmp_path_factory) -> RunData:
    """So long that every curve has to be decimated, and with more organisms than a tree can show."""
    return RunData.open(write_run(tmp_path_factory.mktemp("runs") / "long", generations=700, capacity=16))


def sides(plot) -> tuple[dict[str, float], dict[str, float]]:
    """What flows into and out of each node of a Sankey diagram."""
    link, labels = plot.data[0].link, plot.data[0].node.label
    came, went = dict.fromkeys(labels, 0.0), dict.fromkeys(labels, 0.0)
    for start, end, value in zip(link.source, link.target, link.value, strict=True):
        went[labels[start]] += value
        came[labels[end]] += value
    return came, went


@pytest.mark.parametrize("generation", [1, 2, 17, 30])
@pytest.mark.parametrize("draw", [energy_flow, energy_flow_so_far])
def test_energy_that_enters_the_diagram_leaves_it(pretend_run, draw, generation):
    came, went = sides(draw(pretend_run, generation=generation))
    pots = ("pots",) if generation > 3 else ()
    for middle in ("niches' stocks", "organisms", *pots):
        assert came[middle] == pytest.approx(went[middle], abs=2e-4) and came[middle] > 0
    sources = sum(went[label] for label in went if came[label] == 0)
    sinks = sum(came[label] for label in came if went[label] == 0)
    assert sources == pytest.approx(sinks, abs=5e-4)


def test_the_budget_notices_energy_that_is_missing(pretend_folder, tmp_path):
    path = shutil.copytree(pretend_folder, tmp_path / "leak")
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    assert energy_budget(RunData.open(path)).missing < 1e-4
    rows[-1]["flows"]["meal"] += 0.5
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = RunData.open(path)
    assert energy_budget(run).missing == pytest.approx(0.5, abs=1e-3)
    assert "unaccounted" in energy_flow(run).layout.title.text
    assert set(energy_budget(run).after) == set(COMPARTMENTS)


@pytest.mark.parametrize(
    ("amounts", "coefficient"), [([1, 1, 1], 0.0), ([0, 0, 0, 1], 0.75), ([], 0.0), ([0, 0], 0.0), ([1, 3], 0.25)]
)
def test_gini_is_the_mean_difference_over_twice_the_mean(amounts, coefficient):
    assert gini(np.array(amounts, dtype=float)) == pytest.approx(coefficient)


def test_bands_are_the_quantiles_of_the_living(pretend_run):
    bands = quantile_bands(pretend_run, "energy", [1, 9, 30, 99])
    held = pretend_run.life_column("energy")
    for place, generation in enumerate((1, 9, 30)):
        assert bands[:, place] == pytest.approx(np.quantile(held[pretend_run.rows_of(generation)], QUANTILES))
    assert np.isnan(bands[:, 3]).all()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.key)
def test_no_trace_of_a_long_run_has_more_points_than_a_page_can_bear(long_run, panel):
    for trace in panel.draw(long_run).data:
        for axis in ("x", "y"):
            values = getattr(trace, axis, None)
            assert values is None or len(values) <= MOST_TRACE_POINTS


def cut_lives(path: Path, last: int) -> None:
    """Leave the lives of a folder up to a generation."""
    reader = pa.ipc.open_stream((path / "lives.arrow").read_bytes())
    batches = [batch for batch in reader if batch["generation"][0].as_py() <= last]
    with pa.OSFile(str(path / "lives.arrow"), "wb") as file, pa.ipc.new_stream(file, reader.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.key)
def test_a_panel_shows_the_generation_asked_for_and_nothing_later(pretend_folder, pretend_run, tmp_path, panel):
    """What is drawn at generation 9 is what was drawn when generation 9 was the last."""
    path = shutil.copytree(pretend_folder, tmp_path / "young")
    for name in ("metrics.jsonl", "timing.jsonl", "events.jsonl", "portfolio.jsonl"):
        rows = [json.loads(line) for line in (path / name).read_text().splitlines()]
        kept = [json.dumps(row) + "\n" for row in rows if row["generation"] <= 9]
        (path / name).write_text("".join(kept))
    cut_lives(path, 9)
    assert panel.draw(pretend_run, generation=9).to_json() == panel.draw(RunData.open(path)).to_json()


def test_deaths_are_counted_whole_even_in_bins(long_run):
    plot = deaths_by_cause(long_run)
    assert sum(sum(trace.y) for trace in plot.data) == len(long_run.deaths)
    assert all(len(trace.y) <= 121 for trace in plot.data)


def test_rare_lineages_are_folded_and_nothing_is_lost(long_run):
    plot = muller(long_run)
    assert np.sum([trace.y for trace in plot.data], axis=0) == pytest.approx(1.0)
    assert len(plot.data[0].x) <= 400


@pytest.mark.parametrize("generation", [3, 30])
def test_families_within_families_share_out_the_whole_population(pretend_run, generation):
    found = find_clades(pretend_run, generation)
    assert sum(found.shares.values()) == pytest.approx(np.ones(generation))
    for family, origin in found.inside.items():
        assert origin == -1 or origin in ancestors_of(pretend_run, {family})
    assert any(origin != -1 for origin in found.inside.values()) == (generation == 30)
    drawn = np.sum([trace.y for trace in clades(pretend_run, generation=generation).data], axis=0)
    assert drawn == pytest.approx(1.0)


def test_a_branch_is_a_family_of_its_own_once_it_and_what_is_left_are_large():
    ids, parents = np.arange(5), np.array([-1, 0, 1, 1, 0])  # 0 -> 1 -> (2, 3), 0 -> 4
    family, inside = _divide(ids, parents, np.array([2.0, 3.0, 3.0, 1.9, 0.1]), 10)
    assert inside == {0: -1, 1: 0, 2: 1, 3: 1} and family.tolist() == [0, 1, 2, 3, 0]
    family, inside = _divide(ids, parents, np.array([0.0, 0.1, 5.0, 4.9, 0.0]), 10)
    assert inside == {0: -1, 2: 0} and family.tolist() == [0, 0, 2, 0, 0]


def test_organisms_of_a_niche_stand_near_it_and_places_never_change(pretend_run):
    whole, last = pond_layout(pretend_run), pond_layout(pretend_run, [28, 30])
    mask = np.isin(whole["generation"].to_numpy(), [28, 30])
    assert whole.filter(mask).equals(last)
    assert pond_layout(pretend_run).equals(whole)
    meals = pretend_run.life_column("meals")
    x, y = whole["x"].to_numpy(), whole["y"].to_numpy()
    assert (np.hypot(x, y) <= 1 + SPREAD).all()
    newborn = (pretend_run.life_column("age") == 1) & (meals.max(axis=1) == meals.sum(axis=1)) & (meals.sum(axis=1) > 0)
    assert newborn.any()
    shore = niche_places(len(pretend_run.niches))[meals[newborn].argmax(axis=1)]
    assert (np.hypot(x[newborn] - shore[:, 0], y[newborn] - shore[:, 1]) <= SPREAD).all()


def test_everything_in_a_small_tree_is_drawn_and_hangs_together(pretend_run):
    branches, total = choose_branches(pretend_run)
    assert len(branches) == total == len(pretend_run.births)
    for identity, branch in branches.items():
        birth = pretend_run.births[identity]
        assert branch.parents == tuple(birth["parents"]) and branch.born == birth["generation"]
        assert (identity in pretend_run.deaths) == bool(branch.died_of)


def test_a_large_tree_shows_the_ancestry_of_some_of_the_living(long_run):
    branches, total = choose_branches(long_run)
    assert len(branches) <= MOST_ORGANISMS < total
    living = set(long_run.births) - set(long_run.deaths)
    assert len(living & set(branches)) >= min(60, len(living))
    for branch in branches.values():
        if branch.kind == "founder":
            assert branch.parents == ()
        else:
            assert branch.parents and branch.parents[0] in ancestors_of(long_run, {branch.organism_id})
    assert "of" in phylogeny(long_run).layout.title.text


def test_lines_of_the_tree_each_have_a_row(pretend_run):
    marks = [trace for trace in phylogeny(pretend_run).data if trace.mode == "markers"]
    rows = [row for trace in marks for row in trace.y]
    assert len(rows) == len(set(rows)) == len(pretend_run.births)


def test_prices_follow_the_worlds_shocks(pretend_run):
    prices = niche_prices(pretend_run, [11, 12, 14, 15])
    assert prices[:, 0].tolist() == [0.35, 0.175, 0.175, 0.35] and (prices[:, 1] == 0.35).all()


@pytest.mark.parametrize(
    ("opening", "drawn"),
    [
        ({"at": 12, "duration": 2, "every": None}, [False, True, False, False]),
        ({"at": 2, "duration": 3, "every": 10}, [False, True, True, False]),
        ({"at": 12, "duration": 2, "every": float("inf")}, [False, True, False, False]),
        ({"at": "soon", "duration": 2}, [True, True, True, True]),  # a damaged world file draws what it can
    ],
)
def test_a_niche_that_is_shut_has_no_price(pretend_run, monkeypatch, opening, drawn):
    monkeypatch.setitem(pretend_run.world["niches"][1], "open", opening)
    assert np.isfinite(niche_prices(pretend_run, [11, 12, 14, 15])[:, 1]).tolist() == drawn


def test_earnings_are_all_meals_and_profiles_are_shares(pretend_run):
    generations, earned = niche_earnings(pretend_run)
    assert generations == list(range(1, 31))
    flows = [row["flows"]["meal"] for row in pretend_run.metrics]
    assert earned.sum(axis=1) == pytest.approx(flows)
    ids, profiles = recent_profiles(pretend_run, 30)
    assert profiles.sum(axis=1) == pytest.approx(1.0)
    assert set(ids) <= set(pretend_run.life_column("organism_id")[pretend_run.rows_of(30)])
    favourites = np.array(specialisation(pretend_run).data[0].z).argmax(axis=1)
    assert (np.diff(favourites) >= 0).all()


def test_held_out_scores_are_means_over_tasks_and_nonsense_is_left_out(pretend_folder, tmp_path):
    path = shutil.copytree(pretend_folder, tmp_path / "evaluated")
    content = {"niches": ["a", "<b>"], "founders": [[0, 1], [1, 1]], "final": [[1], [1, 0]], "best_final": "high"}
    (path / "holdout.json").write_text(json.dumps(content))
    plot = held_out_scores(RunData.open(path))
    assert [trace.name for trace in plot.data] == ["founders, mean"]
    assert list(plot.data[0].y) == [0.5, 1.0] and list(plot.data[0].x) == ["a", "&lt;b&gt;"]
    (path / "holdout.json").unlink()
    assert not has_holdout(RunData.open(path)) and RunData.open(path).problems == []


def test_lineages_keep_their_colours_and_neighbours_differ():
    shades = [lineage_colour(lineage) for lineage in range(3 * len(PALETTE))]
    assert len(set(shades)) == len(shades) and shades[: len(PALETTE)] == list(PALETTE)
    assert lineage_colour(10**12) in shades


def test_evenly_keeps_first_and_last():
    assert evenly(range(10), 20) == list(range(10))
    chosen = evenly(range(1000), 7)
    assert len(chosen) == 7 and chosen[0] == 0 and chosen[-1] == 999


@pytest.mark.parametrize("value", [None, "1", True, [], {}, 10**400])
def test_what_is_no_number_is_a_gap(value):
    assert np.isnan(number(value))
