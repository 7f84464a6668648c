"""Where difficulty moves, its level is drawn; where it does not, there is no panel."""

from synthetic import write_run

from evolora.record.run_data import RunData
from evolora.viz.niche_levels import has_levels, niche_levels


def test_the_levels_are_those_of_the_record(pretend_run):
    (line,) = niche_levels(pretend_run).data
    assert line.name == pretend_run.niches[0]
    assert list(line.y) == [row["niche_levels"][line.name] for row in pretend_run.metrics]
    assert line.line.shape == "hv", "a level does not change between generations"


def test_a_world_whose_difficulty_stays_has_no_such_panel(tmp_path):
    path = write_run(tmp_path / "run", generations=4, capacity=6)
    log = path / "metrics.jsonl"
    log.write_text(log.read_text().replace('"niche_levels"', '"something_else"'))
    assert not has_levels(RunData.open(path))
