"""The exams of a run as plots: means over niches, paired intervals that hold what they say, damage left out."""

import json
import shutil

import numpy as np
import pytest

from evolora.record.run_data import RunData
from evolora.viz.exams import SURE_ERRORS, WAYS, exam_gain, exam_niches, exam_scores, exams_of, has_exams, read_exam
from evolora.viz.tables import exam_table


def row_of(best, routed, generation=5, **changes) -> dict:
    """A row whose host knows nothing and whose oracle everything; one list of scores a niche."""
    scores = {"best": best, "routed": routed, "host": [[0.0] * len(own) for own in best]}
    scores["oracle"] = [[1.0] * len(own) for own in best]
    niches = [f"niche {place}" for place in range(len(best))]
    return {"generation": generation, "niches": niches, "scores": scores, "members": [4, 2], **changes}


def test_every_niche_weighs_the_same_whatever_its_number_of_tasks():
    exam = read_exam(row_of([[1, 1, 1, 1, 1, 1], [0, 0]], [[1, 1, 1, 1, 1, 1], [1, 0]]))
    assert exam.mean("best") == 0.5 and exam.mean("routed") == 0.75 and exam.mean("host") == 0.0
    gain, error = exam.gain()
    assert gain == 0.25 and error == pytest.approx(np.sqrt(0.5 / 2) / 2)
    assert exam.num_tasks == 8 and exam.members == 2


def test_the_interval_holds_the_true_gain_about_as_often_as_it_says():
    rng, held = np.random.default_rng(3), 0
    for _ in range(400):
        best, routed = (rng.random((9, 16)) < 0.4), (rng.random((9, 16)) < 0.5)
        gain, error = read_exam(row_of(best.astype(float).tolist(), routed.astype(float).tolist())).gain()
        held += abs(gain - 0.1) <= SURE_ERRORS * error
    assert 0.92 <= held / 400 <= 0.98


def test_with_one_task_in_a_niche_no_interval_is_claimed():
    assert np.isnan(read_exam(row_of([[1, 0], [1]], [[1, 1], [1]])).gain()[1])


def test_lines_are_the_means_and_the_band_is_the_interval(pretend_run):
    found = exams_of(pretend_run)
    assert [exam.generation for exam in found] == [5, 10, 15, 20, 25, 30]
    lines = exam_scores(pretend_run).data
    assert [line.name for line in lines] == [name for name, _, _ in WAYS.values()]
    assert list(lines[0].y) == [exam.mean("routed") for exam in found]
    low, high, middle = exam_gain(pretend_run).data
    assert np.array(high.y) - np.array(low.y) == pytest.approx([2 * SURE_ERRORS * e.gain()[1] for e in found])
    assert list(middle.y) == [exam.gain()[0] for exam in found]
    assert len(exam_niches(pretend_run).data) == len(WAYS) * 9


def test_before_the_first_exam_the_plots_say_so(pretend_run):
    for draw in (exam_scores, exam_gain, exam_niches):
        assert draw(pretend_run, generation=4).layout.annotations[-1].text == "no exam yet"


@pytest.mark.parametrize(
    "damage",
    [
        {"niches": []},
        {"niches": ["one"]},
        {"niches": None},
        {"scores": None},
        {"scores": {"best": [[1.0], [0.0]]}},
        {"scores": {way: [[2.0], [0.0]] for way in WAYS}},
        {"scores": {way: [[None], ["1"]] for way in WAYS}},
        {"scores": {way: [[], []] for way in WAYS}},
        {"scores": {way: [[1.0], 3] for way in WAYS}},
    ],
)
def test_a_damaged_exam_is_left_out(pretend_folder, tmp_path, damage):
    assert read_exam({**row_of([[1.0], [0.0]], [[1.0], [0.0]]), **damage}) is None
    path = shutil.copytree(pretend_folder, tmp_path / "damaged")
    row = json.dumps({**row_of([[1.0], [0.0]], [[1.0], [0.0]]), **damage})
    (path / "portfolio.jsonl").write_text(f"{row}\n{{half\n")
    run = RunData.open(path)
    assert not has_exams(run) and run.num_broken == 1


def test_a_missing_file_is_no_problem_and_no_panel(pretend_folder, tmp_path):
    path = shutil.copytree(pretend_folder, tmp_path / "without")
    (path / "portfolio.jsonl").unlink()
    run = RunData.open(path)
    assert run.exams == [] and run.problems == [] and not has_exams(run) and exam_table(run).rows == ()


def test_names_of_niches_are_never_markup_and_what_a_row_lacks_is_a_gap():
    exam = read_exam(row_of([[1, 0]], [[1, 1]], niches=["<b>"]))
    assert exam.niches == ("<b>",) and np.isnan(exam.tokens["routed"]) and np.isnan(exam.num_candidates)


def test_the_table_has_a_line_an_exam_with_interval_and_cost(pretend_run):
    table = exam_table(pretend_run)
    assert [row[0] for row in table.rows] == ["5", "10", "15", "20", "25", "30"]
    assert table.rows[0][-1] == "79,000" and "[" in table.rows[0][5] and len(table.head) == len(table.rows[0])
