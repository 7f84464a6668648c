"""The same experiment with other seeds: seeds on the command line, and whether claims come out again."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_experiments import EXPERIMENT, write_experiment
from typer.testing import CliRunner

from evolora.cli.experiment import experiment_app
from evolora.errors import ConfigError, RunFolderError
from evolora.experiment.agreement import agreement_table, chance_inside, difference, read_findings
from evolora.experiment.claims import above
from evolora.experiment.file import load_experiment
from evolora.experiment.findings import Claim
from evolora.experiment.plan import default_out, make_plan
from evolora.experiment.seeds import parse_seeds, seed_words


def claim(values, text: str = "above") -> Claim:
    return above(text, "gain", values)


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(experiment_app, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def write_findings(
    folder: Path, seeds: list[int], claims: list[Claim], changed: Mapping[str, object] | None = None
) -> Path:
    folder.mkdir()
    kept = {"experiment": "pair", "quick": False, "seeds": seeds, "claims": [vars(one) for one in claims]}
    kept |= {"cells": 6, "finished": 6, "design": "d", "code": ["c"]}
    (folder / "findings.json").write_text(json.dumps({**kept, **(changed or {})}))
    return folder


@pytest.mark.parametrize(
    ("text", "seeds"), [("746-748", (746, 747, 748)), ("1,2,5", (1, 2, 5)), ("9, 1-2", (9, 1, 2)), ("4", (4,))]
)
def test_seeds_are_read_and_written_as_people_do(text, seeds):
    assert parse_seeds(text) == seeds
    assert parse_seeds(seed_words(seeds)) == seeds


@pytest.mark.parametrize("text", ["", "5-3", "-1", "one", "1,,2", "1;2", "0-99999999", "1.5", "9" * 5000])
def test_what_is_no_list_of_seeds_is_refused_in_a_line(text):
    with pytest.raises(ConfigError, match="--seeds: expected seeds as 746-750 or 1,2,5"):
        parse_seeds(text)


def test_a_seed_named_twice_is_refused():
    with pytest.raises(ConfigError, match="expected every seed once, got 1-3,2"):
        parse_seeds("1-3,2")


def test_other_seeds_have_a_folder_and_worlds_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    path = write_experiment(tmp_path)
    other = load_experiment(path, seeds=(8, 9))
    assert other.seeds == (8, 9) and {arm.world.seed for arm in other.arms} == {8}
    assert default_out(other).name == "pair-seeds-8-9"
    assert default_out(load_experiment(path, seeds=(1, 2, 3))).name == "pair"  # the file's own
    assert default_out(load_experiment(path, quick=True, seeds=(8,))).name == "pair-quick-seeds-8"
    assert len(default_out(load_experiment(path, seeds=range(1, 1000, 2))).name) < 100
    assert CliRunner().invoke(experiment_app, ["plan", "pair.yaml", "--seeds", ""]).exit_code != 0


def test_an_experiment_is_repeated_with_other_seeds_and_held_against_itself(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    write_experiment(tmp_path)
    invoke("run", "pair.yaml")
    assert "6 of 6 cells to do" in invoke("run", "pair.yaml", "--seeds", "11-13")
    cells = tmp_path / "checkpoints" / "experiments"
    said = invoke("agree", str(cells / "pair"), str(cells / "pair-seeds-11-13"))
    assert "seeds 1-3" in said and "seeds 11-13" in said and "the second is one more" in said
    whole = cells / "pair"
    assert "6 of 12 cells to do" in invoke("run", "pair.yaml", "--seeds", "1-3,11-13", "--out", str(whole))


def test_a_design_is_the_same_for_other_seeds_and_another_for_other_arms(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    path = write_experiment(tmp_path)
    design = make_plan(load_experiment(path)).design
    assert make_plan(load_experiment(path, seeds=(8, 9))).design == design
    for old, new in (
        ("add: 5", "add: 6"),
        ("world: petri", "world: petri\nset: {energy.upkeep: 0.5}"),
        ("first:", "one:"),
    ):
        text = EXPERIMENT.replace(old, new).replace("[first]", "[one]" if new == "one:" else "[first]")
        assert make_plan(load_experiment(write_experiment(tmp_path, text))).design != design


def test_the_difference_is_welchs():
    from scipy.stats import ttest_ind

    one, other = [0.1, 0.3, 0.2, 0.5, 0.4], [0.35, 0.2, 0.6, 0.75, 0.5, 0.4]
    gap, interval = difference(claim(one), claim(other))
    by_scipy = ttest_ind(other, one, equal_var=False).confidence_interval()
    assert gap == pytest.approx(np.mean(other) - np.mean(one))
    assert interval == pytest.approx((by_scipy.low, by_scipy.high))


def test_replicates_of_one_truth_agree_nineteen_times_in_twenty_and_of_two_truths_rarely():
    rng = np.random.default_rng(5)
    agree, inside, apart = [], [], []
    for _ in range(600):
        first, second, other = (claim(rng.normal(mean, 1.0, size=6)) for mean in (0.0, 0.0, 4.0))
        for found, to in ((agree, second), (apart, other)):
            _, (low, high) = difference(first, to)
            found.append(low <= 0 <= high)
        inside.append(first.interval[0] <= second.estimate <= first.interval[1])
    assert 0.92 < np.mean(agree) < 0.985
    assert np.mean(apart) < 0.02
    assert np.mean(inside) == pytest.approx(chance_inside(6, 6), abs=0.04)  # what the table's note says
    assert chance_inside(1000, 1000) == pytest.approx(0.834, abs=0.002)  # Cumming & Maillardet 2006
    assert chance_inside(5, 500) > chance_inside(5, 5) > chance_inside(500, 500)


def test_a_row_says_both_estimates_their_difference_and_whether_they_agree(tmp_path):
    first = write_findings(tmp_path / "a", [1, 2, 3], [claim([0.1, 0.2, 0.3]), claim([0.1, 0.2, 0.1], "only here")])
    second = write_findings(tmp_path / "b", [4, 5, 6], [claim([5.1, 5.2, 5.3])])
    table = agreement_table(read_findings(first), read_findings(second))
    ((text, one, other, gap, inside, agrees),) = table.rows
    assert (text, inside, agrees) == ("above", "no", "no")
    assert one.startswith("0.200 [") and other.startswith("5.200 [") and gap.startswith("5.000 [4.77")
    assert "1 claims are in one of the two only" in table.note and table.head[1:3] == ("seeds 1-3", "seeds 4-6")


def test_claims_about_other_families_or_of_other_code_are_told_apart(tmp_path):
    one = replace(claim([0.1, 0.2, 0.3]), rests_on=("rhyme", "count"))
    first = write_findings(tmp_path / "a", [1, 2, 3], [one])
    changed = {"code": ["other"], "design": "other", "finished": 4}
    second = write_findings(tmp_path / "b", [4, 5, 6], [replace(one, rests_on=("rhyme",))], changed)
    table = agreement_table(read_findings(first), read_findings(second))
    assert table.rows[0][-1] == "other families"
    for said in ("not have the same design", "not have the same code", "2 cells of seeds 4-6 are not finished"):
        assert said in table.note
    third = write_findings(tmp_path / "c", [7, 8, 9], [one])
    table = agreement_table(read_findings(first), read_findings(third))
    assert table.rows[0][-1] == "yes" and "the same" not in table.note.replace("see the same truth", "").replace(
        "about the same", ""
    )
    older = write_findings(tmp_path / "d", [10, 11], [one], {"code": [""], "design": ""})
    note = agreement_table(read_findings(first), read_findings(older)).note
    assert "same design is not known" in note and "same code is not known" in note


def test_what_has_no_interval_or_estimate_neither_agrees_nor_disagrees(tmp_path):
    first = write_findings(tmp_path / "a", [1], [claim([0.3]), Claim("nothing", "undecided", "gain", None)])
    second = write_findings(tmp_path / "b", [2], [claim([0.4]), Claim("nothing", "undecided", "gain", None)])
    rows = agreement_table(read_findings(first), read_findings(second)).rows
    assert [row[4:] for row in rows] == [(None, None), (None, None)]
    assert rows[0][3] == "0.100 –" and rows[1][1] == "– – undecided"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seeds": [3, 4]}, "expected other seeds than in .*a, got 3 in both"),
        ({"experiment": "other"}, "expected the experiment that is in .*a, pair, got other"),
        ({"quick": True}, "expected the experiment that is in .*a, pair, got pair --quick"),
        ({"claims": [{"text": "x"}]}, "expected the findings of an experiment"),
        *(
            ({"claims": [{**vars(Claim("x", "yes", "q", 1.0)), **damage}]}, "expected the findings of an experiment")
            for damage in (
                {"interval": "wide"},
                {"interval": []},
                {"interval": [0.1]},
                {"estimate": "big"},
                {"n": None},
            )
        ),
        ({"seeds": []}, "expected the findings of an experiment"),
        ({"seeds": 3}, "expected the findings of an experiment"),
    ],
)
def test_what_cannot_be_held_against_each_other_is_refused(tmp_path, changed, words):
    first = write_findings(tmp_path / "a", [1, 2, 3], [claim([0.1, 0.2, 0.3])])
    second = write_findings(tmp_path / "b", [4, 5], [], changed)
    with pytest.raises(RunFolderError, match=words):
        agreement_table(read_findings(first), read_findings(second))


def test_a_folder_without_findings_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="expected the findings of an experiment, got no such file"):
        read_findings(tmp_path)
