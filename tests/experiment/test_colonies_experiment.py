"""Colonies under test: matched survival by hand, planted cheats and their honest twins, what the analysis concludes."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hostless import make_world
from synthetic_results import synthetic, verdicts
from test_colonies import COLONIES, MIXED, Specialists, plant

from evolora.experiment.analyses.colonies import colonies
from evolora.experiment.cell import make_cells
from evolora.experiment.child import do_cell
from evolora.experiment.file import load_experiment
from evolora.experiment.procedures.plant import Trial, put_in, watch
from evolora.experiment.survival import match_survival, summarise


def lives(rows: dict[int, dict[int, tuple[float, int | None]]], born: dict[int, int]) -> pa.Table:
    """A table of lives out of generation -> organism -> (energy, colony)."""
    flat = [(g, i, g - born[i], energy, home) for g, own in rows.items() for i, (energy, home) in own.items()]
    names = ("generation", "organism_id", "age", "energy", "colony")
    return pa.table({name: [row[place] for row in flat] for place, name in enumerate(names)})


HISTORY = {
    1: {0: (2.0, None), 1: (2.1, None), 2: (9.0, None), 3: (2.0, None), 4: (1.0, None), 5: (3.0, None), 8: (4.0, 7)},
    2: {0: (1.8, 7), 1: (2.1, None), 2: (9.0, None), 3: (2.0, None), 4: (1.0, None), 5: (1.0, None)},
    3: {0: (1.8, 7), 1: (2.1, None), 2: (9.0, None), 3: (2.0, None), 6: (2.0, 7), 9: (2.0, None)},
    4: {0: (1.8, 7), 1: (2.1, None), 2: (9.0, None), 6: (2.0, 7)},
    5: {0: (1.8, 7), 2: (9.0, None), 6: (2.0, 7)},
}
BORN = {0: 0, 1: 0, 2: 0, 3: -1, 4: -2, 5: 0, 6: 2, 8: 0, 9: 2}


def test_who_joins_is_matched_with_the_three_loners_nearest_in_energy_of_about_its_age():
    """Organism 0 (age 1, energy 2.0) joins in generation 2. Loners then: 1 (2.1), 3 (2.0, one older), 5 (3.0), 2 (9.0);
    4 is two generations older. Its matches are 3, 1 and 5, who live 1, 2 and 0 generations more; 0 itself lives 3.
    Organism 6 is born into the colony, first seen in generation 3, with newborn loner 9: 2 generations against 0.
    Organism 8 was a member from the start: nobody knows when it joined.
    """
    matched = match_survival(lives(HISTORY, BORN), horizon=2)
    first, second = matched
    assert (first.organism_id, first.generation, first.newborn, first.own) == (0, 2, False, 2.0)
    assert first.loners == pytest.approx((1 + 2 + 0) / 3)
    assert (second.organism_id, second.newborn, second.own, second.loners) == (6, True, 2.0, 0.0)
    found = summarise(matched, 2)
    assert found["joined"] == 2 and found["signed"] == 1 and found["members"] == 2.0
    assert found["difference"] == pytest.approx((1.0 + 2.0) / 2) and found["difference_signed"] == pytest.approx(1.0)


def test_a_longer_horizon_follows_only_who_can_be_followed_so_long():
    (only,) = match_survival(lives(HISTORY, BORN), horizon=3)
    assert only.organism_id == 0 and only.own == 3.0 and only.loners == pytest.approx(1.0)
    assert match_survival(lives(HISTORY, BORN), horizon=4) == []
    assert summarise([], 4)["difference"] is None


def test_who_joins_twice_counts_once_and_who_has_no_match_not_at_all():
    rows = {g: {0: (1.0, 1 if g in (2, 4) else None), 1: (1.0, None)} for g in range(1, 8)}
    born = {0: 0, 1: 0}
    assert [one.generation for one in match_survival(lives(rows, born), 2)] == [2]
    assert match_survival(lives(rows, {0: 0, 1: -5}), 2) == []


def settled(seed: int, **own: object):
    world, rules = make_world(seed, **{**MIXED, "colonies": {**COLONIES, "window": 3, **own}})
    plant(world, [0, 1, 2, 3], pot=4.0)
    plant(world, [4, 5, 6, 7], pot=4.0)
    world.ledger.close_generation()
    return world, rules


def test_twins_are_copies_of_members_and_differ_in_nothing_but_the_contract():
    world, rules = settled(1)
    before = world.ledger.residual
    cheats, honest, alone = world.snapshot(), world.snapshot(), world.snapshot()
    homes = put_in(cheats, rules, "cheats")
    assert put_in(honest, rules, "honest") == homes == put_in(alone, rules, "loners")
    assert all(alone.colonies.home_of(identity) is None for identity in homes)
    assert alone.ledger.to_dict() == honest.ledger.to_dict()
    assert sorted(homes.values()) == [0, 1]
    assert cheats.colonies.free_riders == set(homes) and not honest.colonies.free_riders
    assert cheats.ledger.residual == before == 0 and cheats.ledger.to_dict() == honest.ledger.to_dict()
    for identity, colony in homes.items():
        twin = cheats.population[identity]
        models = [world.population[i] for i in world.colonies[colony].members]
        assert any(twin.genome is model.genome and twin.practice == model.practice for model in models)
        assert identity in cheats.colonies[colony].members and twin.lineage == identity and not twin.parents


@pytest.mark.parametrize("seed", range(4))
def test_cheats_are_out_sooner_than_their_honest_twins(seed):
    world, rules = settled(seed)
    trials = [watch(world.snapshot(), rules, Specialists(), 8, kind) for kind in ("cheats", "honest")]
    for trial in trials:
        assert all(0 <= own <= 8 for own in trial.lived.values())
        values = trial.to_values()
        assert values["planted"] == 2 == sum(values[name] for name in ("expelled", "dissolved", "died", "still"))
        assert trial.inexact == 0 and trial.generations == 8
    cheats, honest = (trial.to_values() for trial in trials)
    assert cheats["still"] == 0 and cheats["expelled"] + cheats["dissolved"] >= honest["expelled"] + honest["dissolved"]


def test_shares_are_of_those_who_did_not_die_of_anything_else():
    fates = {1: "expelled", 2: "dissolved", 3: "still", 4: "died"}
    values = Trial(fates, {1: 4, 2: 4, 3: 4, 4: 1}, (3, 2), 1.5, 4, 0, 0).to_values()
    assert values["lived"] == pytest.approx(13 / 4)
    assert values["share_out"] == pytest.approx(2 / 3) and values["share_still"] == pytest.approx(1 / 3)
    dead = Trial({1: "died"}, {1: 2}, (1, 1), 0.0, 4, 0, 0).to_values()
    assert dead["share_out"] is None and dead["share_still"] is None


def findings(standing: float, outlive: float, still: float, honest: float, seeds: int = 40):
    def cheap(rng):
        gap = outlive + rng.normal(0, 0.3)
        return {
            "tail": {"colonies.number": standing + rng.exponential(0.2)},
            "mean": {"colonies.gain_per_member": 0.1 + rng.normal(0, 0.05)},
            "survival": {"difference": gap, "difference_signed": gap},
        }

    def costly(rng):
        return {"last": {"colonies.number": float(standing > 5)}}

    def planted(rng):
        left = float(np.clip(still + rng.normal(0, 0.02), 0, 1)) if still else 0.0
        cheats = {"planted": 3, "expelled": 2, "dissolved": 1, "died": 0, "still": 0, "share_still": left}
        return {"cheats": cheats, "honest": cheats, "loners": cheats, "difference": 1 - left - honest,
                "membership": outlive + rng.normal(0, 0.5)}  # fmt: skip

    return colonies(synthetic({"cheap": cheap, "costly": costly, "turned": costly, "planted": planted}, seeds))


def test_colonies_that_pay_outlive_and_expel_are_found():
    found = findings(2.0, 1.5, 0.0, 0.3)
    assert set(verdicts(found).values()) == {"yes"}
    assert found.tables[2].rows[0] == ("planted", 120, 120, 120)


def test_twenty_replicates_without_a_colony_are_too_few_to_say_seldom():
    found = verdicts(findings(2.0, 1.5, 0.0, 0.3, seeds=20))
    assert [text for text, holds in found.items() if holds == "undecided"] == [
        "Where passing on costs more than it gains no colony stands at the end",
        "Colonies that stood end when passing on becomes as dear",
        "A planted free-rider is expelled or its colony ends",
    ]


def test_colonies_that_make_no_difference_and_bear_cheats_are_found_out():
    found = verdicts(findings(6.0, 0.0, 0.6, 0.4))
    assert found["Who joins a colony outlives loners of the same age and energy"] != "yes"
    assert found["A planted free-rider is expelled or its colony ends"] == "no"
    assert found["Free-riders are out more often than their honest twins"] != "yes"
    assert found["Where passing on costs more than it gains no colony stands at the end"] == "no"
    assert found["Colonies form and stand where tasks come mixed and passing them on is cheap"] == "yes"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory):
    path = Path(__file__).parents[2] / "experiments" / "ecology" / "colonies.yaml"
    made = make_cells(load_experiment(path, quick=True), tmp_path_factory.mktemp("colonies"))
    own = {cell.arm: cell for cell in made if cell.seed == 101}
    for cell in own.values():
        cell.folder.mkdir(parents=True)
        cell.save_spec()
        do_cell(cell.folder)
    return own


def test_every_arm_of_the_shipped_experiment_gives_what_the_analysis_asks_for(cells):
    values = {arm: json.loads((cell.folder / "result.json").read_text())["values"] for arm, cell in cells.items()}
    assert all(own["books"]["inexact"] == 0 for own in values.values())
    for arm in ("cheap", "costly", "turned"):
        assert "colonies.number" in values[arm]["last"]
    assert values["cheap"]["survival"]["horizon"] == 3 and values["turned"]["books"]["generations"] == 4
    planted = values["planted"]
    assert planted["cheats"]["planted"] == planted["honest"]["planted"] == planted["cheats"]["colonies_before"]
