"""The archive: who becomes an elite, what is measured of it, who descends from it, and that nothing is forgotten."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hostless import Coin, make_world
from puddle import toy_niches
from puddle import world as puddle

from evolora.archiving import measure_archive
from evolora.build import open_run, resume_run
from evolora.errors import ConfigError, RunFolderError
from evolora.events import Birth, Death, Elevation, Merge
from evolora.generation import advance
from evolora.lifecycle.archive import Archive, keepsake
from evolora.lifecycle.behaviour import Axis, Doings, behaviour, objective
from evolora.lifecycle.reproduction import BirthPlan, give_birth
from evolora.record.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from evolora.record.glossary import ARCHIVE
from evolora.record.run_dir import EVENTS, LIVES, METRICS
from evolora.rng import stream

GRID = (Axis("score:first", 0.0, 1.0, 2), Axis("num_examples", 0.0, 3.0, 3))
AXES = [{"behaviour": "share:first", "bins": 4}, {"behaviour": "rank", "bins": 3}]


def archived_world(seed=1, parents=0.0, **changes):
    return make_world(
        seed, **{"archive": {"enabled": True, "axes": AXES, "least_tasks": 3, "parents": parents}}, **changes
    )


def lived(world, rules, generations):
    return [advance(world, rules, Coin()) for _ in range(generations)]


def test_a_sequence_of_offers_fills_the_cells_that_it_must():
    """Six cells: number = 3 · (score:first >= 1/2) + examples. Worked by hand; pyribs agrees on its own numbers."""
    population, _ = make_world()
    some = list(population.population)
    archive = Archive(GRID)
    offers = [  # (objective, score:first, examples) -> cell and whether it gets in
        (0.4, 0.2, 0, 0, True),
        (0.4, 0.3, 0, 0, False),  # as good: the first stays
        (0.5, 0.5, 1, 4, True),  # a half is the lower end of the upper bin
        (0.9, 1.0, 9, 5, True),  # out of bounds: the outermost bin
        (0.6, 0.1, 0, 0, True),
        (0.1, 0.49, 2, 2, True),
        (0.2, 0.9, 1, 4, False),
    ]
    for organism, (score, *measures, cell, gets_in) in zip(some, offers, strict=False):
        found = archive.offer(organism, score, measures, generation=7)
        assert (found is not None) == gets_in
        if found is not None:
            assert found[0].cell == cell and found[0].organism is organism and found[0].generation == 7
    assert [(elite.cell, elite.objective, elite.organism.id) for elite in archive.elites] == [
        (0, 0.6, 4), (2, 0.1, 5), (4, 0.5, 2), (5, 0.9, 3),
    ]  # fmt: skip
    held = archive.holdings()
    assert (held.elites, held.coverage, held.best) == (4, 4 / 6, 0.9)
    assert held.qd_score == pytest.approx(0.6 + 0.1 + 0.5 + 0.9) and held.norm_qd_score == pytest.approx(2.1 / 6)
    stats = archive._grid.stats
    assert held.qd_score == pytest.approx(float(stats.qd_score)) and held.mean == pytest.approx(float(stats.obj_mean))
    assert (held.coverage, held.best, held.elites) == (stats.coverage, stats.obj_max, stats.num_elites)


def test_an_empty_archive_has_no_best_and_draws_nobody():
    archive = Archive(GRID)
    held = archive.holdings()
    assert (held.elites, held.coverage, held.qd_score, held.best, held.mean) == (0, 0.0, 0.0, None, None)
    assert archive.draw(stream(1, "x"), without=0) is None and archive.num_cells == 6


def test_every_cell_is_drawn_alike_and_never_the_payer():
    population, _ = make_world()
    archive = Archive(GRID)
    for organism, measures in zip(population.population, [(0.1, 0), (0.1, 1), (0.9, 0), (0.9, 2)], strict=False):
        archive.offer(organism, 0.5, measures, 1)
    rng = stream(1, "draws")
    drawn = [archive.draw(rng, without=2).id for _ in range(3000)]
    counts = np.bincount(drawn, minlength=4)
    assert counts[2] == 0 and all(abs(counts[i] - 1000) < 130 for i in (0, 1, 3))  # 5 standard deviations


PRACTICE = {"first": (10, 0.6), "second": (5, 0.4)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trade", 0.0),
        ("home", 1.0),
        ("share:first", 6 / 8),  # 10 tasks of 0.6 are 6 points, 5 of 0.4 are 2
        ("share:third", 0.0),
        ("score:second", 0.4),
        ("score:third", 0.0),
        ("breadth", (1 / (0.75**2 + 0.25**2) - 1) / 2),  # Levins' B is 1.6 of three niches
        ("answer_tokens", 4.5),
        ("rank", 2.0),
    ],
)
def test_behaviours_are_what_they_say(name, value):
    world, _ = make_world()
    organism = world.population[0]
    organism.practice = PRACTICE
    assert behaviour(name, organism, Doings("second", 4.5), ["first", "second", "third"]) == pytest.approx(value)


def test_who_never_scored_has_no_trade_no_breadth_and_no_share():
    world, _ = make_world()
    organism = world.population[0]
    organism.practice = {"first": (10, 0.0)}
    niches, done = ["first", "second"], Doings("first", 1.0)
    assert [behaviour(name, organism, done, niches) for name in ("trade", "breadth", "share:first")] == [
        None, None, None,
    ]  # fmt: skip
    assert objective(organism, 10) == 0.0 and objective(organism, 11) is None


def test_the_objective_is_the_mean_over_all_tasks_remembered():
    world, _ = make_world()
    world.population[0].practice = PRACTICE
    assert objective(world.population[0], 8) == pytest.approx(8 / 15)


def test_the_objective_at_home_is_the_mean_over_the_tasks_of_one_niche():
    world, _ = make_world()
    world.population[0].practice = PRACTICE
    assert objective(world.population[0], 5, "second") == 0.4
    assert objective(world.population[0], 6, "second") is None and objective(world.population[0], 1, "third") is None


def test_a_keepsake_holds_what_is_inherited_and_does_not_change():
    world, _ = make_world()
    organism = world.population[0]
    organism.learnt = world.population[1].genome
    organism.practice = {"first": (1, 1.0)}
    heirs = keepsake(organism, lamarckian=True), keepsake(organism, lamarckian=False)
    assert heirs[0].genome is organism.learnt and heirs[0].learnt is None
    assert heirs[1].genome is organism.genome and heirs[1].active is organism.learnt
    organism.practice["first"] = (2, 0.0)
    assert heirs[0].practice == {"first": (1, 1.0)} and heirs[0].optimizer is None


@pytest.mark.parametrize("seed", range(4))
def test_the_archive_follows_from_the_events_and_only_ever_improves(seed):
    world, rules = archived_world(seed, parents=0.5)
    cells: dict[int, tuple[int, float]] = {}
    covered = score = 0.0
    for one in lived(world, rules, 14):
        for event in one.events:
            if isinstance(event, Elevation):
                before = cells.get(event.cell)
                assert event.before == (None if before is None else before[0])
                assert before is None or event.objective > before[1]
                cells[event.cell] = (event.organism_id, event.objective)
        row = one.report.archive
        assert row.keys() == ARCHIVE.keys()
        assert row["coverage"] == len(cells) / 12 >= covered
        assert row["qd_score"] == pytest.approx(sum(own for _, own in cells.values())) and row["qd_score"] >= score
        covered, score = row["coverage"], row["qd_score"]
    assert {elite.cell: (elite.organism.id, elite.objective) for elite in world.archive.elites} == cells
    assert row["dead"] > 0  # or nobody was outlived by its adapter


def test_elites_that_died_keep_their_weights():
    world, rules = archived_world(2)
    lived(world, rules, 14)
    dead = [elite for elite in world.archive.elites if elite.organism.id not in world.population]
    assert dead and all(elite.organism.active.is_finite() for elite in dead)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("economy", [True, False])
def test_children_of_elites_are_paid_by_a_living_organism_and_have_the_elite_for_a_parent(seed, economy):
    changes = {} if economy else {"economy": False}
    world, rules = archived_world(seed, parents=0.7, **changes)
    alive, ever, elites = set(world.population.ids), set(world.population.ids), set()
    brought, dead_parents = [], 0
    for _ in range(16):
        generation = advance(world, rules, Coin())
        assert generation.report.residual == 0 == world.ledger.residual
        for event in generation.events:
            if isinstance(event, Elevation):
                elites.add(event.organism_id)
            elif isinstance(event, Death):
                alive.discard(event.organism_id)
            elif isinstance(event, Birth):
                assert set(event.parents) <= ever and set(event.payers or event.parents) <= alive
                if event.from_archive:
                    (guest,) = set(event.parents) - set(event.payers)
                    assert guest in elites and sum(event.payments) == pytest.approx(event.energy)
                    assert event.parents in ((guest,), (event.payers[0], guest))
                    dead_parents += guest not in alive
                    brought.append(event.kind)
                    assert world.history.pedigree[event.organism_id].parents == event.parents
                alive.add(event.organism_id)
                ever.add(event.organism_id)
        assert alive == set(world.population.ids)
        births = sum(isinstance(event, Birth) and event.from_archive for event in generation.events)
        assert generation.report.archive["births"] == births
    assert dead_parents and {"clone", "merge"} == set(brought)


def test_without_a_share_for_parents_nobody_descends_from_the_archive_and_history_is_as_without_it():
    plain, rules = make_world(3)
    kept, archiving = archived_world(3)
    for _ in range(10):
        one, other = advance(plain, rules, Coin()), advance(kept, archiving, Coin())
        assert [event for event in other.events if not isinstance(event, Elevation)] == list(one.events)
        row = other.report.to_row()
        assert row.pop("archive")["births"] == 0 and row == one.report.to_row()


def guest_birth(kind, parents):
    world, rules = archived_world(1)
    guest = keepsake(world.population[3], lamarckian=True)
    lineage = guest.lineage
    world.population.remove(3)
    world.ledger.transfer("organism:3", "commons", world.ledger.balance("organism:3"), "remains")
    world.ledger.close_account("organism:3")
    plan = BirthPlan(kind, parents, (1_500_000,), None, guest, payers=(0,))
    before = world.ledger.balance("organism:0")
    conceive = rules.heredity.conceiver(world.population)
    events = give_birth(plan, world.population, world.ledger, 1, conceive, "commons", stream(1, "x"))
    assert world.ledger.balance("organism:0") == before - 1_500_000
    assert world.ledger.balance(f"organism:{world.population.ids[-1]}") == 1_500_000 and world.ledger.residual == 0
    return world, events, lineage


def test_a_clone_of_a_dead_elite_is_of_its_lineage_and_its_payer_has_no_child():
    world, events, lineage = guest_birth("clone", (3,))
    child = world.population[world.population.ids[-1]]
    assert child.parents == (3,) and child.lineage == lineage == 3 and world.population[0].children == 0
    assert events[0].to_row()["payers"] == [0] and events[0].parents == (3,)


def test_a_child_of_a_payer_and_a_dead_elite_has_both_for_parents():
    world, events, _ = guest_birth("merge", (0, 3))
    child = world.population[world.population.ids[-1]]
    assert child.parents == (0, 3) and child.lineage == 0 and world.population[0].children == 1
    assert isinstance(events[1], Merge) and events[1].lineages == (0, 3)


def test_a_birth_that_its_parents_pay_says_nothing_of_payers():
    world, rules = make_world(1)
    births = [e for one in lived(world, rules, 6) for e in one.events if isinstance(e, Birth)]
    assert births and not any("payers" in birth.to_row() for birth in births)


def test_worlds_without_an_archive_record_nothing_of_one():
    world, rules = make_world(1)
    generation = lived(world, rules, 1)[0]
    assert "archive" not in generation.report.to_row() and measure_archive(world, generation.events) is None


def test_an_archive_without_pyribs_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.setattr("evolora.blueprint.find_spec", lambda name: None if name == "ribs" else name)
    with pytest.raises(ConfigError, match=r"expected the package ribs.*pip install 'evolora\[archive\]'"):
        archived_world()
    make_world(1)  # which needs none


@pytest.mark.parametrize(
    ("axes", "line"),
    [
        (
            [{"behaviour": "speed", "bins": 3}],
            r"axes: expected a behaviour \(trade, home, breadth, .*\), got speed",
        ),
        ([{"behaviour": "share:frist", "bins": 3}], r"expected share: and a niche \(first, second\), got share:frist"),
        ([{"behaviour": "rank", "bins": 3}] * 2, r"expected different behaviours, got rank twice"),
        ([{"behaviour": "rank"}], r"expected bins with rank, got none"),
        ([{"behaviour": "trade", "bins": 3}], r"expected no bounds and no bins with trade"),
        ([{"behaviour": "preference:first", "bins": 3}], r"expected bounds with preference:first, got none"),
        ([{"behaviour": "rank", "bins": 3, "bounds": [4, 4]}], r"expected bounds\[0\] < bounds\[1\]"),
        ([{"behaviour": "rank", "bins": 80}, {"behaviour": "breadth", "bins": 80}], r"at most 4,096 cells, got 6,400"),
    ],
)
def test_axes_that_make_no_sense_are_one_line(axes, line):
    with pytest.raises(ValueError, match=line):
        make_world(1, archive={"enabled": True, "axes": axes})


def test_bounds_that_are_not_given_are_all_that_the_behaviour_can_be():
    axes = [{"behaviour": name, "bins": 2} for name in ("rank", "answer_tokens", "breadth")]
    _, rules = make_world(1, archive={"enabled": True, "axes": [{"behaviour": "trade"}, *axes]})
    assert [(axis.low, axis.high, axis.bins) for axis in rules.archive.axes] == [
        (0.0, 2.0, 2), (1.0, 3.0, 2), (0.0, 32.0, 2), (0.0, 1.0, 2),
    ]  # fmt: skip


def test_a_snapshot_shares_elites_and_goes_its_own_way():
    world, rules = archived_world(2, parents=0.5)
    lived(world, rules, 1)
    twin = world.snapshot()
    held = world.archive.elites
    assert all(one is other for one, other in zip(held, twin.archive.elites, strict=True))
    lived(twin, rules, 6)
    assert world.archive.elites == held and twin.archive.holdings().qd_score > world.archive.holdings().qd_score


def test_a_world_that_goes_on_with_other_axes_begins_a_new_archive():
    world, rules = archived_world(2)
    lived(world, rules, 4)
    _, others = make_world(2, archive={"enabled": True, "axes": [{"behaviour": "trade"}], "least_tasks": 3})
    advance(world, others, Coin())
    assert world.archive.axes == others.archive.axes and len(world.archive.elites) <= 2


def archived_puddle(**changes):
    axes = [{"behaviour": "trade"}, {"behaviour": "answer_tokens", "bins": 4, "bounds": [1, 5]}]
    archive = {"enabled": True, "axes": axes, "least_tasks": 2, "parents": 0.6}
    return puddle(archive=archive, **changes)


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory) -> Path:
    simulation = open_run(archived_puddle(generations=9), tmp_path_factory.mktemp("whole"))
    simulation.run()
    return simulation.run_dir.path


@pytest.mark.parametrize("stop", [3, 5])
@pytest.mark.parametrize("inheritance", ["lamarckian", "darwinian"])
def test_a_run_with_an_archive_resumes_byte_for_byte(tmp_path, whole_run, stop, inheritance):
    whole = whole_run
    settings = {"generations": 9, "learning": {"inheritance": inheritance}}
    if inheritance == "darwinian":
        simulation = open_run(archived_puddle(**settings), tmp_path / "whole")
        simulation.run()
        whole = simulation.run_dir.path
    first = open_run(archived_puddle(**settings), tmp_path / "cut")
    first.run(should_stop=lambda: first.world.generation >= stop)
    path = first.run_dir.path
    assert load_checkpoint(checkpoints(path)[-1])[0].archive.elites  # or the test would show nothing
    resume_run(path).run()
    for log in (METRICS, EVENTS, LIVES, "phylogeny.csv"):
        assert (path / log).read_bytes() == (whole / log).read_bytes()
    for name in ("archive.safetensors", "weights.safetensors"):
        assert (checkpoints(path)[-1] / name).read_bytes() == (checkpoints(whole)[-1] / name).read_bytes()
    states = [json.loads((checkpoints(run)[-1] / "state.json").read_text()) for run in (path, whole)]
    assert states[0]["archive"] == states[1]["archive"]


def test_what_elites_are_kept_for_does_not_hang_on_the_order_of_niches_in_a_checkpoint(tmp_path):
    """Four niches, whose memories come back from a checkpoint in the order of their names."""
    world, rules = make_world(
        2, niches=toy_niches("reef", "marsh", "tide", "bog", inflow=8.0), archive={"enabled": True, "least_tasks": 3}
    )
    lived(world, rules, 4)
    resumed, _ = load_checkpoint(save_checkpoint(world, {}, tmp_path, keep=1))
    went_on, came_back = (
        [event for generation in lived(one, rules, 12) for event in generation.events] for one in (world, resumed)
    )
    assert went_on == came_back and sum(isinstance(event, Elevation) for event in went_on) > 9


def test_children_of_dead_elites_stand_in_the_run_s_phylogeny(whole_run):
    events = [json.loads(line) for line in (whole_run / EVENTS).read_text().splitlines()]
    died = {row["organism_id"]: row["generation"] for row in events if row["event"] == "death"}
    late = [
        (row["organism_id"], row["parents"])
        for row in events
        if row["event"] == "birth" and any(died.get(parent, 99) < row["generation"] for parent in row["parents"])
    ]
    lines = (whole_run / "phylogeny.csv").read_text().splitlines()
    assert late
    for child, parents in late:
        line = next(line for line in lines if line.startswith(f"{child},"))
        assert f"[{','.join(map(str, parents))}]" in line.replace('"', "")


def test_the_archive_of_a_checkpoint_is_not_believed_where_an_elite_is_in_the_wrong_cell(whole_run, tmp_path):
    copy = shutil.copytree(checkpoints(whole_run)[-1], tmp_path / checkpoints(whole_run)[-1].name)
    state = json.loads((copy / "state.json").read_text())
    elites = state["archive"]["elites"]
    elites[0]["measures"], elites[1]["measures"] = elites[1]["measures"], elites[0]["measures"]
    (copy / "state.json").write_text(json.dumps(state))
    with pytest.raises(RunFolderError, match="expected elites in the cells of their measures"):
        load_checkpoint(copy)
