"""Colonies in whole worlds: they form where they pay, books stay exact, free-riders go, and nothing is forgotten."""

import json
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hostless import Coin, make_world

from evolora.build import open_run, resume_run
from evolora.config.world import WorldConfig
from evolora.disturbance import niches_now
from evolora.environment.tasks import TaskSource, use_of
from evolora.events import Birth, Change, ColonyChange, Death, DeathCause
from evolora.generation import advance
from evolora.lifecycle.colony import Member
from evolora.lifecycle.ledger import to_energy, to_units
from evolora.pooling import hand_over
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.lives import read_lives
from evolora.record.run_dir import EVENTS, LIVES, METRICS
from evolora.rng import stream

COLONIES = {
    "enabled": True, "founding_size": 3, "max_size": 6, "trial_tasks": 4, "audit_every": 4, "window": 4, "bud_pot": 1.0,
}  # fmt: skip
MIXED = {
    "encounters": {"visits": 4, "choice": "even", "answers_per_task": 3},
    "death": {"max_age": None, "crowding": "oldest"},
    "population": {"founders": 12, "capacity": 18, "founder_energy": 4.0},
}


class Specialists(Coin):
    """Even ids nearly always answer rightly in the first niche, odd ones in the second; else nearly never."""

    def _answer(self, encounter, draw):
        able = (encounter.organism_id % 2 == 0) == (encounter.niche == "first")
        return super()._answer(replace(encounter, organism_id=able), draw)

    def __init__(self):
        super().__init__({True: 0.9, False: 0.1})


def colony_world(seed=1, colonies=(), **changes):
    return make_world(seed, **{**MIXED, "colonies": {**COLONIES, **dict(colonies)}, **changes})


def lived(world, rules, generations, evaluator=None):
    return [advance(world, rules, evaluator or Specialists()) for _ in range(generations)]


def changes_in(history):
    return [event for one in history for event in one.events if isinstance(event, ColonyChange)]


def plant(world, members, pot=0.0):
    """A colony of these organisms with this pot, which they paid for."""
    colony = world.colonies.found({i: Member(world.generation) for i in members}, world.generation)
    world.ledger.open_account(colony.account)
    for identity in members:
        world.ledger.transfer(f"organism:{identity}", colony.account, to_units(pot / len(members)), "pooling")
    return colony


WORLDS = {
    "cheap": ({}, {}),
    "costly": ({"forwarding_cost": 3.0}, {}),
    "poor": ({"pot_share": 0.5, "stake": 1.0}, {"energy": {"upkeep": 1.6}}),
    "rich": ({"bud_pot": 0.1, "pot_share": 0.3}, {"energy": {"upkeep": 0.2}}),
    "cheats": ({"free_riders": 6, "window": 2}, {}),
    "extinctions": ({"trial_errors": 0.0}, {"extinctions": [{"at": 4, "every": 3, "share": 0.6}]}),
    "random death": ({}, {"death": {"victims": "random", "max_age": 5}}),
    "competition": ({}, {"sharing": {"rule": "competition", "alpha": 0.5}}),
}


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("seed", range(6))
def test_books_are_exact_and_members_are_the_living_in_every_generation(kind, seed):
    colonies, changes = WORLDS[kind]
    world, rules = colony_world(seed, colonies, **changes)
    for _ in range(14):
        generation = advance(world, rules, Specialists())
        assert generation.report.residual == 0 == world.ledger.residual
        living = set(world.population.ids)
        homes = [identity for colony in world.colonies for identity in colony.members]
        assert len(homes) == len(set(homes)) == world.colonies.num_members and set(homes) <= living
        assert world.ledger.accounts("pot") == sorted(colony.account for colony in world.colonies)
        assert all(len(colony) <= rules.colonies.signing.max_size for colony in world.colonies)
        pots = sum(to_energy(world.ledger.balance(colony.account)) for colony in world.colonies)
        assert generation.report.energy["pots"] == pytest.approx(pots) == generation.report.colonies["pot"]
        energy = generation.report.energy
        assert sum(energy.values()) == pytest.approx(to_energy(world.ledger.living))


def test_the_worlds_above_know_every_change_of_a_colony():
    seen, reasons = set(), set()
    for colonies, changes in WORLDS.values():
        for seed in range(6):
            for change in changes_in(lived(*colony_world(seed, colonies, **changes), 14)):
                seen.add(change.change)
                reasons.add((str(change.change), change.reason))
    assert seen == set(Change)
    assert {("joined", "trial"), ("joined", "birth"), ("dissolved", "too small"), ("left", "crowding")} <= reasons


@pytest.mark.parametrize("seed", range(4))
def test_the_living_colonies_follow_from_the_events(seed):
    world, rules = colony_world(seed, **WORLDS["rich"][1])
    members: dict[int, set[int]] = {}
    for change in changes_in(lived(world, rules, 14)):
        if change.change in (Change.FOUNDED, Change.JOINED):
            members.setdefault(change.colony_id, set()).update(change.members)
        elif change.change is Change.BUDDED:
            members[change.mother] -= set(change.members)
            members[change.colony_id] = set(change.members)
        elif change.change in (Change.LEFT, Change.EXPELLED):
            members[change.colony_id] -= set(change.members)
        elif change.change is Change.DISSOLVED:
            assert set(change.members) == members.pop(change.colony_id)
        assert change.size == len(members.get(change.colony_id, ()))
    assert members == {colony.id: set(colony.members) for colony in world.colonies}


@pytest.mark.parametrize("seed", range(4))
def test_specialists_form_colonies_where_forwarding_is_cheap_and_earn_more_than_loners(seed):
    world, rules = colony_world(seed)
    history = lived(world, rules, 12)
    founded = [one for one in changes_in(history) if one.change is Change.FOUNDED]
    assert founded and all(one.together > one.alone for one in founded)
    rows = [one.report.colonies for one in history]
    assert sum(row["forwarded"] for row in rows) > 0
    both = [row for row in rows if row["member_profit"] is not None and row["loner_profit"] is not None]
    assert sum(row["member_profit"] - row["loner_profit"] for row in both) > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_world_in_which_forwarding_costs_more_than_it_gains_ends_with_no_colony(seed):
    world, rules = colony_world(seed, {"forwarding_cost": 3.0})
    plant(world, [0, 1, 2, 3], pot=8.0)
    history = lived(world, rules, 14)
    assert len(world.colonies) == 0 == history[-1].report.colonies["number"]
    assert not [one for one in changes_in(history) if one.change is Change.FOUNDED]


@pytest.mark.parametrize("seed", range(6))
def test_a_planted_free_rider_is_expelled_or_its_colony_dies(seed):
    world, rules = colony_world(seed, {"free_riders": 1}, reproduction={"enabled": False})
    assert world.colonies.free_riders == {0}
    colony = plant(world, [0, 1, 2, 3], pot=4.0)
    history = lived(world, rules, 10)
    out = [one for one in changes_in(history) if one.change is Change.EXPELLED and 0 in one.members]
    gone = colony.id not in world.colonies or 0 not in world.population
    assert out or gone
    assert out or seed  # with seed 0 it is the expulsion that is seen
    if out and out[0].colony_id in world.colonies:
        assert 0 not in world.colonies[out[0].colony_id].members  # and it is not taken back


def test_a_free_rider_draws_its_upkeep_and_pays_nothing():
    world, rules = colony_world(1, {"free_riders": 1, "window": 9}, reproduction={"enabled": False})
    colony = plant(world, [0, 1, 2], pot=6.0)
    lived(world, rules, 3, Coin(dict.fromkeys(range(12), 1.0)))
    assert colony.members[0].balances == [-to_units(rules.prices.upkeep)] * 3
    assert all(balance > 0 for balance in colony.members[1].balances)


def test_a_task_that_is_passed_on_is_answered_paid_and_learnt_from_by_the_performer():
    world, rules = colony_world(
        1, {"finder_share": 0.5, "pot_share": 0.0, "forwarding_cost": 0.25}, reproduction={"enabled": False}
    )
    for identity in (0, 1):
        good, bad = ("first", "second") if identity == 0 else ("second", "first")
        world.population[identity].practice = {good: (40, 0.9), bad: (40, 0.1)}
        world.population[identity].competence = {bad: 0.1}
    plant(world, [0, 1])
    generation = advance(world, rules, Specialists())
    passed = [one for one in generation.outcomes if one.encounter.finder == 1]
    assert len(passed) == 2 and {one.encounter.niche for one in passed} == {"first"}
    assert {one.encounter.organism_id for one in passed} == {0} and all(one.encounter.bid > 0.8 for one in passed)
    assert world.population[1].practice["first"] == (40, 0.1)  # it learnt nothing there
    assert world.population[1].competence["first"] == 0.1
    lives = {life.organism_id: life for life in generation.lives}
    assert lives[1].answers == (0, 12) and lives[0].answers == (12, 0)  # two tasks of each come to each, three answers
    flows = generation.report.flows
    assert flows["forwarding"] == pytest.approx(0.25 * 4)
    profit = sum(lives[i].meals[i] for i in (0, 1)) - sum(lives[i].meals[i] for i in (0, 1)) + flows["reward"]
    assert 0 < profit < sum(map(sum, (lives[0].meals, lives[1].meals))) / 2


def test_the_pot_saves_a_member_that_cannot_pay_its_upkeep_and_no_loner():
    settings = {"energy": {"upkeep": 3.9}, "reproduction": {"enabled": False}, "population": {"founder_energy": 4.4}}
    world, rules = colony_world(2, {"stake": 0.0}, **settings)
    plant(world, [0, 1, 2])
    world.ledger.transfer("niche:first", "pot:0", to_units(8.0), "pooling")
    generation = advance(world, rules, Coin(dict.fromkeys(range(12), 0.0)))
    broke = {e.organism_id for e in generation.events if isinstance(e, Death) and e.cause is DeathCause.INSOLVENCY}
    lives = {life.organism_id: life for life in generation.lives}
    assert broke == set(range(3, 10))
    assert generation.report.flows["cover"] > 0 and lives[0].owed == 0 < lives[3].owed


def test_a_child_belongs_to_its_first_parents_colony_while_there_is_room():
    world, rules = colony_world(3, {"max_size": 4}, energy={"upkeep": 0.1})
    plant(world, [0, 1, 2], pot=1.0)
    history = lived(world, rules, 3)
    births = {e.organism_id: e.parents[0] for one in history for e in one.events if isinstance(e, Birth)}
    joined = [one for one in changes_in(history) if one.reason == "birth" and one.colony_id == 0]
    assert joined and all(births[i] in range(3) or births[i] in births for one in joined for i in one.members)
    assert all(one.size <= 4 for one in joined)


def test_a_daughter_is_paid_out_of_its_mothers_pot():
    world, rules = colony_world(3, {"bud_pot": 0.5}, reproduction={"enabled": False}, energy={"upkeep": 0.0})
    mother = plant(world, range(6), pot=6.0)
    generation = advance(world, rules, Specialists())
    budded = [one for one in changes_in([generation]) if one.change is Change.BUDDED]
    assert [(one.mother, one.size) for one in budded] == [(0, 3)] and len(mother) == 3
    flow = generation.report.flows["budding"]
    assert flow == pytest.approx(budded[0].pot) and world.ledger.balance("pot:0") - to_units(flow) in (0, 1)


def test_what_a_dissolved_colony_had_goes_to_its_members():
    world, rules = colony_world(3, {"pot_share": 0.0}, reproduction={"enabled": False})
    colony = plant(world, [0, 1], pot=2.0)
    colony.gains = [-1.0, -1.0]
    generation = advance(world, rules, Specialists())
    (end,) = [one for one in changes_in([generation]) if one.change is Change.DISSOLVED]
    assert end.reason == "no gain" and generation.report.flows["dividend"] == pytest.approx(end.pot)
    assert generation.report.colonies["mean_lifetime"] == 1


def test_a_colony_whose_pot_never_pays_for_its_trial_ends_though_nobody_needs_the_pot():
    world, rules = colony_world(
        1, {"pot_share": 0.0, "stake": 0.0, "audit_every": 3}, reproduction={"enabled": False}, energy={"upkeep": 0.0}
    )
    colony = plant(world, [0, 1, 2])
    history = lived(world, rules, 7)
    ends = [one for one in changes_in(history) if one.change is Change.DISSOLVED and one.colony_id == colony.id]
    assert [(one.reason, one.generation) for one in ends] == [("broke", 6)]  # due in the third, and in the sixth again
    assert colony.failing == 0 and not colony.gains


def test_trials_are_paid_by_those_who_answer_in_them():
    world, rules = colony_world(1, {"trials_per_generation": 4})
    generation = advance(world, rules, Specialists())
    assert generation.report.colonies["trials"] > 0 and generation.report.flows["trial"] > 0


def test_trial_tasks_are_never_lived_on_and_never_test_or_selection_tasks():
    _, rules = colony_world(1)
    niche = rules.niches[0]
    trial = {task.digest for g in range(9) for task in rules.tasks.trial(niche, g, 6)}
    lived_on = {task.digest for g in range(30) for task in rules.tasks.living(niche, g, 8)}
    held = {task.digest for task in (*rules.tasks.test(niche, 60), *rules.tasks.selection(niche, 60))}
    assert trial and not trial & (lived_on | held | {task.digest for task in rules.tasks.examples(niche, 8)})
    assert len({task.digest for g in range(3) for task in rules.tasks.trial(niche, g, 6)}) > 6  # fresh each generation


def test_worlds_without_colonies_live_on_the_tasks_they_always_had():
    _, rules = make_world(1)
    tasks = [task for g in range(20) for task in rules.tasks.living(rules.niches[0], g, 8)]
    assert any(use_of(task, with_trials=True) == "trial" for task in tasks)
    assert rules.tasks.test(rules.niches[0], 9) == TaskSource(1, with_trials=True).test(rules.niches[0], 9)


def test_visits_dealt_evenly_take_every_niche_in_turn():
    world, rules = colony_world(1)
    names = [niche.name for niche in rules.niches]
    for seed in range(5):
        chosen = rules.forager.choose(world.population[0], names, 5, stream(seed, "x"))
        assert sorted(chosen[:2]) == sorted(chosen[2:4]) == names and len(chosen) == 5


def test_a_performer_answers_with_its_own_examples_and_limits():
    world, rules = colony_world(1)
    finder, performer = world.population[0], world.population[1]
    encounter = next(one.encounter for one in advance(world, rules, Specialists()).outcomes)
    own = replace(encounter, organism_id=0, niche="first")
    finder.practice, performer.practice = {"first": (40, 0.1)}, {"first": (40, 0.8)}
    handed = hand_over(rules, own, finder, [finder, performer], niches_now(world, rules))
    traits = performer.active.traits
    assert (handed.organism_id, handed.finder, handed.bid) == (1, 0, pytest.approx((40 * 0.8 + 4 * 0.45) / 44))
    assert (handed.task, handed.key, handed.num_samples) == (own.task, own.key, own.num_samples)
    assert (handed.answer_limit, handed.temperature) == (traits.answer_limit, traits.temperature)
    assert len(handed.examples) == traits.num_examples


@pytest.mark.parametrize("changes", [{"selection": "neutral"}, {"economy": False}])
def test_worlds_without_earnings_of_ones_own_refuse_colonies_in_one_line(changes):
    with pytest.raises(ValueError, match="colonies: expected selection: energy and economy: true"):
        colony_world(1, **changes)


RUN = {
    "name": "swarm",
    "seed": 5,
    "generations": 8,
    "host": {"name": "tiny-llama", "device": "cpu", "dtype": "float32", "threads": 1},
    "niches": [
        {"family": "toy_family:NonAscii", "name": "one", "settings": {"kind": "a"}},
        {"family": "toy_family:NonAscii", "name": "two", "settings": {"kind": "b"}},
    ],
    "traits": {"rank": {"founders": [2, 2], "bounds": [1, 3], "step": 0.5}},
    "population": {"founders": 10, "capacity": 12},
    "encounters": {"visits": 2, "answers_per_task": 2, "tasks_per_niche": 2, "choice": "even"},
    "colonies": {
        "enabled": True, "founding_size": 2, "max_size": 5, "trial_errors": 0.0, "forwarding_margin": 0.0,
        "audit_every": 2, "trials_per_generation": 5, "bud_pot": 0.3, "free_riders": 2, "window": 2,
    },
    "record": {"checkpoint_every": 3, "elites": 0},
}  # fmt: skip


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    simulation = open_run(WorldConfig.model_validate(RUN), tmp_path_factory.mktemp("whole"))
    simulation.run()
    return simulation.run_dir.path


@pytest.mark.parametrize("stop", [3, 4, 5])
def test_a_run_with_colonies_resumes_byte_for_byte(whole_run, tmp_path, stop):
    first = open_run(WorldConfig.model_validate(RUN), tmp_path)
    first.run(should_stop=lambda: first.world.generation >= stop)
    again = resume_run(first.run_dir.path)
    saved = load_checkpoint(checkpoints(first.run_dir.path)[-1])[0]
    assert again.world.colonies.to_dict() == saved.colonies.to_dict() == first.world.colonies.to_dict()
    assert len(again.world.colonies)  # or the test would show nothing
    again.run()
    for log in (METRICS, EVENTS, LIVES):
        assert (whole_run / log).read_bytes() == (again.run_dir.path / log).read_bytes()


def test_a_run_records_who_belonged_where_and_who_passed_what_on(whole_run):
    rows = [json.loads(line) for line in (whole_run / METRICS).read_text().splitlines()]
    table = read_lives(whole_run / LIVES)
    assert all(row["residual"] == 0 for row in rows) and table["colony"].null_count < len(table)
    for row in rows:
        answers = pq.read_table(whole_run / "encounters" / f"generation-{row['generation']:06d}.parquet").to_pylist()
        passed = [answer for answer in answers if answer["finder"] is not None]
        assert len(passed) == 2 * row["colonies"]["forwarded"]
        assert all(answer["bid"] is not None and answer["organism_id"] != answer["finder"] for answer in passed)
    changes = [json.loads(line) for line in (whole_run / EVENTS).read_text().splitlines()]
    assert {"founded", "audited"} <= {row["change"] for row in changes if row["event"] == "colony"}


def test_a_world_without_colonies_records_nothing_of_them(tmp_path):
    simulation = open_run(WorldConfig.model_validate({**RUN, "colonies": {}, "generations": 1}), tmp_path)
    simulation.run()
    row = json.loads((simulation.run_dir.path / METRICS).read_text())
    assert "colonies" not in row and "pots" not in row["energy"]
    assert "colony" not in read_lives(simulation.run_dir.path / LIVES).column_names
    answers = pq.read_table(simulation.run_dir.path / "encounters" / "generation-000001.parquet")
    assert "finder" not in answers.column_names
