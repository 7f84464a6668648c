"""The claim's procedure and analyses: a small comparison on the petri host, and planted results."""

from dataclasses import replace

import numpy as np
import pytest

from evolora.environment.tasks import TaskSource
from evolora.errors import ConfigError, TaskError
from evolora.experiment.analyses.asked import usual_mode
from evolora.experiment.analyses.contenders import contenders
from evolora.experiment.analyses.equal_budgets import equal_budgets
from evolora.experiment.cell import make_cells
from evolora.experiment.file import find_experiments, load_experiment
from evolora.experiment.registry import find_procedure
from evolora.experiment.results import Results, read_results
from evolora.portfolio.statistics import holm

SMALL = """\
experiment: 1
name: small
question: Does everything run and cost the same?
world: petri
set:
  generations: 10
  population.founders: 6
  population.capacity: 6
  record.elites: 0
seeds: [1]
procedure: contender
params: {size: 2, candidates: 3, selection: 2, tests: 8, tasks_per_step: 2, checkpoints: 2, rounds: 1, brood: 2,
  unseen: {weekday: {max_days: 12}, opposite: {}}}
arms:
  evolved: {params: {kind: evolved, rivals: [ridge, recogniser, centroid, arrow, fixed], samples: 2}}
  host: {params: {kind: host}}
  single: {params: {kind: single, budget_of: evolved}, after: [evolved]}
  forked: {params: {kind: specialists, budget_of: evolved, generalist_share: 0.5}, after: [evolved]}
  gold: {params: {kind: single, regime: gold, budget_of: evolved}, after: [evolved]}
  soup: {params: {kind: soup, budget_of: evolved}, after: [evolved]}
  mixture: {params: {kind: mixture, budget_of: evolved}, after: [evolved]}
analysis: contenders
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Results:
    folder = tmp_path_factory.mktemp("claim")
    (folder / "small.yaml").write_text(SMALL)
    cells = make_cells(load_experiment(folder / "small.yaml"), folder / "out")
    for cell in cells:
        cell.folder.mkdir(parents=True)
        cell.save_result(find_procedure(cell.procedure).function(cell, cell.folder), 1.0)
    return read_results(cells)


def test_every_arm_spends_what_the_evolved_one_does(small):
    total = small.value("evolved", 1, "tokens.total")
    for arm in ("single", "forked", "gold"):
        assert abs(small.value(arm, 1, "tokens.total") / total - 1) < 0.01
    assert small.value("mixture", 1, "tokens.total") > total, "its search comes on top, and is said so"


def test_the_family_shift_asks_what_the_experiment_names(small):
    assert set(small.value("single", 1, "splits.family.families")) == {"weekday", "opposite"}
    assert set(small.value("single", 1, "notes.family")) == {"weekday", "opposite"}


def test_the_same_members_answer_by_other_routers_and_by_their_samples_at_no_cost_to_the_arm(small):
    scores = small.value("evolved", 1, "splits.in distribution.scores")
    assert scores["routed by ridge"] == scores["routed"], "its own router, fitted again"
    assert scores["routed by fixed"] == scores["best single"]
    named = {"routed by recogniser", "routed by centroid", "routed by arrow", "self-consistent"}
    assert named <= set(scores) and not named & set(small.value("forked", 1, "splits.in distribution.scores"))
    purposes = set(small.value("evolved", 1, "tokens"))
    assert purposes == {"living", "selection", "routing", "total"}, "the budget of the others knows nothing of them"

    (table,) = (one for one in contenders(small).tables if one.title == "other ways to answer, same members")
    rows = {row[0]: row[1] for row in table.rows}
    assert rows["evolved, routed by ridge"].endswith("(+0.000 [+0.000, +0.000])"), rows
    assert {"evolved, self-consistent", "evolved, most confident", "evolved, routed by arrow"} <= set(rows)


@pytest.mark.parametrize("arm", ["evolved", "single"])
def test_who_was_taught_a_test_task_is_caught_before_the_test(tmp_path, monkeypatch, arm):
    (tmp_path / "small.yaml").write_text(SMALL)
    cells = {cell.arm: cell for cell in make_cells(load_experiment(tmp_path / "small.yaml"), tmp_path / "out")}
    cells["evolved"].folder.mkdir(parents=True)
    cells["evolved"].save_result({"tokens": {"total": 20_000}, "extinct": False}, 1.0)
    monkeypatch.setattr(TaskSource, "living", lambda source, niche, day, num: source.test(niche, num))
    with pytest.raises(TaskError, match="in distribution: expected test questions that nobody trained on, got"):
        find_procedure("contender").function(cells[arm], tmp_path / "cell")


def test_a_worked_example_that_is_asked_in_the_test_is_caught(tmp_path, monkeypatch):
    (tmp_path / "small.yaml").write_text(SMALL)
    (host,) = (
        cell for cell in make_cells(load_experiment(tmp_path / "small.yaml"), tmp_path / "out") if cell.arm == "host"
    )
    monkeypatch.setattr(TaskSource, "examples", lambda source, niche, num: source.test(niche, num))
    with pytest.raises(TaskError, match="in distribution: expected test questions that nobody trained on, got"):
        find_procedure("contender").function(host, tmp_path / "cell")


CHANGING = """\
experiment: 1
name: changing
question: Who remembers what is asked no more?
world: petri
set:
  generations: 8
  population.founders: 6
  population.capacity: 6
  record.elites: 0
  archive: {enabled: true, axes: [{behaviour: home}], objective: home, least_tasks: 2}
  niches:
    - {family: swap_words, inflow: 16, open: {at: 1, duration: 4}}
    - {family: rhyme, inflow: 16, open: {at: 5, duration: 4}}
seeds: [1]
procedure: contender
params: {size: 2, candidates: 2, selection: 2, tests: 4, tasks_per_step: 2, checkpoints: 2, unseen: {weekday: {}},
  router: recogniser, unseen_examples: 1}
arms:
  evolved: {params: {kind: evolved, source: archive, ancestor: 2}}
  single: {params: {kind: single, budget_of: evolved}, after: [evolved]}
  foreseeing: {params: {kind: single, foresight: true, budget_of: evolved}, after: [evolved]}
  snapshots: {params: {kind: snapshots, budget_of: evolved}, after: [evolved]}
  alone: {params: {kind: alone, budget_of: snapshots}, after: [snapshots]}
  kept: {params: {kind: snapshots, ancestor: 1, budget_of: evolved}, after: [evolved]}
  or_host: {params: {kind: alone, ancestor: 1, budget_of: kept}, after: [kept]}
  specialists: {params: {kind: specialists, budget_of: evolved}, after: [evolved]}
  soup: {params: {kind: soup, source: archive, budget_of: evolved}, after: [evolved]}
analysis: contenders
"""


def test_where_niches_open_and_shut_all_arms_run_at_equal_tokens(tmp_path):
    (tmp_path / "changing.yaml").write_text(CHANGING)
    cells = make_cells(load_experiment(tmp_path / "changing.yaml"), tmp_path / "out")
    for cell in cells:
        cell.folder.mkdir(parents=True)
        cell.save_result(find_procedure(cell.procedure).function(cell, cell.folder), 1.0)
    results = read_results(cells)
    total = results.value("evolved", 1, "tokens.total")
    for arm in ("single", "foreseeing", "snapshots", "specialists", "kept"):
        assert abs(results.value(arm, 1, "tokens.total") / total - 1) < 0.02
    assert len(results.value("evolved", 1, "members")) == 3, (
        "an elite of each niche, whoever of them is alive; the host"
    )
    assert len(results.value("snapshots", 1, "members")) == 2, "one at the end of each term"
    for split in ("in distribution", "surface"):
        alone, single = (results.value(arm, 1, f"splits.{split}.scores.best single") for arm in ("alone", "single"))
        assert alone == single, (
            "the best of the snapshots is the single adapter, with its checkpoints at the same turns"
        )

    modes = {arm: usual_mode(results, arm) for arm in ("alone", "or_host", "kept", "single")}
    assert modes == {"alone": "best single", "or_host": "best or ancestor", "kept": "routed", "single": "best single"}


def test_an_ancestor_that_nobody_would_ask_is_refused_in_words(tmp_path):
    assert "recogniser" in CHANGING
    (tmp_path / "ridge.yaml").write_text(CHANGING.replace("router: recogniser", "router: ridge"))
    with pytest.raises(ConfigError, match="ancestor: expected router recogniser"):
        load_experiment(tmp_path / "ridge.yaml")


def test_who_stands_alone_has_no_ancestor_that_its_arm_had_not(tmp_path):
    (tmp_path / "changing.yaml").write_text(
        CHANGING.replace("budget_of: kept}, after: [kept]", "budget_of: snapshots}, after: [snapshots]")
    )
    cells = {cell.arm: cell for cell in make_cells(load_experiment(tmp_path / "changing.yaml"), tmp_path / "out")}
    cells["snapshots"].folder.mkdir(parents=True)
    cells["snapshots"].save_result({"members": [0, 1]}, 1.0)
    with pytest.raises(ConfigError, match="ancestor: expected null, or an ancestor in the arm snapshots too, got 1"):
        find_procedure("contender").function(cells["or_host"], tmp_path)


def test_a_world_that_died_out_is_answered_for_by_the_bare_host(tmp_path):
    """Seeds that fail must not leave the comparison: that would choose those that went well."""
    text = SMALL.replace("generations: 10", "generations: 3\n  energy.upkeep: 500.0")
    (tmp_path / "small.yaml").write_text(text)
    cells = make_cells(load_experiment(tmp_path / "small.yaml"), tmp_path / "out")
    for cell in (one for one in cells if one.arm in ("evolved", "soup")):
        cell.folder.mkdir(parents=True)
        cell.save_result(find_procedure(cell.procedure).function(cell, cell.folder), 1.0)
    results = read_results(cells)
    for arm in ("evolved", "soup"):
        assert results.value(arm, 1, "extinct") is True and results.value(arm, 1, "members") == [0]
        scores = results.value(arm, 1, "splits.surface.scores")
        assert scores["routed"] == scores["host"]
    tokens = next(table for table in contenders(results).tables if table.title.startswith("token passes"))
    assert tokens.note == "Died out, so that the bare host answers: evolved with seed 1, soup with seed 1."


@pytest.mark.parametrize("unseen", ["{weekday: {max_days: 5}}", "{nobody_knows: {}}", "{rhyme: {}}"])
def test_a_mistake_in_the_family_shift_is_told_before_anybody_lives(tmp_path, unseen):
    text = SMALL.replace("{weekday: {max_days: 12}, opposite: {}}", unseen)
    assert text != SMALL
    (tmp_path / "small.yaml").write_text(text)
    (cell, *_) = make_cells(load_experiment(tmp_path / "small.yaml"), tmp_path / "out")
    with pytest.raises((TaskError, ConfigError), match=r"weekday|nobody_knows|rhyme"):
        find_procedure(cell.procedure).function(cell, cell.folder)
    assert not cell.folder.exists()


def test_who_sees_everything_at_all_times_has_no_snapshots(tmp_path):
    (tmp_path / "all.yaml").write_text(
        SMALL.replace("kind: single, budget_of", "kind: snapshots, foresight: true, budget_of")
    )
    with pytest.raises(ConfigError, match="foresight: expected kind single or specialists"):
        load_experiment(tmp_path / "all.yaml")


@pytest.mark.parametrize(("regime", "method"), [("gold", "reinforce"), ("rewards", "imitate")])
def test_organisms_may_not_be_told_more_or_less_than_the_regime_says(tmp_path, regime, method):
    text = SMALL.replace("size: 2, ", f"size: 2, regime: {regime}, ").replace(
        "set:\n", f"set:\n  learning.method: {method}\n", 1
    )
    (tmp_path / "small.yaml").write_text(text)
    (cell, *_) = make_cells(load_experiment(tmp_path / "small.yaml"), tmp_path / "out")
    with pytest.raises(ConfigError, match=f"regime: expected gold with learning.method imitate .*, got {regime} with"):
        find_procedure(cell.procedure).function(cell, cell.folder)
    assert not cell.folder.exists()


def test_all_arms_are_asked_the_same_questions(small):
    for split in ("in distribution", "difficulty", "family", "surface"):
        families = {arm: small.value(arm, 1, f"splits.{split}.families") for arm in small.arms}
        hosts = {arm: small.value(arm, 1, f"splits.{split}.scores.host") for arm in small.arms}
        assert len({str(one) for one in families.values()}) == 1 and len({str(one) for one in hosts.values()}) == 1


def test_the_findings_have_every_arm_and_every_split(small):
    findings = contenders(small)
    titles = [table.title for table in findings.tables]
    assert {"in distribution", "difficulty", "family", "surface", "out of distribution", "families"} <= set(titles)
    assert len(findings.claims) == (len(small.arms) - 1) * 5
    level = next(table for table in findings.tables if table.title == "surface")
    assert {row[0] for row in level.rows} >= {"evolved, routed", "single, best single", "forked, oracle"}


def test_between_a_member_at_random_and_the_oracle_stands_the_router(small):
    tables = {table.title: table for table in contenders(small).tables}
    routing = {row[0]: row[1:] for row in tables["routing"].rows}
    assert {name.split(",")[0] for name in routing} == {"evolved", "forked"}, "the others have no router"
    levels = {row[0]: row[1] for row in tables["surface"].rows}
    chance, routed, oracle, found, left = routing["evolved, surface"]
    assert [chance, routed, oracle] == [levels[f"evolved, {mode}"] for mode in ("random", "routed", "oracle")]
    differences = [float(text.split()[0]) for text in (found, left)]
    assert differences == pytest.approx([routed - chance, oracle - routed], abs=1e-3)
    covered = {row[0]: [value for value in row[1:] if value is not None] for row in tables["coverage(N)"].rows}
    whole = float(np.mean(small.value("evolved", 1, "splits.surface.scores.oracle")))
    assert covered["evolved, surface"] == sorted(covered["evolved, surface"])
    assert covered["evolved, surface"][-1] == pytest.approx(whole, abs=1e-3), "all members: the oracle"
    assert len(covered["evolved, surface"]) == len(small.value("evolved", 1, "members"))
    by_seed = {row[0]: row[1:] for row in tables["seed by seed"].rows}
    assert by_seed["surface: evolved, routed"] == (pytest.approx(routed, abs=1e-3),)


def test_what_the_question_is_about_is_corrected_apart_from_all_else(small):
    plain = {claim.text: claim for claim in contenders(small).claims}
    named = {claim.text: claim for claim in contenders(replace(small, primary=("single",))).claims}
    assert named.keys() == plain.keys()
    for texts in ([t for t in plain if "above single" in t], [t for t in plain if "above single" not in t]):
        alone = [float(plain[text].note.split("p ")[1].split(" alone")[0]) for text in texts]
        assert [named[text].p for text in texts] == pytest.approx(holm(alone), rel=0.01)
        assert all(named[text].estimate == plain[text].estimate for text in texts)
    assert {claim.quantity.split("over ")[1] for claim in named.values()} == {"primary claims", "secondary claims"}


def test_each_arm_is_held_against_the_one_whose_budget_it_had(small):
    found = equal_budgets(small)
    against = [arm for arm in small.arms if arm not in ("evolved", "host")]
    compared = found.claims[: 5 * len(against)]
    assert [claim.text.split(":")[0] for claim in compared[::5]] == [
        f"evolved, routed, above {arm} ({'routed' if arm == 'forked' else 'best single'})" for arm in against
    ]
    table = found.tables[0]
    assert len(table.rows) == len(compared)
    for row, claim in zip(table.rows, compared, strict=True):
        assert row[1] == small.value("evolved", 1, "tokens.total")
        assert row[3] - row[2] == pytest.approx(claim.estimate)
    plain = {claim.text: claim.estimate for claim in contenders(small).claims}
    assert all(plain[claim.text] == claim.estimate for claim in compared)
    alone = [float(claim.note.split("p ")[1].split(" alone")[0]) for claim in found.claims]
    assert [claim.p for claim in found.claims] == pytest.approx(holm(alone), rel=0.01), "one family, as all say"
    steps = {claim.text: claim.estimate for claim in found.claims[len(compared) :]}
    first, second = (plain[f"evolved, routed, above {arm} ({mode}): surface"] for arm, mode in STEP)
    step = steps["evolved gains more over single than evolved over forked: surface"]
    assert len(steps) == 5 * (len(against) - 1) and step == pytest.approx(first - second)


STEP = (("single", "best single"), ("forked", "routed"))


def test_families_without_a_claim_have_their_balanced_accuracy_beside_them(small):
    lived = next(table for table in contenders(small).tables if table.title == "families")
    told = [row for row in lived.rows if str(row[0]).endswith("balanced accuracy")]
    assert len(told) == sum("no claim" in str(row[0]) for row in lived.rows)
    assert all(isinstance(value, float) and 0 <= value <= 1 for row in told for value in row[1:-1])


@pytest.mark.parametrize(
    "name",
    [
        "portfolio_vs_single",
        "portfolio_vs_single_gold",
        "router_x_lifecycle",
        "budget_sweep",
        "portfolio_size",
        "host_size",
        "portfolio_through_change",
        "portfolio_through_change_gold",
    ],
)
@pytest.mark.parametrize("quick", [False, True])
def test_shipped_comparisons_are_whole_and_never_mix_what_is_told(name, quick):
    (file,) = find_experiments(name)
    experiment = load_experiment(file, quick)
    regimes = {arm.params["regime"] for arm in experiment.arms}
    methods = {arm.world.learning.method for arm in experiment.arms if arm.params["kind"] == "evolved"}
    assert len(regimes) == 1
    assert methods == ({"imitate"} if regimes == {"gold"} else {"reinforce"})
    assert len({(arm.params["selection"], arm.params["tests"]) for arm in experiment.arms}) == 1
