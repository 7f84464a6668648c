"""`go_on` and `invade`: an evolved community under other rules, and its kinds brought back when rare."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hostless import Coin, make_world

from evolora.errors import ConfigError
from evolora.experiment.cell import make_cells
from evolora.experiment.chance import foster_slope, lineage_numbers
from evolora.experiment.child import do_cell
from evolora.experiment.file import load_experiment
from evolora.experiment.fork import fork_run
from evolora.experiment.procedures.invade import InvadeParams, bring_in, growth, invade, kinds_of, remove
from evolora.generation import advance
from evolora.history import History
from evolora.record.measures.heritability import parent_offspring_slope

EXPERIMENT = """\
name: community
question: What becomes of it?
world: petri
set:
  generations: 4
  host.threads: 1
  population: {founders: 12, capacity: 14}
  record: {elites: 0, ecology_every: 2}
seeds: [3]
arms:
  evolved: {}
  longer: {set: {generations: 6}}
  continued: {procedure: go_on, after: [evolved], params: {of: evolved, generations: 2}}
  rich: {procedure: go_on, after: [evolved], params: {of: evolved, generations: 2}, set: {niches.rhyme.inflow: 5000}}
  invaded: {procedure: invade, after: [evolved], params: {of: evolved, invaders: 2, settle: 1, grow: 2, least: 2}}
  strange: {procedure: go_on, after: [evolved], params: {of: evolved, generations: 2}, set: {genome.layers: all}}
"""


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("community")
    path = folder / "community.yaml"
    path.write_text(EXPERIMENT)
    made = {cell.arm: cell for cell in make_cells(load_experiment(path), folder / "out")}
    for cell in made.values():
        cell.folder.mkdir(parents=True)
        cell.save_spec()
    for arm in ("evolved", "longer", "continued", "rich", "invaded"):
        do_cell(made[arm].folder)
    return made


def values(cells, arm: str):
    return json.loads((cells[arm].folder / "result.json").read_text())["values"]


def log(cells, arm: str, name: str) -> list[str]:
    return (cells[arm].folder / "run" / name).read_text().splitlines()


def test_going_on_under_the_same_rules_is_the_same_as_a_longer_run(cells):
    assert log(cells, "continued", "metrics.jsonl") == log(cells, "longer", "metrics.jsonl")
    assert log(cells, "continued", "events.jsonl") == log(cells, "longer", "events.jsonl")
    assert values(cells, "continued")["books"]["generations"] == 2  # only those since
    assert values(cells, "continued")["last"] == values(cells, "longer")["last"]
    assert values(cells, "continued")["before"] == values(cells, "evolved")["last"]


def test_going_on_under_other_rules_shares_the_past_and_nothing_more(cells):
    evolved, rich = log(cells, "evolved", "metrics.jsonl"), log(cells, "rich", "metrics.jsonl")
    assert rich[:4] == evolved and rich[4:] != log(cells, "longer", "metrics.jsonl")[4:]
    assert values(cells, "rich")["last"]["niche_stocks.rhyme"] > values(cells, "longer")["last"]["niche_stocks.rhyme"]
    assert values(cells, "rich")["books"]["inexact"] == 0


def test_organisms_cannot_go_on_in_a_world_that_does_not_fit_them(cells, tmp_path):
    with pytest.raises(ConfigError, match=r"genome: expected the old run's"):
        fork_run(cells["evolved"].folder / "run", tmp_path / "run", cells["strange"].world, 2)
    assert not (tmp_path / "run").exists()


def test_every_kind_of_the_community_is_brought_back_and_followed(cells):
    found = values(cells, "invaded")
    assert found["kinds"] and found["num_kinds"] == len(found["kinds"])
    for trial in [*found["kinds"].values(), found["control"]]:
        (counts,) = trial["counts"]
        assert counts[0] == 2 and len(counts) == 3
        assert math.isfinite(trial["others_growth"])
        assert trial["growth"] == pytest.approx(math.log((counts[-1] + 0.5) / 2.5) / 2)
    generations = (found["num_kinds"] + 1) * 3
    assert found["books"] == {"generations": generations, "inexact": 0, "largest_residual": 0}
    assert len(log(cells, "evolved", "metrics.jsonl")) == 4  # the community itself has not been touched


def test_a_community_is_followed_past_the_generations_at_which_its_record_forgets_the_dead(cells):
    cell = cells["invaded"]
    params = InvadeParams(of="evolved", invaders=3, settle=6, grow=8, least=2)
    found = invade(replace(cell, params=params.model_dump()), cell.folder)
    assert found["books"]["generations"] == (found["num_kinds"] + 1) * 14 and found["books"]["inexact"] == 0


def test_trials_are_repeated_with_other_luck_and_their_mean_counts(cells):
    cell = cells["invaded"]
    params = InvadeParams(of="evolved", invaders=3, settle=1, grow=4, least=2, repeats=4)
    found = invade(replace(cell, params=params.model_dump()), cell.folder)
    for trial in [*found["kinds"].values(), found["control"]]:
        assert len(trial["counts"]) == 4
        assert trial["growth"] == pytest.approx(sum(growth(counts) for counts in trial["counts"]) / 4)
    assert any(len({tuple(counts) for counts in trial["counts"]}) > 1 for trial in found["kinds"].values())
    once = invade(replace(cell, params=params.model_copy(update={"repeats": 1}).model_dump()), cell.folder)
    assert all(trial["counts"] == found["kinds"][kind]["counts"][:1] for kind, trial in once["kinds"].items())


def test_growth_is_none_when_numbers_stay_and_finite_when_all_die():
    assert growth((3, 5, 3)) == 0.0
    assert growth((3, 0, 0)) == pytest.approx(math.log(0.5 / 3.5) / 2)
    assert growth((2, 3, 5)) > 0


def test_taking_out_and_bringing_in_keep_the_books_exact():
    world, rules = make_world()
    for _ in range(6):
        advance(world, rules, Coin())
    kinds = kinds_of(world, rules)
    assert set(kinds.values()) <= {"first", "second"}
    out = [world.population[identity] for identity, kind in kinds.items() if kind == "first"]
    assert out
    before = sum(world.ledger.total(name) for name in ("organism", "niche", "commons", "source", "sink"))
    remove(world, rules, [organism.id for organism in out])
    assert all(organism.id not in world.population.ids for organism in out)
    world.history = History()
    line = bring_in(world, out[:2], rules)
    after = sum(world.ledger.total(name) for name in ("organism", "niche", "commons", "source", "sink"))
    assert before == after
    assert {organism.lineage for organism in world.population if organism.id in line} == line
    for organism, identity in zip(out[:2], sorted(line), strict=True):
        copy = world.population[identity]
        assert copy.genome is organism.genome and copy.profit == organism.profit and copy.profit is not organism.profit
    reports = [advance(world, rules, Coin()).report for _ in range(3)]
    assert all(report.residual == 0 for report in reports)


def test_the_poorest_make_room_for_those_who_are_brought_in():
    world, rules = make_world()
    for _ in range(12):
        advance(world, rules, Coin({identity: 1.0 for identity in range(40)}))
    assert rules.breeder is not None
    capacity = rules.breeder.capacity
    assert len(world.population) == capacity
    energies = {organism.id: world.ledger.balance(organism.account) for organism in world.population}
    bring_in(world, [next(iter(world.population))], rules)
    (gone,) = set(energies) - set(world.population.ids)
    assert len(world.population) == capacity and energies[gone] == min(energies.values())


def test_children_dealt_to_other_parents_do_not_resemble_them():
    rng = np.random.default_rng(0)
    parents = rng.normal(size=200)
    history = History()
    history.pairs = [(p, 0.0, p + rng.normal(0, 0.1), 0.0) for p in parents]
    own = parent_offspring_slope(parents, np.array([pair[2] for pair in history.pairs]))
    assert own is not None and own.slope > 0.9
    assert abs(foster_slope(history, "score", seed=1) or 1.0) < 0.02
    assert foster_slope(History(), "score", seed=1) is None


def test_shadows_have_as_many_lineages_as_a_world_in_which_nobody_was_born_or_died():
    world, rules = make_world(reproduction={"enabled": False}, death={"insolvency": False, "max_age": None})
    for _ in range(3):
        advance(world, rules, Coin())
    own, shadows = lineage_numbers(world.history.lineages)
    assert own == pytest.approx(10) and shadows == pytest.approx([10.0] * 20)


def test_a_folder_without_a_run_cannot_be_forked(cells, tmp_path):
    from evolora.errors import RunFolderError

    with pytest.raises(RunFolderError, match="expected a run folder"):
        fork_run(Path(tmp_path), tmp_path / "run", cells["evolved"].world, 2)
