"""Thousands of mutated bundles: each is unpacked whole or refused whole; never a traceback, never a file elsewhere."""

import json
import os
import tempfile
import zipfile
from pathlib import Path

import pytest
from bundles import contents_of, forge, small_bundle, write_zip
from fuzzing import (
    Change,
    changes_of_values,
    edited,
    edits,
    examples,
    five_thousand,
    nothing_written_outside,
    reshaped,
    shell,
)
from hypothesis import given
from hypothesis import strategies as st

from evolora.config.document import to_yaml
from evolora.config.load import load_world_text
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
    "portfolio/portfolio.json", "portfolio/world.yaml", "portfolio/router.safetensors",
    "portfolio/adapters/organism-000007/README.md", "portfolio/adapters/organism-000008/adapter_config.json",
]) | st.text("a./\\:~ \0Ec\u00e9", min_size=1, max_size=12)  # fmt: skip

with tempfile.TemporaryDirectory() as _folder:
    BUNDLE = small_bundle(Path(_folder), portfolio=True).read_bytes()
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
        with zipfile.ZipFile(path) as opened:
            manifest = opened.read("manifest.json")
        return write_zip(path, {"manifest.json": edited(manifest, changes), **CONTENTS})


class Reshaped(Writer):
    """The values in one file changed, in the file's own format, with every digest right again."""

    def __call__(self, path: Path) -> Path:
        name, changes = self.parts
        return forge(path, {**CONTENTS, name: reshape(CONTENTS[name], name, changes)})


def reshape(data: bytes, name: str, changes: list[Change]) -> bytes:
    """A file's values, changed."""
    if name.endswith(".jsonl"):
        rows = reshaped([json.loads(line) for line in data.splitlines()], changes)
        return b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    if name.endswith(".safetensors"):  # the header's length, the header, the numbers
        length = int.from_bytes(data[:8], "little")
        header = json.dumps(reshaped(json.loads(data[8 : 8 + length]), changes)).encode()
        return len(header).to_bytes(8, "little") + header + data[8 + length :]
    if name.endswith(".yaml"):
        return to_yaml(reshaped(load_world_text(data.decode(), name).model_dump(mode="json"), changes)).encode()
    return json.dumps(reshaped(json.loads(data), changes)).encode()


class Restated(Writer):
    """The values in the manifest changed, with every checksum right again."""

    def __call__(self, path: Path) -> Path:
        (changes,) = self.parts
        forge(path, CONTENTS)
        with zipfile.ZipFile(path) as opened:
            manifest = opened.read("manifest.json")
        return write_zip(path, {"manifest.json": reshape(manifest, "manifest.json", changes), **CONTENTS})


WORDS = [
    "format", "files", "licence", "authors", "host", "digest", "sha256", "size", "seed", "pond", "tiny-llama",
    "tiny-qwen3", "r", "lora_alpha", "peft_type", "use_dora", "auto_mapping", "target_modules", "bias", "shape",
    "dtype", "F16", "F64", "data_offsets", "__metadata__", "base_model.model.x.lora_A.weight", "generation", "event",
    "extends", "niches", "family", "members", "adapter", "organism-000007", "best", "router", "arrow", "centroid",
    "traits", "host_digest", "mean", "scale", "\x1b[2J", "world.yaml", "../evil",
]  # fmt: skip

changes = edits(PAYLOADS)
sources = st.sampled_from(sorted(CONTENTS))
bundles = (
    st.builds(Torn, changes)
    | st.builds(lambda name, changes: Signed(name, name, changes), sources, changes)
    | st.builds(Signed, NAMES, sources, changes)
    | st.builds(Edited, changes)
    | st.builds(Reshaped, sources, changes_of_values(WORDS))
    | st.builds(Reshaped, sources, changes_of_values(WORDS))
    | st.builds(Restated, changes_of_values(WORDS))
)


@examples(200)
@given(bundles)
def test_a_mutated_bundle_is_unpacked_whole_or_refused_whole(bundle: Writer) -> None:
    check(bundle)


@five_thousand(bundles)
def test_five_thousand_mutated_bundles(bundle: Writer) -> None:
    check(bundle)
