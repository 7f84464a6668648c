"""Figures of colonies say what the record says, and nothing where there are none."""

import json
import shutil

import numpy as np
import pytest

from evolora.record.lives import append_lives
from evolora.record.run_data import RunData
from evolora.viz.colonies import (
    colony_changes,
    colony_pots,
    colony_sizes,
    earnings,
    has_colonies,
    has_trials,
    membership,
    together_or_alone,
)
from evolora.viz.panels import PANELS
from evolora.viz.signs import colonies as sign

DRAW = (colony_sizes, colony_pots, membership, together_or_alone, earnings)


@pytest.fixture
def lonely(pretend_folder, tmp_path):
    """The same run as worlds without colonies record it: no column, no events, no measures."""
    path = shutil.copytree(pretend_folder, tmp_path / "lonely")
    niches = RunData.open(path).niches
    (path / "lives.arrow").unlink()
    append_lives(path / "lives.arrow", niches, [])
    for log in ("metrics.jsonl", "events.jsonl"):
        rows = [json.loads(line) for line in (path / log).read_text().splitlines()]
        kept = [{key: value for key, value in row.items() if key != "colonies"} for row in rows]
        kept = [row for row in kept if row.get("event") != "colony"]
        (path / log).write_text("".join(json.dumps(row) + "\n" for row in kept))
    return RunData.open(path)


def test_bands_of_sizes_add_up_to_the_members_of_every_generation(pretend_run):
    plot = colony_sizes(pretend_run)
    homes = pretend_run.life_column("colony")
    for place, generation in enumerate(plot.data[0].x):
        members = np.isfinite(homes[pretend_run.rows_of(generation)]).sum()
        assert sum(trace.y[place] for trace in plot.data) == members
    assert len(plot.data) == 3


def test_a_line_of_the_timeline_is_a_spell_in_one_colony(pretend_run):
    lines = [trace for trace in membership(pretend_run).data if trace.mode == "lines"]
    homes, who = pretend_run.life_column("colony"), pretend_run.life_column("organism_id")
    length = sum(stop - start for trace in lines for start, stop in zip(trace.x[::3], trace.x[1::3], strict=True))
    spells = sum(len(trace.x) // 3 for trace in lines)
    assert length + 0.2 * spells == pytest.approx(np.isfinite(homes).sum())  # a spell of n generations is n - 0.2 long
    drawn = {row[0] for trace in lines for row in trace.customdata if row is not None and row[0] is not None}
    assert drawn == set(who[np.isfinite(homes)].tolist())


def test_who_was_expelled_is_marked_on_its_line(pretend_run):
    (event,) = [row for row in colony_changes(pretend_run) if row["change"] == "expelled"]
    (marks,) = [trace for trace in membership(pretend_run).data if trace.name == "expelled"]
    assert [row[0] for row in marks.customdata] == event["members"]


def test_paired_trials_are_drawn_with_their_null_beside_them(pretend_run):
    audits = [row for row in colony_changes(pretend_run) if row["change"] == "audited"]
    plot = together_or_alone(pretend_run)
    null, seen = plot.data[1], plot.data[2]
    assert list(null.y) == [row["alone"] for row in audits] and list(seen.y) == [row["together"] for row in audits]
    gain = np.mean([row["together"] - row["alone"] for row in audits])
    assert f"{gain:+.3f}" in plot.layout.title.text


def test_figures_of_an_early_generation_know_nothing_of_later_ones(pretend_run):
    for draw in DRAW:
        for trace in draw(pretend_run, generation=8).data:
            assert all(x is None or x <= 8.5 for x in trace.x)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_run_without_colonies_has_no_such_panels_and_draws_empty_ones(lonely, theme):
    assert not has_colonies(lonely) and not has_trials(lonely)
    assert not [p for p in PANELS if p.group == "Colonies" and p.available(lonely)]
    for draw in DRAW:
        draw(lonely, theme=theme)


def with_gains(folder, tmp_path, gains):
    path = shutil.copytree(folder, tmp_path / "gains")
    rows = [json.loads(line) for line in (path / "events.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row.get("change") != "audited"]
    audit = {"event": "colony", "change": "audited", "colony_id": 0, "members": [1], "reason": "gain", "alone": 0.5}
    rows += [{**audit, "generation": 3 + place, "together": 0.5 + gain} for place, gain in enumerate(gains)]
    (path / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return RunData.open(path)


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [([0.2] * 10, "yes"), ([0.2, -0.2] * 5, "no"), ([-0.2] * 10, "no"), ([0.2] * 7, "not yet"), ([], "not yet")],
)
def test_colonies_are_a_sign_of_life_where_trials_gain_more_than_a_coin_explains(
    pretend_folder, tmp_path, gains, verdict
):
    found = sign(with_gains(pretend_folder, tmp_path, gains), 30)
    assert found.verdict == verdict
    if verdict != "not yet":
        assert found.value == pytest.approx(np.mean(gains))


def test_a_world_without_colonies_says_so(lonely):
    assert sign(lonely, 30).why == "this world has no colonies"
