"""A run folder is read as it grows, and damaged or hostile ones do no harm."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from synthetic import write_run

from evolora.errors import RunFolderError
from evolora.record import lives_tail, row_log, tail
from evolora.record.lives import read_lives
from evolora.record.run_data import RunData
from evolora.viz import PANELS

BROKEN = (
    b"{",
    b"[1, 2]",
    b'{"generation": "<script>"}',
    b'{"generation": true, "event": "birth"}',
    b'{"generation": -1, "event": "death", "organism_id": 1}',
    b'{"generation": 99999999999999999999, "event": "death", "organism_id": 1}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"generation": NaN}',
    b"null",
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "whole", generations=12, capacity=12)


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_a_run_says_who_it_is(whole):
    run = RunData.open(whole)
    assert (run.name, run.seed, run.path) == ("pretend", 1, whole)
    assert run.niches == [niche["name"] for niche in run.world["niches"]]
    assert run.run["host"] == "smollm2-135m" and run.generations == list(range(1, 13))
    assert run.num_broken == 0 and run.problems == []


def test_everything_about_an_organism_comes_together(whole):
    run = RunData.open(whole)
    rows = [json.loads(line) for line in lines(whole / "events.jsonl")]
    child = next(row for row in rows if row["event"] == "birth" and row["parents"])
    parent = run.organism(child["parents"][0])
    assert child["organism_id"] in parent["children"]
    assert run.organism(child["organism_id"])["birth"] == child
    assert parent["death"] == next(
        (row for row in rows if row["event"] == "death" and row["organism_id"] == parent["id"]), None
    )
    assert [life["generation"] for life in parent["lives"]] == sorted({life["generation"] for life in parent["lives"]})
    assert parent["traits"]["rank"] == parent["lives"][-1]["rank"]
    assert run.organism(10**9) is None


def test_the_answers_of_a_generation_are_all_or_one_organisms(whole):
    run = RunData.open(whole)
    every = run.answers(12)
    someone = every[0]["organism_id"]
    own = run.answers(12, someone)
    assert 0 < len(own) < len(every) and {row["organism_id"] for row in own} == {someone}
    assert {"question", "text", "score"} <= set(own[0])
    assert run.answers(1) == [] and run.answers(-5) == []


def test_events_are_as_they_were_logged(whole):
    run = RunData.open(whole)
    rows = [json.loads(line) for line in lines(whole / "events.jsonl")]
    assert run.events() == rows
    assert run.events("merge") == [row for row in rows if row["event"] == "merge"]
    assert run.events("death", 5) == [row for row in rows if row["event"] == "death" and row["generation"] == 5]
    assert len(run.births) == sum(row["event"] == "birth" for row in rows)
    assert set(run.deaths) == {row["organism_id"] for row in rows if row["event"] == "death"}


def test_events_of_unknown_kind_are_kept_with_all_they_say(copy):
    treaty = {"event": "treaty", "generation": 3, "members": [1, 2], "pot": {"energy": 2.5}}
    with (copy / "events.jsonl").open("a") as file:
        file.write(json.dumps(treaty) + "\n")
    run = RunData.open(copy)
    assert run.events("treaty") == [treaty] and treaty in run.events(generation=3)
    assert run.num_broken == 0 and len(run.births) == len(RunData.open(copy).births) > 0


def test_only_what_is_appended_is_read_again(whole, tmp_path, monkeypatch):
    grown = tmp_path / "grown"
    shutil.copytree(whole, grown)
    metrics = lines(whole / "metrics.jsonl")
    (grown / "metrics.jsonl").write_bytes(b"".join(metrics[:9]))
    run = RunData.open(grown)
    assert run.generations[-1] == 9 and not run.refresh()
    parsed = []
    parse = row_log.parse_row
    monkeypatch.setattr(row_log, "parse_row", lambda line: parsed.append(line) or parse(line))
    with (grown / "metrics.jsonl").open("ab") as file:
        file.write(metrics[9])
    assert run.refresh() and run.generations[-1] == 10 and len(parsed) == 1
    assert not run.refresh()


def test_a_half_written_line_is_left_for_later(whole, copy):
    metrics, events = lines(copy / "metrics.jsonl"), lines(copy / "events.jsonl")
    for name, rows in (("metrics.jsonl", metrics), ("events.jsonl", events)):
        (copy / name).write_bytes(b"".join(rows)[:-20])
    run = RunData.open(copy)
    assert run.generations[-1] == 11 and run.num_broken == 0
    for name, rows in (("metrics.jsonl", metrics), ("events.jsonl", events)):
        with (copy / name).open("ab") as file:
            file.write(rows[-1][-20:])
    assert run.refresh() and run.generations[-1] == 12 and run.num_broken == 0
    assert run.events() == RunData.open(whole).events()


def test_lives_grow_batch_by_batch_and_a_half_written_one_waits(whole, copy):
    full = (copy / "lives.arrow").read_bytes()
    (copy / "lives.arrow").write_bytes(full[:-100])
    run = RunData.open(copy)
    assert run.lives["generation"].to_numpy().max() == 11
    with (copy / "lives.arrow").open("ab") as file:
        file.write(full[-100:])
    run.refresh()
    assert run.lives.equals(RunData.open(whole).lives)
    assert run.life_column("generation").max() == 12


def test_logs_that_were_cut_and_written_again_are_read_anew(whole, copy):
    run = RunData.open(copy)
    metrics = lines(copy / "metrics.jsonl")
    other = [line.replace(b'"num_living":', b'"num_living":1') for line in metrics[5:]]
    (copy / "metrics.jsonl").write_bytes(b"".join(metrics[:5] + other))
    assert run.refresh()
    assert run.metrics[4] == json.loads(metrics[4]) and run.metrics[5] == json.loads(other[0])
    (copy / "lives.arrow").write_bytes((whole / "lives.arrow").read_bytes()[:20_000])
    assert run.refresh() and 0 < len(run.lives) < len(RunData.open(whole).lives)


@pytest.mark.parametrize("name", ["metrics.jsonl", "events.jsonl", "timing.jsonl"])
def test_broken_lines_are_passed_over_and_counted(copy, name):
    good = lines(copy / name)
    mixed = [part for line, bad in zip(good, BROKEN, strict=False) for part in (line, bad + b"\n")]
    (copy / name).write_bytes(b"".join([*mixed, *good[len(BROKEN) :]]))
    run, sound = RunData.open(copy), len(good)
    assert run.num_broken == len(BROKEN)
    read = {"metrics.jsonl": run.metrics, "timing.jsonl": run.timing, "events.jsonl": run.events()}[name]
    assert len(read) == sound


def test_every_panel_survives_metrics_full_of_nonsense(copy):
    nonsense = {"<b>": "<script>alert(1)</script>", "x": [1, {"y": None}], "n": -1e308, "big": 10**400}
    keys = json.loads(lines(copy / "metrics.jsonl")[0])
    with (copy / "metrics.jsonl").open("a") as file:
        for generation, value in enumerate([nonsense, "text", None, [], -5, True], 13):
            file.write(json.dumps({**dict.fromkeys(keys, value), "generation": generation}) + "\n")
    run = RunData.open(copy)
    assert run.generations[-1] == 18
    for panel in PANELS:
        if panel.available(run):
            panel.draw(run).to_json()


@pytest.mark.parametrize(
    "missing",
    ["run.json", "world.yaml", "metrics.jsonl", "events.jsonl", "timing.jsonl", "lives.arrow", "encounters"],
)
def test_a_missing_file_is_no_crash(copy, missing):
    path = copy / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    run = RunData.open(copy)
    assert isinstance(run.niches, list) and isinstance(run.name, str)
    for panel in PANELS:
        if panel.available(run):
            panel.draw(run)
    run.organism(0)


def test_what_is_no_run_is_refused_in_a_line(tmp_path):
    for path in (tmp_path, tmp_path / "nothing", Path(__file__)):
        with pytest.raises(RunFolderError, match="expected a run folder"):
            RunData.open(path)


def test_links_that_lead_out_of_the_folder_and_pipes_are_not_read(copy, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes((copy / "metrics.jsonl").read_bytes())
    parquet = next((copy / "encounters").iterdir())
    for name in ("metrics.jsonl", "world.yaml", str(parquet.relative_to(copy))):
        (copy / name).unlink()
        (copy / name).symlink_to(secret)
    (copy / "events.jsonl").unlink()
    os.mkfifo(copy / "events.jsonl")
    run = RunData.open(copy)
    assert run.metrics == [] and run.world == {} and run.events() == []
    assert run.answers(int(parquet.stem[-6:])) == []


def test_settings_that_explode_or_are_too_large_are_not_read(copy):
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    for text in (bomb, "x: " + "y" * 300_000, "- 1\n- 2\n", "a: !!python/object:os.system {}\n", "a: ["):
        (copy / "world.yaml").write_text(text)
        (copy / "run.json").write_text("[" * 100_000)
        run = RunData.open(copy)
        assert run.world == {} and run.run == {} and len(run.problems) == 2
        assert run.name == "copy" and run.seed == 0


@pytest.mark.parametrize(
    "content", [b"", b"not a table", b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"x" * 100, b"\xff" * 9]
)
def test_lives_that_are_no_table_are_no_crash(copy, content):
    (copy / "lives.arrow").write_bytes(content)
    run = RunData.open(copy)
    assert len(run.lives) == 0 and not run.refresh() and run.organism(0)["lives"] == []


def test_lives_of_other_columns_are_named_as_the_problem(copy):
    schema = pa.schema([("generation", pa.string()), ("organism_id", pa.int64())])
    batch = pa.RecordBatch.from_pylist([{"generation": "<script>", "organism_id": 1}], schema)
    with pa.OSFile(str(copy / "lives.arrow"), "wb") as file, pa.ipc.new_stream(file, schema) as writer:
        writer.write_batch(batch)
    run = RunData.open(copy)
    assert len(run.lives) == 0 and any("lives.arrow" in problem for problem in run.problems)


def test_additional_columns_of_lives_are_welcome(whole, copy):
    table = RunData.open(whole).lives
    wider = table.append_column("mood", pa.array(np.arange(len(table))))
    with pa.OSFile(str(copy / "lives.arrow"), "wb") as file, pa.ipc.new_stream(file, wider.schema) as writer:
        writer.write_table(wider)
    run = RunData.open(copy)
    assert run.life_column("mood")[-1] == len(table) - 1 and run.niches == RunData.open(whole).niches


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_compressed_table_of_lives_is_refused_before_it_is_unpacked(whole, copy, compression):
    """A few kilobytes of it may stand for gigabytes."""
    table = RunData.open(whole).lives
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with (
        pa.OSFile(str(copy / "lives.arrow"), "wb") as file,
        pa.ipc.new_stream(file, table.schema, options=options) as out,
    ):
        out.write_table(table)
    run = RunData.open(copy)
    assert len(run.lives) == 0 and "compressed" in " ".join(run.problems)
    with pytest.raises(RunFolderError, match="compressed"):
        read_lives(copy / "lives.arrow")


def test_a_table_of_lives_with_lying_offsets_is_refused(whole, copy):
    """Text at 2^30 of a buffer of three bytes: to read it would end the process."""
    batch = RunData.open(whole).lives.combine_chunks().to_batches()[0].slice(0, 3)
    offsets = pa.array([0, 2**30, 2**30, 3], pa.int32()).buffers()[1]
    lie = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"abc"))
    wider = pa.RecordBatch.from_arrays([*batch.columns, lie], schema=batch.schema.append(pa.field("x", pa.string())))
    (copy / "lives.arrow").write_bytes(wider.schema.serialize().to_pybytes() + wider.serialize().to_pybytes())
    run = RunData.open(copy)
    assert len(run.lives) == 0 and any("lives.arrow" in problem for problem in run.problems)
    with pytest.raises(RunFolderError, match="damaged"):
        read_lives(copy / "lives.arrow")


def test_an_endless_run_is_thinned_evenly_and_keeps_its_last_row(copy, monkeypatch):
    monkeypatch.setattr(row_log, "MOST_ROWS", 100)
    monkeypatch.setattr(lives_tail, "MOST_BYTES", 10_000)
    (copy / "metrics.jsonl").write_bytes(b"".join(b'{"generation":%d}\n' % g for g in range(1, 1235)))
    run = RunData.open(copy)
    kept = run.generations
    assert len(kept) <= 101 and kept[-1] == 1234 and run.is_thinned
    steps = np.diff(kept[:-1])
    assert set(steps) == {steps[0]}
    assert 0 < len(np.unique(run.life_column("generation"))) < 12


def test_a_line_without_end_is_passed_over_in_little_memory(copy, monkeypatch):
    monkeypatch.setattr(tail, "BLOCK", 1000)
    good = lines(copy / "timing.jsonl")
    (copy / "timing.jsonl").write_bytes(good[0] + b'{"generation":' + b"1" * 10_000 + b"}\n" + good[1])
    run = RunData.open(copy)
    assert len(run.timing) == 2 and run.num_broken >= 1


@pytest.mark.slow
def test_files_of_a_million_lines_are_read_in_bounded_memory(copy):
    (copy / "metrics.jsonl").write_bytes(b"".join(b'{"generation":%d}\n' % g for g in range(1_000_000)))
    with (copy / "events.jsonl").open("wb") as file:
        for identity in range(1_000_000):
            file.write(b'{"event":"death","generation":1,"organism_id":%d,"cause":"<script>"}\n' % identity)
    run = RunData.open(copy)
    assert len(run.metrics) <= row_log.MOST_ROWS + 1 and len(run.deaths) == 1_000_000
    assert run.event_table.nbytes < 300e6


def test_the_folder_is_never_written_to(copy):
    def state() -> dict[str, tuple[int, bytes]]:
        files = [path for path in copy.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = state()
    run = RunData.open(copy)
    run.refresh()
    run.organism(3)
    for panel in PANELS:
        panel.draw(run)
    assert state() == before
