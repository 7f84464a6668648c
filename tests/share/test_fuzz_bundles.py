"""Thousands of mutated bundles: each is unpacked whole or refused whole; never a traceback, never a file elsewhere."""

import os
import tempfile
from pathlib import Path

import pytest
from bundles import contents_of, forge, small_bundle, write_zip
from fuzzing import edited, edits, examples, nothing_written_outside, shell
from hypothesis import given
from hypothesis import strategies as st

from evolora.share.contents import kind_of

PAYLOADS = [
    b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"../evil", b"/evil", b"\x00", b"\xff\xff\xff\xff", b"\n", b"{}",
    b"[]", b"null", b"true", b"-1", b"1e999", b"NaN", b"9" * 5000, b'"\\ud800"', b'"\x1b[2J"', b'"a":1,', b"[" * 3000,
    b'{"a":' * 3000, b'"', b'"F16"', b'"BF16"', b'"shape":[9,9]', b'"data_offsets":[0,1]', b"extends: tidepool\n",
    b"name: other\n", b"seed: 4\n", b'{"generation":1}\n', b'{"generation":2}\n',
    b'{"r":2,"lora_alpha":4,"peft_type":"LORA"}',
]  # fmt: skip
NAMES = st.sampled_from([
    "world.yaml", "run.json", "metrics.jsonl", "manifest.json", "report.html", "elites/organism-000007/README.md",
    "elites/organism-000008/adapter_config.json", "elites/organism-000007/adapter_config.json",
]) | st.text("a./\\:~ \0Ec\u00e9", min_size=1, max_size=12)  # fmt: skip

with tempfile.TemporaryDirectory() as _folder:
    BUNDLE = small_bundle(Path(_folder)).read_bytes()
    CONTENTS = contents_of(Path(_folder) / "run")


@pytest.fixture(scope="module", autouse=True)
def libraries_have_made_their_own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What torch writes when it is first imported is not ours to watch."""
    folder = tmp_path_factory.mktemp("warm")
    (folder / "a").write_bytes(BUNDLE)
    assert shell("unpack", str(folder / "a"), "--to", str(folder / "out")) == (0, "")


def check(write: "Writer") -> None:
    """Unpack what `write` makes; all or nothing must have happened, inside the folder it was asked for."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = write(folder / "a.evolora")
        before = bundle.read_bytes()
        (folder / "work").mkdir()
        with nothing_written_outside(folder / "work"):
            code, errors = shell("unpack", str(bundle), "--to", str(folder / "work" / "out"))
        assert code in (0, 2)
        assert bundle.read_bytes() == before
        left = sorted(os.listdir(folder / "work"))
        if code == 2:
            assert left == []
            assert errors.startswith("error: ") and len(errors.splitlines()) == 1 and errors.strip().isprintable()
        else:
            assert left == ["out"]
            for path in (folder / "work" / "out").rglob("*"):
                assert path.is_dir() or (path.is_file() and not path.is_symlink())
                assert path.is_dir() or kind_of(path.relative_to(folder / "work" / "out").as_posix())
        assert shell("verify", str(bundle))[0] in (0, 2) and shell("inspect", str(bundle))[0] in (0, 2)


class Writer:
    """Makes one bundle."""

    def __init__(self, *parts: object) -> None:
        self.parts = parts

    def __call__(self, path: Path) -> Path:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.parts!r}"


class Torn(Writer):
    """Bytes of a bundle changed anywhere, as a disk, a network or a clumsy attacker does."""

    def __call__(self, path: Path) -> Path:
        (changes,) = self.parts
        path.write_bytes(edited(BUNDLE, changes))
        return path


class Signed(Writer):
    """One file changed or added under any name, with every digest right again."""

    def __call__(self, path: Path) -> Path:
        name, source, changes = self.parts
        contents = {**CONTENTS, name: edited(CONTENTS[source], changes)}
        try:
            return forge(path, contents)
        except UnicodeEncodeError:  # a zip of ours has ASCII names only: nothing to refuse
            return forge(path, CONTENTS)


class Edited(Writer):
    """The manifest changed, with every checksum right again."""

    def __call__(self, path: Path) -> Path:
        (changes,) = self.parts
        forge(path, CONTENTS)
        import zipfile

        with zipfile.ZipFile(path) as opened:
            manifest = opened.read("manifest.json")
        return write_zip(path, {"manifest.json": edited(manifest, changes), **CONTENTS})


changes = edits(PAYLOADS)
sources = st.sampled_from(sorted(CONTENTS))
bundles = (
    st.builds(Torn, changes)
    | st.builds(lambda name, changes: Signed(name, name, changes), sources, changes)
    | st.builds(Signed, NAMES, sources, changes)
    | st.builds(Edited, changes)
)


@examples(200)
@given(bundles)
def test_a_mutated_bundle_is_unpacked_whole_or_refused_whole(bundle: Writer) -> None:
    check(bundle)


@pytest.mark.slow
@examples(5000)
@given(bundles)
def test_five_thousand_mutated_bundles(bundle: Writer) -> None:
    check(bundle)
