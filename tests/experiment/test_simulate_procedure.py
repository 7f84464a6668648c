"""`simulate`: the numbers of a run, and a run that is interrupted and taken up again."""

import json
import math
from pathlib import Path

import pytest

from evolora.experiment.cell import make_cells
from evolora.experiment.child import do_cell
from evolora.experiment.file import load_experiment
from evolora.experiment.measurements import PARTS, PLAIN, books, describe
from evolora.experiment.procedures import simulate as procedure

EXPERIMENT = """\
name: pond
question: What is it like?
world: petri
set:
  generations: 4
  host.threads: 1
  population: {founders: 8, capacity: 10}
  record: {elites: 0, ecology_every: 2}
seeds: [3]
arms: {pond: {}}
params: {latest: 2, series: [mean_score, niche_scores.rhyme], held_out: 2}
"""


def pond(folder: Path, text: str = EXPERIMENT):
    path = folder / "pond.yaml"
    path.write_text(text)
    (cell,) = make_cells(load_experiment(path), folder / "out")
    cell.folder.mkdir(parents=True, exist_ok=True)
    cell.save_spec()
    return cell


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory):
    cell = pond(tmp_path_factory.mktemp("pond"))
    do_cell(cell.folder)
    return cell.folder, json.loads((cell.folder / "result.json").read_text())["values"]


def test_the_numbers_are_those_of_the_metrics(lived):
    folder, values = lived
    rows = [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text().splitlines()]
    assert values["end"] == "finished" and len(rows) == 4
    assert values["series"]["mean_score"] == [row["mean_score"] for row in rows]
    assert values["last"]["mean_score"] == rows[-1]["mean_score"]
    assert values["first"]["num_tokens"] == rows[0]["num_tokens"]
    assert values["tail"]["mean_score"] == pytest.approx((rows[2]["mean_score"] + rows[3]["mean_score"]) / 2)
    assert values["books"] == {"generations": 4, "inexact": 0, "largest_residual": 0}
    costly = [row["ecology"]["tasks_h2_prime"] for row in rows]
    assert costly[0] is None and costly[3] is not None
    assert values["tail"]["tasks_h2_prime"] == costly[3]
    final = values["held_out"]["final"]
    assert final["mean"] == pytest.approx(sum(final["niches"].values()) / 8, abs=1e-5)


def test_single_answers_are_thrown_away_and_the_rest_of_the_run_stays(lived):
    folder, _ = lived
    assert not (folder / "run" / "encounters").exists()
    assert (folder / "run" / "checkpoint-000004").is_dir() and (folder / "run" / "lives.arrow").is_file()


def test_an_interrupted_cell_goes_on_to_the_same_numbers(tmp_path, lived, monkeypatch):
    cell = pond(tmp_path)

    class StopAfterTwo(procedure.OrderlyStop):
        calls = 0

        def __call__(self) -> bool:
            StopAfterTwo.calls += 1
            return StopAfterTwo.calls == 3  # asked before each generation

    with monkeypatch.context() as patched:
        patched.setattr(procedure, "OrderlyStop", StopAfterTwo)
        with pytest.raises(KeyboardInterrupt):
            do_cell(cell.folder)
    assert len((cell.folder / "run" / "metrics.jsonl").read_text().splitlines()) == 2
    assert cell.state() == "begun"
    do_cell(cell.folder)
    assert json.loads((cell.folder / "result.json").read_text())["values"] == lived[1]


def row(generation: int, residual: int = 0, **ecology: float | None):
    plain = dict.fromkeys(PLAIN, 1.0)
    parts = {name: {} for name in PARTS}
    return {"generation": generation, "residual": residual, **plain, **parts, "ecology": ecology}


def test_means_are_over_generations_in_which_a_number_is_defined():
    values = describe(
        [row(1, a=9.0), row(2, a=1.0, b=None), row(3, a=None, b=5.0), row(4, a=2.0)], latest=2, series=["a"]
    )
    assert values["tail"]["a"] == 2.0 and values["tail"]["b"] == 5.0
    assert values["mean"]["a"] == 1.5  # the first generation is no change from anything
    assert values["series"] == {"a": [9.0, 1.0, None, 2.0]}
    assert "b" not in values["last"] and values["first"]["a"] == 9.0


def test_what_did_not_happen_counts_as_nought():
    """4 births in one of four generations are one a generation; a niche that nobody visited had 0 visitors."""
    rows = [row(generation) for generation in range(1, 6)]
    rows[2] |= {"births": {"clone": 4}, "deaths": {"insolvency": 8}, "niche_visitors": {"a": 8}}
    values = describe(rows, latest=4)
    assert values["mean"]["births.clone"] == 1.0 and values["mean"]["deaths.insolvency"] == 2.0
    assert values["tail"]["niche_visitors.a"] == 2.0 and values["last"]["niche_visitors.a"] == 0
    assert values["mean"]["births.merge"] == values["mean"]["deaths.age"] == 0.0  # in no generation at all
    rows[3]["niche_scores"] = {"a": 0.5}
    assert describe(rows, latest=4)["tail"]["niche_scores.a"] == 0.5  # a mean of no answers is undefined


def test_parts_that_only_some_worlds_have_are_numbers_where_they_are():
    with_colonies = [{**row(g), "colonies": {"number": g, "gain_per_member": None}} for g in (1, 2)]
    values = describe(with_colonies, latest=2)
    assert values["tail"]["colonies.number"] == 1.5 and "colonies.gain_per_member" not in values["last"]
    assert not [name for name in describe([row(1)], latest=1)["last"] if name.startswith(("colonies", "archive"))]


def test_books_that_are_not_exact_are_counted_with_their_largest_error():
    assert books([row(1), row(2, residual=-3), row(3, residual=2)]) == {
        "generations": 3, "inexact": 2, "largest_residual": 3,
    }  # fmt: skip
    assert not math.isnan(books([])["largest_residual"])
