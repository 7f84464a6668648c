"""Experiment files: what they mean, and every mistake in them with its place."""

from pathlib import Path

import pytest
from small_experiments import EXPERIMENT, write_experiment

from evolora.config.load import load_world
from evolora.errors import ConfigError
from evolora.experiment.file import find_experiments, known_experiments, load_experiment

SHIPPED = sorted(Path(__file__).parents[2].joinpath("experiments").glob("**/*.yaml"))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def problems_of(text: str, folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_experiment(write_experiment(folder, text))
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_mistakes_in_sections_of_two_shapes_and_in_arms_are_told_with_what_may_stand_there(tmp_path):
    assert problems_of(EXPERIMENT.replace("[1, 2, 3]", "{first: 1, cout: 5}"), tmp_path) == [
        "pair.yaml:5:1: seeds.count: expected an integer >= 1, got nothing (How many seeds)",
        "pair.yaml:5:19: seeds.cout: unknown key; did you mean count?",
    ]
    (problem,) = problems_of(EXPERIMENT.replace("first: {params: {add: 5}}", "first: {param: {add: 5}}"), tmp_path)
    assert problem == "pair.yaml:9:11: arms.first.param: unknown key; did you mean params?"
    text = EXPERIMENT[: EXPERIMENT.index("arms:")]
    (problem,) = problems_of(text, tmp_path)
    assert problem.startswith("pair.yaml: arms: expected a mapping from names to a section with world, set, procedure")


@pytest.mark.parametrize(
    ("params", "got"),
    [
        ("kind: soup, budget_of: frist", "another arm (first), got frist; did you mean first?"),
        ("kind: soup, budget_of: second", "another arm (first), got second"),
        ("kind: soup", "another arm (first), got nothing"),
        ("kind: soup, budget_of: first", "an arm that this one waits for, got first; give it `after: [first]`"),
    ],
)
def test_an_arm_that_reads_another_must_wait_for_it(tmp_path, params, got):
    text = EXPERIMENT.replace('"doings:note"', "contender").replace("params: {add: 1}, ", "")
    text = text.replace("first: {params: {add: 5}}", "first: {}")
    text = text.replace('procedure: "doings:follow"', f"params: {{{params}}}")
    text = text.replace(", after: [first]", "") if "after" in got else text
    (problem,) = problems_of(text, tmp_path)
    where, _, said = problem.partition(": ")
    assert where.startswith("pair.yaml:8:") and said == f"arms.second.params.budget_of: expected {got}"


def test_an_arm_has_the_worlds_settings_then_the_experiments_then_its_own(tmp_path):
    text = EXPERIMENT.replace("world: petri", "world: petri\nset: {generations: 7, energy: {upkeep: 0.5}}")
    text = text.replace("first: {", "first: {set: {energy.upkeep: 0.4, niches.rhyme.inflow: 3}, ")
    second, first = load_experiment(write_experiment(tmp_path, text)).arms
    petri = load_world("petri")
    assert (first.world.generations, second.world.generations) == (7, 7)
    assert (first.world.energy.upkeep, second.world.energy.upkeep) == (0.4, 0.5)
    assert (
        first.world.energy.cost_per_generated_token == petri.energy.cost_per_generated_token
    )  # laid over, not replaced
    inflows = {niche.family: niche.inflow for niche in first.world.niches}
    assert inflows == {niche.family: 3 if niche.family == "rhyme" else niche.inflow for niche in petri.niches}
    assert first.params == {"add": 5} and second.params == {}


def test_quick_replaces_seeds_and_lays_settings_and_params_over_all_arms(tmp_path):
    quick = load_experiment(write_experiment(tmp_path), quick=True)
    assert quick.seeds == (7,)
    assert [arm.world.generations for arm in quick.arms] == [2, 2]
    assert [dict(arm.params) for arm in quick.arms] == [{"add": 1}, {"add": 1}]


def test_arms_are_ordered_behind_those_they_wait_for(tmp_path):
    experiment = load_experiment(write_experiment(tmp_path))
    assert [arm.name for arm in experiment.arms] == ["second", "first"]
    assert experiment.order == ("first", "second")


def test_primary_arms_are_arms(tmp_path):
    assert load_experiment(write_experiment(tmp_path, EXPERIMENT + "primary: [second]\n")).primary == ("second",)
    with pytest.raises(ConfigError, match=r"primary: expected arms \(second, first\), got third"):
        load_experiment(write_experiment(tmp_path, EXPERIMENT + "primary: [third]\n"))


def test_a_world_beside_the_file_comes_before_a_shipped_one(tmp_path):
    (tmp_path / "petri.yaml").write_text("name: mine\nniches: [{family: rhyme}]\n")
    assert {arm.world.name for arm in load_experiment(write_experiment(tmp_path)).arms} == {"mine"}


def test_every_mistake_is_reported_at_once_with_its_place(tmp_path):
    text = EXPERIMENT.replace("question:", "qestion:").replace("seeds: [1, 2, 3]", "seeds: [1, 1.5]")
    found = problems_of(text, tmp_path)
    assert any(p.startswith("pair.yaml:3:1: qestion: unknown key; did you mean question?") for p in found)
    assert any("question: expected" in problem for problem in found)
    assert any(problem.startswith("pair.yaml:5:") and "seeds" in problem for problem in found)


def test_mistakes_in_settings_of_arms_are_shown_where_they_were_written(tmp_path):
    text = EXPERIMENT.replace("first: {", "first: {set: {energy.upkep: 1, generations: many}, ")
    found = problems_of(text, tmp_path)
    assert len(found) == 2
    assert any(p.startswith("pair.yaml:9:") and "energy.upkep: unknown key; did you mean upkeep?" in p for p in found)
    assert any(p.startswith("pair.yaml:9:") and "expected an integer >= 1, got the text 'many'" in p for p in found)


def test_params_are_checked_against_the_procedures_own_model(tmp_path):
    text = EXPERIMENT.replace(
        "first: {params: {add: 5}}", "first: {procedure: simulate, params: {latst: 3, keep: some, held_out: true}}"
    )
    found = problems_of(text, tmp_path)
    assert any(p.startswith("pair.yaml:9:") and "latst: unknown key; did you mean latest?" in p for p in found)
    assert any("held_out: expected an integer >= 0, got true" in p for p in found)
    assert any("keep: expected one of all, lean, nothing, got the text 'some'" in p for p in found)


def test_shared_params_go_to_the_arms_whose_procedure_knows_them(tmp_path):
    text = EXPERIMENT.replace("arms:", "params: {latest: 3, add: 2}\narms:\n  third: {procedure: simulate}")
    third, second, first = load_experiment(write_experiment(tmp_path, text)).arms
    assert third.params["latest"] == 3 and "add" not in third.params
    assert second.params == {"latest": 3, "add": 2} and first.params == {"latest": 3, "add": 5}


def test_a_shared_param_that_no_procedure_knows_is_a_mistake(tmp_path):
    text = EXPERIMENT.replace('"doings:note"', "simulate\nparams: {latst: 3}").replace("{params: {add: 5}}", "{}")
    found = problems_of(text.replace('{procedure: "doings:follow", after: [first]}', "{}"), tmp_path)
    assert any("params.latst: expected a param" in p and "did you mean latest?" in p for p in found)
    assert any("quick.params.add: expected a param" in p for p in found)


def test_a_param_that_is_missing_is_named_with_its_arm(tmp_path):
    text = EXPERIMENT.replace("first: {params: {add: 5}}", "first: {procedure: go_on, params: {generations: 3}}")
    (found,) = problems_of(text, tmp_path)
    assert found.startswith("pair.yaml:9:3: arms.first.params.of: expected a text, got nothing")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("seeds: [1, 2, 3]", "seeds: [1, 2, 1]", "seeds: expected every seed once"),
        ("after: [first]", "after: [third]", "arms.second.after: expected other arms (first), got third"),
        ("first: {", "first: {after: [second], ", "waiting in a circle"),
        ("world: petri", "world: pertri", "did you mean petri?"),
        ("doings:note", "simulat", "did you mean simulate?"),
        ("doings:note", "doings:nothing", "expected a function nothing in doings"),
        ("doings:note", "undoings:note", "expected a module that can be imported"),
        ("doings:compare", "no_such", "expected one of the analyses"),
    ],
)
def test_a_mistake_says_what_was_expected(tmp_path, old, new, expected):
    assert old in EXPERIMENT
    assert expected in " ".join(problems_of(EXPERIMENT.replace(old, new), tmp_path))


def test_an_arms_name_is_held_against_its_pattern(tmp_path):
    (problem,) = problems_of(EXPERIMENT.replace("  second:", "  the second:"), tmp_path)
    assert "a text matching" in problem and "as key, got the second" in problem


def test_a_file_a_folder_and_a_name_are_found(tmp_path):
    folder = tmp_path / "experiments" / "pond"
    folder.mkdir(parents=True)
    for name in ("beta", "alpha"):
        write_experiment(folder, EXPERIMENT, f"{name}.yaml")
    assert [path.stem for path in find_experiments("pond")] == ["alpha", "beta"]
    assert [path.stem for path in find_experiments("experiments/pond")] == ["alpha", "beta"]
    assert [path.stem for path in find_experiments("pond/beta")] == ["beta"]
    assert [path.stem for path in find_experiments("beta")] == ["beta"]
    with pytest.raises(ConfigError, match="did you mean alpha"):
        find_experiments("pond/alfa")


def test_shipped_experiments_are_found_wherever_one_stands():
    assert {path.name for path in SHIPPED} == {path.name for path in known_experiments().values()}
    assert {"ecology/exclusion", "ecology/coexistence", "ecology/drift", "ecology/ablations"} <= set(
        known_experiments()
    )
    assert len(find_experiments("ecology")) >= 4


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("quick", [False, True], ids=["whole", "quick"])
def test_a_shipped_experiment_has_no_mistake_and_a_head_with_its_command(path, quick):
    experiment = load_experiment(path, quick)
    assert experiment.name == path.stem
    head = path.read_text().split("experiment: 1")[0]
    assert "evolora experiment run" in head and "Cost:" in head and "Result:" in head
