"""The bundle's zip has one form: any zip program reads it, and every other form is noticed and named."""

import io
import struct
import zipfile
from pathlib import Path

import pytest
from bundles import small_bundle, write_zip

from evolora.errors import BundleError
from evolora.share import archive
from evolora.share.archive import DamageError, Part, content, read_archive, write_archive
from evolora.share.verify import TRAILER, damages

FILES = {"manifest.json": b"{}", "a/b.txt": b"", "c.bin": bytes(range(256))}
HEADERS = "the zip headers of"


def test_any_zip_program_reads_it(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", FILES)
    with zipfile.ZipFile(path) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == FILES
        assert opened.comment.startswith(b"sha256:")


def test_it_reads_back(tmp_path: Path) -> None:
    with write_zip(tmp_path / "a.zip", FILES).open("rb") as file:
        entries = read_archive(file)
        assert {entry.name: b"".join(content(file, entry)) for entry in entries} == FILES


def owners(path: Path) -> list[str]:
    """For every byte of a bundle, whose it is, as a message about it must say."""
    with path.open("rb") as file:
        entries = read_archive(file)
    size = path.stat().st_size
    found = [""] * size
    position = 0
    for entry in entries:
        found[position : entry.start] = [f"{HEADERS} {entry.name}"] * (entry.start - position)
        position = entry.start + entry.size
        found[entry.start : position] = [entry.name] * entry.size
    for entry in entries:
        length = 46 + len(entry.name)
        found[position : position + length] = [f"{HEADERS} {entry.name}"] * length
        position += length
    found[position : position + 22] = ["the end record of the zip"] * 22
    found[position + 22 :] = [TRAILER] * 71
    assert len(found) == size and all(found)
    return found


@pytest.mark.parametrize("mask", [0xFF, 0x01])
def test_a_flipped_byte_anywhere_is_noticed_and_its_place_is_named(tmp_path: Path, mask: int) -> None:
    path = small_bundle(tmp_path, elite=False)
    whole = path.read_bytes()
    assert damages(path) == []
    for position, owner in enumerate(owners(path)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ mask]) + whole[position + 1 :])
        problems = [str(problem) for problem in damages(path)]
        assert len(problems) == 1, f"byte {position}, of {owner}: {problems}"
        words, _, name = owner.rpartition(" ")
        assert words in problems[0] and name in problems[0], f"byte {position}, of {owner}: {problems}"


@pytest.mark.parametrize("length", [0, 1, 21, 92, 93, 500, -1])
def test_a_cut_bundle_is_noticed(tmp_path: Path, length: int) -> None:
    path = small_bundle(tmp_path, elite=False)
    path.write_bytes(path.read_bytes()[:length])
    assert damages(path)


@pytest.mark.parametrize("where", [0, 100, -1])
def test_added_bytes_are_noticed_wherever_they_are(tmp_path: Path, where: int) -> None:
    path = small_bundle(tmp_path, elite=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:where] + b"x" + whole[where:])
    assert damages(path)


def test_several_damaged_files_are_all_named(tmp_path: Path) -> None:
    path = small_bundle(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"num_living", b"num_livinG").replace(b"birth", b"Birth"))
    assert {problem.part for problem in damages(path) if isinstance(problem, DamageError)} == {
        "metrics.jsonl",
        "events.jsonl",
    }


def written_by_zipfile(path: Path, **options: int) -> None:
    info = zipfile.ZipInfo("manifest.json")
    info.external_attr = options.get("mode", 0o100644) << 16
    info.create_system = 3
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(info, b"0" * 100, compress_type=options.get("method", zipfile.ZIP_STORED))
        file.comment = b"sha256:" + b"0" * 64


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"method": zipfile.ZIP_DEFLATED}, "got it compressed"),
        ({"method": zipfile.ZIP_LZMA}, "got it compressed"),
        ({"mode": 0o120777}, "got a symbolic link"),
        ({"mode": 0o104755}, "written by another program"),
    ],
)
def test_a_zip_of_another_program_is_refused_with_what_is_unusual(
    tmp_path: Path, options: dict[str, int], reason: str
) -> None:
    written_by_zipfile(tmp_path / "a.zip", **options)
    (problem,) = damages(tmp_path / "a.zip")
    assert "the zip headers of manifest.json" in str(problem) and reason in str(problem)


def test_a_compression_bomb_is_never_inflated(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("manifest.json", bytes(50_000_000))
        file.comment = b"sha256:" + b"0" * 64
    assert (tmp_path / "a.zip").stat().st_size < 100_000
    assert "compressed" in str(damages(tmp_path / "a.zip")[0])


def test_more_files_than_a_bundle_may_have_are_not_even_listed(tmp_path: Path) -> None:
    data = io.BytesIO()
    write_archive(data, [Part("a", b"", 0)])
    raw = bytearray(data.getvalue())
    struct.pack_into("<HH", raw, len(raw) - 93 + 8, 5000, 5000)
    (tmp_path / "a.zip").write_bytes(raw)
    assert "expected at most 4096 files, got 5000" in str(damages(tmp_path / "a.zip")[0])


def test_a_file_that_grows_beyond_the_limit_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    with pytest.raises(BundleError, match="at most 1,000 bytes"):
        write_archive(io.BytesIO(), [Part("a", bytes(2000), 2000)])


def test_a_source_that_shrank_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"abc")
    with pytest.raises(BundleError, match="expected 5 bytes, got fewer"):
        write_archive(io.BytesIO(), [Part("a", tmp_path / "log", 5)])
