"""Extinctions, moving difficulty, sharing and ablations in whole worlds: books exact, deaths recorded, resumable."""

import json
from collections import Counter

import pytest
from hostless import SETTINGS, Coin, make_world

from evolora.build import open_run, resume_run
from evolora.config.world import WorldConfig
from evolora.disturbance import niches_now
from evolora.environment.chemostat import outflow_amount
from evolora.environment.encounter import homes
from evolora.events import Birth, Death, DeathCause, Elevation
from evolora.generation import advance
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.run_dir import EVENTS, LIVES, METRICS
from evolora.stages import account_of, forage, grow_niches, mean_scores

LEVELS = [{"family": "letter_at", "levels": [{"place": "first"}, {"place": "second"}, {"place": "last"}]}]
MECHANISMS = {
    "extinctions": {
        "extinctions": [
            {"at": 3, "share": 0.5},
            {"at": 4, "every": 2, "share": 0.3, "by": "poorest"},
            {"at": 5, "share": 0.4, "by": "clade"},
            {"at": 5, "share": 1.0, "by": "niche", "niche": "second"},
        ]
    },
    "competition": {"sharing": {"rule": "competition", "alpha": 1.0}},
    "weak competition, neutral": {"sharing": {"rule": "competition", "alpha": 0.4}, "selection": "neutral"},
    "random death": {"death": {"victims": "random", "max_age": 6}},
    "no economy": {"economy": False},
    "attraction": {"reproduction": {"mate": "attraction", "merge_prob": 1.0}},
}


def lived(world, rules, generations, evaluator=None):
    return [advance(world, rules, evaluator or Coin()) for _ in range(generations)]


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("seed", range(8))
def test_books_are_exact_and_every_life_accounted_for_whatever_the_mechanism(mechanism, seed):
    world, rules = make_world(seed, **MECHANISMS[mechanism])
    founders = set(world.population.ids)
    history = lived(world, rules, 10)
    assert [one.report.residual for one in history] == [0] * 10
    assert world.ledger.residual == 0
    events = [event for one in history for event in one.events]
    born = founders | {event.organism_id for event in events if isinstance(event, Birth)}
    dead = [event.organism_id for event in events if isinstance(event, Death)]
    assert len(set(dead)) == len(dead)
    assert set(world.population.ids) == born - set(dead)
    assert world.ledger.accounts("organism") == sorted(o.account for o in world.population)


@pytest.mark.parametrize("seed", range(6))
def test_an_extinction_takes_its_share_and_records_each_death(seed):
    world, rules = make_world(seed, extinctions=[{"at": 2, "share": 0.5}], reproduction={"enabled": False})
    lived(world, rules, 1)
    struck = advance(world, rules, Coin())
    shocks = [e for e in struck.events if isinstance(e, Death) and e.cause is DeathCause.SHOCK]
    before = len(struck.lives) - sum(e.cause is not DeathCause.SHOCK for e in struck.events if isinstance(e, Death))
    assert len(shocks) == int(before * 0.5 + 0.5) > 0
    assert struck.report.deaths["shock"] == len(shocks)
    assert sum(e.remains for e in shocks) == pytest.approx(
        struck.report.flows["remains"]
        - sum(e.remains for e in struck.events if isinstance(e, Death) and e not in shocks)
    )


def test_an_extinction_by_niche_spares_those_at_home_elsewhere():
    extinction = {"at": 1, "share": 1.0, "by": "niche", "niche": "first"}
    world, rules = make_world(extinctions=[extinction], reproduction={"enabled": False}, death={"insolvency": False})
    generation = advance(world, rules, Coin())
    at_home = {i for i, niche in homes(generation.outcomes).items() if niche == "first"}
    assert at_home and {e.organism_id for e in generation.events} == at_home
    assert set(world.population.ids) == set(range(10)) - at_home


def test_random_death_kills_as_many_as_are_insolvent_but_not_them():
    settings = {"energy": {"upkeep": 4.0}, "reproduction": {"enabled": False}, "death": {"max_age": None}}
    skill = {identity: 1.0 if identity < 5 else 0.0 for identity in range(10)}
    selective, chancy = make_world(2, **settings), make_world(2, **settings | {"death": {"victims": "random"}})
    first = [advance(*world, Coin(skill)) for world in (selective, chancy)]
    counts = [one.report.deaths for one in first]
    assert counts[0]["insolvency"] == counts[1]["chance"] > 0
    dead = [{e.organism_id for e in one.events} for one in first]
    assert dead[0] == set(range(5, 10)) and dead[1] != dead[0]


def test_without_an_economy_nothing_is_paid_and_the_best_scores_breed():
    skill = {3: 1.0, 7: 1.0, **{i: 0.2 for i in (0, 1, 2, 4, 5, 6, 8, 9)}}
    changes = {"economy": False, "death": {"max_age": None, "crowding": "poorest"}}
    world, rules = make_world(
        **changes, population={"capacity": 10}, reproduction={"max_births_per_generation": 2, "merge_prob": 0.0}
    )
    generation = advance(world, rules, Coin(skill))
    births = [event for event in generation.events if isinstance(event, Birth)]
    assert {birth.parents for birth in births} == {(3,), (7,)} and all(birth.energy == 0 for birth in births)
    scores = mean_scores(world, generation.outcomes)
    worst = {event.organism_id for event in generation.events if isinstance(event, Death)}
    assert len(worst) == 2 and max(scores.get(i, 0) for i in worst) <= min(scores.get(i, 0) for i in scores)
    assert not {"meal", "prompt", "generation", "upkeep", "learning"} & set(generation.report.flows)


def test_competition_pays_a_task_once_and_the_chemostat_every_solver():
    paid = {}
    for rule in ("chemostat", "competition"):
        world, rules = make_world(
            sharing={"rule": rule}, niches=[{"family": "toy_family:NonAscii", "inflow": 90.0}], encounters={"visits": 2}
        )
        report = advance(world, rules, Coin(dict.fromkeys(range(10), 1.0))).report
        paid[rule] = report.flows["meal"]
    assert paid["chemostat"] == pytest.approx(10 * 2 * 2)  # organisms x visits x answers, all right
    assert paid["competition"] == pytest.approx(2 * 2, abs=1e-4)  # two tasks, two answers each, shared by ten


def test_levels_rise_with_success_are_reported_and_change_the_tasks():
    world, rules = make_world(
        niches=LEVELS, difficulty={"rule": "success", "rest": 2}, death={"insolvency": False, "max_age": None}
    )

    class Knowing(Coin):
        def _answer(self, encounter, draw):
            return super()._answer(encounter, draw).__class__(encounter.task.answer, (1,), (2,), -1.0, True)

    reports = [one.report for one in lived(world, rules, 6, Knowing())]
    assert [report.niche_levels["letter_at"] for report in reports] == [0, 0, 1, 1, 2, 2]
    task = rules.tasks.living(niches_now(world, rules)["letter_at"], 9, 1)[0]
    assert task.question.startswith("The last letter")
    lived(world, rules, 8, Coin(dict.fromkeys(range(99), 0.0)))
    assert world.tracks["letter_at"].level == 0


def test_difficulty_that_is_fixed_stays_at_the_level_the_world_names():
    world, rules = make_world(niches=[{**LEVELS[0], "level": 1}])
    reports = [one.report for one in lived(world, rules, 3)]
    assert not world.tracks and all(report.niche_levels == {} for report in reports)
    assert rules.tasks.living(rules.niches[0], 1, 1)[0].question.startswith("The second letter")


RUN = {
    "name": "upheaval",
    "seed": 5,
    "generations": 8,
    "host": {"name": "tiny-llama", "device": "cpu", "dtype": "float32", "threads": 1},
    "niches": [
        {"family": "toy_family:NonAscii", "name": "one", "levels": [{"kind": "a"}, {"kind": "b"}, {"kind": "c"}]},
        {"family": "toy_family:NonAscii", "name": "two", "levels": [{"kind": "d"}, {"kind": "e"}], "level": 1},
    ],
    "traits": {"rank": {"founders": [2, 2], "bounds": [1, 3], "step": 0.5}},
    "population": {"founders": 8, "capacity": 10, "arrivals": {"at": 2, "every": 3}},
    "encounters": {"visits": 2, "answers_per_task": 2, "tasks_per_niche": 2},
    "sharing": {"rule": "competition", "alpha": 0.5},
    "extinctions": [{"at": 3, "every": 3, "share": 0.4, "by": "clade"}],
    "record": {"checkpoint_every": 3, "elites": 0},
}


@pytest.mark.parametrize("rule", ["success", "progress"])
def test_a_run_with_moving_levels_extinctions_and_newcomers_resumes_byte_for_byte(rule, tmp_path):
    difficulty = {"rule": rule, "harder_above": 0.45, "easier_below": 0.35, "rest": 1, "explore": 0.5}
    config = WorldConfig.model_validate({**RUN, "difficulty": difficulty})
    whole, first = open_run(config, tmp_path / "whole"), open_run(config, tmp_path / "parts")
    whole.run()
    first.run(should_stop=lambda: first.world.generation >= 4)
    again = resume_run(first.run_dir.path)
    assert again.world.tracks == load_checkpoint(checkpoints(first.run_dir.path)[-1])[0].tracks
    again.run()
    for log in (METRICS, EVENTS, LIVES):
        assert (whole.run_dir.path / log).read_bytes() == (again.run_dir.path / log).read_bytes()
    rows = [json.loads(line) for line in (whole.run_dir.path / METRICS).read_text().splitlines()]
    assert len({row["niche_levels"]["one"] for row in rows}) > 1  # or the test would show nothing
    assert sum(row["deaths"].get("shock", 0) for row in rows) > 0


def test_a_niche_that_is_shut_feeds_nobody_and_nobody_can_visit_it():
    openings = [{"at": 1, "duration": 2, "every": 4}, {"at": 3, "duration": 2, "every": 4}]
    niches = [{**niche, "open": opening} for niche, opening in zip(SETTINGS["niches"], openings, strict=True)]
    world, rules = make_world(3, niches=niches, generations=8)
    for generation in range(1, 9):
        stocks = {niche.name: world.ledger.balance(account_of(niche)) for niche in rules.niches}
        lived_one = advance(world, rules, Coin())
        is_open, shut = ("first", "second") if generation % 4 in (1, 2) else ("second", "first")
        assert set(lived_one.report.niche_visitors) == {is_open}
        closed = next(niche for niche in rules.niches if niche.name == shut)
        left = stocks[shut] - outflow_amount(stocks[shut], closed.outflow)
        assert world.ledger.balance(account_of(closed)) == left
        assert lived_one.report.residual == 0


def test_what_nobody_eats_draws_visitors_where_organisms_smell_food():
    full, bare = dict.fromkeys(("capacity", "inflow"), 50.0), {"capacity": 50.0, "inflow": 0.0}
    niches = [{**niche, **stock} for niche, stock in zip(SETTINGS["niches"], (full, bare), strict=True)]
    share = {}
    for weight in (0.0, 6.0):
        encounters = {**SETTINGS["encounters"], "scent_weight": weight, "profit_weight": 0.0, "visits": 20}
        world, rules = make_world(3, niches=niches, encounters=encounters)
        advance(world, rules, Coin())  # everything is eaten
        grow_niches(world, rules)
        visits = [encounter.niche for encounter in forage(world, rules)]
        share[weight] = visits.count("second") / len(visits)
    assert 0.4 < share[0.0] < 0.6 and share[6.0] < 0.05


def test_a_generation_in_which_nothing_is_open_costs_upkeep_and_nothing_else():
    niches = [{**niche, "open": {"at": 1, "duration": 2}} for niche in SETTINGS["niches"]]
    world, rules = make_world(3, niches=niches, generations=2, colonies={"enabled": True})
    lived(world, rules, 2)
    beyond = advance(world, rules, Coin()).report  # as a run that is resumed for longer than its world was made for
    assert beyond.num_answers == 0 and beyond.num_tokens == 0 and beyond.mean_score == 0 and beyond.residual == 0


def test_an_organism_is_compared_in_every_niche_it_visits_where_elites_are_compared_at_home():
    archive = {"enabled": True, "axes": [{"behaviour": "home"}], "least_tasks": 1}
    offers = {}
    for objective in ("home", "all"):
        world, rules = make_world(3, archive={**archive, "objective": objective})
        (generation,) = lived(world, rules, 1)
        names = [niche.name for niche in rules.niches]
        visited = {(o.encounter.organism_id, names.index(o.encounter.niche)) for o in generation.outcomes}
        elevations = [event for event in generation.events if isinstance(event, Elevation)]
        assert {(event.organism_id, event.cell) for event in elevations} <= visited
        offers[objective] = Counter(event.organism_id for event in elevations)
        for elite in world.archive.elites:
            if objective == "home":
                assert elite.objective == elite.organism.practice[names[elite.bins[0]]][1]
    assert max(offers["home"].values()) == 2 and max(offers["all"].values()) == 1


def test_in_a_world_that_changes_an_elite_of_every_season_is_kept():
    openings = [{"at": 1, "duration": 4}, {"at": 5, "duration": 4}]
    niches = [{**niche, "open": opening} for niche, opening in zip(SETTINGS["niches"], openings, strict=True)]
    archive = {"enabled": True, "axes": [{"behaviour": "home"}], "objective": "home", "least_tasks": 3}
    world, rules = make_world(3, niches=niches, generations=8, archive=archive)
    lived(world, rules, 4)
    spring = {elite.bins: (elite.organism.id, elite.objective) for elite in world.archive.elites}
    lived(world, rules, 4)
    autumn = {elite.bins: (elite.organism.id, elite.objective) for elite in world.archive.elites}
    assert set(spring) == {(0,)} and set(autumn) == {(0,), (1,)}
    assert autumn[(0,)] == spring[(0,)]  # whatever became of it and its skill since
