"""A run is packed whole, always into the same bytes, and without what is not to be sent."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from bundles import contents_of, write_run

from evolora.errors import BundleError, EvoloraError, RunFolderError
from evolora.share.pack import pack
from evolora.share.unpack import unpack
from evolora.share.verify import open_bundle


def test_the_same_run_gives_the_same_bytes_wherever_and_whenever(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    (tmp_path / "later").mkdir()
    shutil.copytree(tmp_path / "run", tmp_path / "later" / "other-name")
    (tmp_path / "later" / "other-name" / "timing.jsonl").write_text("another time")
    pack(tmp_path / "run", tmp_path / "a")
    pack(tmp_path / "later" / "other-name", tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_what_is_unpacked_is_what_was_packed(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    manifest, digest = pack(run, tmp_path / "a", "CC0-1.0", ["Ada", "Bo"], "a pond")
    unpacked = unpack(tmp_path / "a", tmp_path / "out")
    found = contents_of(tmp_path / "out")
    assert json.loads(found.pop("manifest.json")) == json.loads(manifest.to_bytes())
    assert found == contents_of(run)
    assert (unpacked.manifest.licence, unpacked.manifest.authors) == ("CC0-1.0", ("Ada", "Bo"))
    with open_bundle(tmp_path / "a") as opened:
        assert opened.digest == digest


def test_an_unpacked_run_can_be_packed_again_and_keeps_its_authors(tmp_path: Path) -> None:
    pack(write_run(tmp_path / "run"), tmp_path / "a", "CC0-1.0", ["Ada"], "a pond")
    unpack(tmp_path / "a", tmp_path / "out")
    pack(tmp_path / "out", tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert pack(tmp_path / "out", tmp_path / "c", "CC-BY-4.0", ["Bo"])[0].authors == ("Bo",)


def test_only_known_files_travel_and_links_are_not_followed(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "notes.txt").write_text("private")
    (run / "elites" / "notes.py").write_text("private")
    (tmp_path / "secret").write_text("private")
    (run / "report.html").symlink_to(tmp_path / "secret")
    pack(run, tmp_path / "a")
    names = set(zipfile.ZipFile(tmp_path / "a").namelist())
    assert names == {"manifest.json", *contents_of(run)} - {"report.html"}


@pytest.mark.parametrize("name", ["world.yaml", "run.json", "metrics.jsonl"])
def test_a_needed_file_that_is_a_link_is_said_before_anything_is_written(tmp_path: Path, name: str) -> None:
    run = write_run(tmp_path / "run")
    (run / name).rename(tmp_path / name)
    (run / name).symlink_to(tmp_path / name)
    with pytest.raises(BundleError, match=f"{name}: expected a file, got a link"):
        pack(run, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    whole = (run / "metrics.jsonl").read_bytes()
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"generation":3,"num' + "x" * 100_000)
    manifest, _ = pack(run, tmp_path / "a")
    assert manifest.generations == 2
    assert zipfile.ZipFile(tmp_path / "a").read("metrics.jsonl") == whole


def spoil(run: Path, name: str, text: str) -> None:
    (run / name).write_text(text)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("metrics.jsonl", "", "at least one generation"),
        ("metrics.jsonl", '{"generation":2}\n', "expected generation 1, got 2"),
        ("world.yaml", "extends: tidepool\n", "got one that extends"),
        ("run.json", "{}", "run.json"),
        ("elites/organism-000007/adapter_config.json", "{}", "rank r"),
    ],
)
def test_a_run_that_nobody_could_unpack_is_not_packed(tmp_path: Path, name: str, text: str, reason: str) -> None:
    run = write_run(tmp_path / "run")
    spoil(run, name, text)
    with pytest.raises(BundleError, match=reason):
        pack(run, tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_bundle_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(BundleError, match="expected a name that is free"):
        pack(write_run(tmp_path / "run"), tmp_path / "a")
    assert (tmp_path / "a").read_text() == "mine"


def test_what_is_no_run_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="expected a run folder"):
        pack(tmp_path, tmp_path / "a")


@pytest.mark.parametrize("author", ["", "two\nlines", "\x1b[31mred", "right to left \u202e", "x" * 301])
def test_a_name_that_would_fool_a_terminal_is_refused(tmp_path: Path, author: str) -> None:
    with pytest.raises(EvoloraError, match=r"authors\.0"):
        pack(write_run(tmp_path / "run"), tmp_path / "a", authors=[author])
