"""A stranger's bundle is refused whole, with the reason, and leaves nothing behind."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from bundles import ADAPTER, BIRTH, RUN, SITE, WORLD, contents_of, forge, tensors, write_run, write_zip
from safetensors.torch import save

from evolora.errors import BundleError
from evolora.record.lives import lives_schema
from evolora.share.unpack import unpack
from evolora.share.verify import damages

ELITE = "elites/organism-000007"
CONFIG, WEIGHTS = f"{ELITE}/adapter_config.json", f"{ELITE}/adapter_model.safetensors"
Contents = dict[str, bytes]


@pytest.fixture
def contents(tmp_path_factory: pytest.TempPathFactory) -> Contents:
    return contents_of(write_run(tmp_path_factory.mktemp("run") / "run"))


def refused(folder: Path, bundle: Path, reason: str) -> None:
    """`bundle` is refused for this reason, in one line, and nothing but it lies in the folder around the target."""
    around = {path for path in folder.rglob("*")}
    with pytest.raises(BundleError, match=reason) as caught:
        unpack(bundle, folder / "out")
    assert "\n" not in str(caught.value) and str(caught.value).isprintable()
    assert {path for path in folder.rglob("*")} == around


def test_an_honest_forgery_is_unpacked(tmp_path: Path, contents: Contents) -> None:
    """The other tests change one thing in this bundle, so it must be good."""
    unpacked = unpack(forge(tmp_path / "a", contents), tmp_path / "out")
    assert unpacked.host_is_here and unpacked.world.name == "pond"


NAMES = [
    "../evil", "a/../../evil", "/etc/evil", "//evil", "C:evil", "C:\\evil", "..\\evil", "elites/../evil",
    "./world.yaml", "con", "NUL.txt", "elites/aux.json", "com1", "world.yaml ", "world.yaml.",
    ".hidden", "elites//x", "elites/", "evil.py", "evil.pkl", "setup.cfg", "elites/organism-000007/evil.py",
    "elites/organism-000007/adapter_model.bin",
    "elites/organism-000007/x/y", "elites/organism-7/adapter_config.json", "checkpoint-000001/state.json",
    "encounters/generation-000001.parquet", "timing.jsonl", "World.yaml", "METRICS.JSONL",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_bundle_has_is_refused(tmp_path: Path, contents: Contents, name: str) -> None:
    (tmp_path / "in").mkdir()
    refused(tmp_path, forge(tmp_path / "in" / "a", {**contents, name: b"x"}), "expected (plain file names|files|every)")


def test_a_table_of_lives_that_is_none_is_refused(tmp_path: Path, contents: Contents) -> None:
    (tmp_path / "in").mkdir()
    bundle = forge(tmp_path / "in" / "a", {**contents, "lives.arrow": b"<script>"})
    refused(tmp_path, bundle, "lives.arrow: expected a table of lives")


def test_a_compressed_table_of_lives_is_refused(tmp_path: Path, contents: Contents) -> None:
    """A few kilobytes of it may stand for gigabytes."""
    (tmp_path / "in").mkdir()
    schema, packed = lives_schema(["a"]), pa.BufferOutputStream()
    with pa.ipc.new_stream(packed, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as out:
        out.write_batch(pa.RecordBatch.from_pylist([], schema))
    bundle = forge(tmp_path / "in" / "a", {**contents, "lives.arrow": packed.getvalue().to_pybytes()})
    refused(tmp_path, bundle, "lives.arrow: .* a compressed batch")


def test_a_file_that_comes_twice_is_refused(tmp_path: Path, contents: Contents) -> None:
    from evolora.share.archive import Part, write_archive

    parts = [Part("manifest.json", b"{}", 2), *(Part(n, d, len(d)) for n, d in sorted(contents.items()))]
    with (tmp_path / "a").open("wb") as file:
        write_archive(file, [*parts, Part("world.yaml", b"", 0)])
    refused(tmp_path, tmp_path / "a", "expected every file once, got 'world.yaml'")


@pytest.mark.parametrize("name", ["world.yaml", "run.json", "metrics.jsonl"])
def test_what_every_bundle_has_is_needed(tmp_path: Path, contents: Contents, name: str) -> None:
    del contents[name]
    refused(tmp_path, forge(tmp_path / "a", contents), f"got no {name}")


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_half_an_adapter_is_refused(tmp_path: Path, contents: Contents, name: str) -> None:
    del contents[name]
    refused(tmp_path, forge(tmp_path / "a", contents), rf"{ELITE}: expected .* got no {name}")


def test_a_bundle_without_a_manifest_or_with_pickles_for_one_is_refused(tmp_path: Path, contents: Contents) -> None:
    refused(tmp_path, write_zip(tmp_path / "a", contents), "got no manifest.json")
    refused(tmp_path, write_zip(tmp_path / "b", {**contents, "manifest.json": pickle.dumps({})}), "expected JSON")


MANIFESTS: list[tuple[dict[str, Any], str]] = [
    ({"format": 2}, "expected format 1 at most, got 2"),
    ({"format": "1"}, "format"),
    ({"seed": -1}, "seed"),
    ({"seed": 4}, "expected seed 3 as the files say, got 4"),
    ({"world": "other"}, "expected world 'pond'"),
    ({"generations": 3}, "expected generations 2"),
    ({"host": {"name": "tiny-qwen3", "digest": "ab" * 32}}, "expected host 'tiny-llama'"),
    ({"host": {"name": "tiny-llama", "digest": "cd" * 32}}, "expected host digest"),
    ({"licence": "\x1b[2J"}, "licence"),
    ({"authors": ["a\nb"]}, "authors"),
    ({"extra": 1}, "extra"),
    ({"files": {}}, "expected every file of the bundle"),
    ({"files": []}, "files"),
]


@pytest.mark.parametrize(("changes", "reason"), MANIFESTS)
def test_a_manifest_that_is_wrong_is_refused(
    tmp_path: Path, contents: Contents, changes: dict[str, Any], reason: str
) -> None:
    refused(tmp_path, forge(tmp_path / "a", contents, **changes), reason)


def test_a_digest_in_the_manifest_must_be_the_files(tmp_path: Path, contents: Contents) -> None:
    honest = forge(tmp_path / "a", contents).read_bytes()
    (tmp_path / "a").unlink()
    from evolora.share.archive import content, read_archive

    (tmp_path / "b").write_bytes(honest)
    with (tmp_path / "b").open("rb") as file:
        found = {entry.name: b"".join(content(file, entry)) for entry in read_archive(file)}
    manifest = json.loads(found["manifest.json"])
    manifest["files"]["world.yaml"]["sha256"] = "0" * 64
    write_zip(tmp_path / "b", {**found, "manifest.json": json.dumps(manifest).encode()})
    refused(tmp_path, tmp_path / "b", "world.yaml: expected SHA-256 000000000000")


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


def event(**changes: object) -> bytes:
    """A line of events.jsonl."""
    return json.dumps({**BIRTH, **changes}).encode() + b"\n"


TEXTS: list[tuple[str, bytes, str]] = [
    ("world.yaml", b"extends: /etc/passwd\nname: pond\n", "got one that extends"),
    ("world.yaml", b"extends: tidepool\n", "got one that extends"),
    ("world.yaml", b"a: !!python/object/apply:os.system [id]\n", "got the tag"),
    ("world.yaml", b"\xff\xfe", "UTF-8"),
    ("world.yaml", b"", "an empty file"),
    ("world.yaml", b"x" * 1_000_001, "expected at most 1,000,000 bytes"),
    ("world.yaml", WORLD.replace("seed: 3", "seed: 4").encode(), "expected seed 4"),
    ("world.yaml", WORLD.replace("tiny-llama", "tiny-qwen3").encode(), "run.json: expected the name, seed and host"),
    ("run.json", json.dumps({**RUN, "threads": 0}).encode(), "threads"),
    ("run.json", json.dumps({**RUN, "machine": "a\x1b[0m"}).encode(), "machine"),
    ("run.json", json.dumps({**RUN, "versions": {"torch": 3}}).encode(), "versions.torch"),
    ("run.json", DEEP[:60_000], "endless nesting|expected JSON"),
    ("run.json", b'{"name":1,"name":2}', "a key given twice"),
    ("metrics.jsonl", b"", "at least one generation"),
    ("metrics.jsonl", b'{"generation":1}\n{"generation":3}\n', "expected generation 2, got 3"),
    ("metrics.jsonl", b'{"generation":1}\n{"generation":2}', "expected whole lines"),
    ("metrics.jsonl", b'{"generation":1}\n{"generation":2,"x":NaN}\n', "line 2: expected JSON, got NaN"),
    ("metrics.jsonl", b'{"generation":1}\n[2]\n', "line 2: expected a JSON object, got list"),
    ("metrics.jsonl", b'{"generation":1}\n' + DEEP + b"\n", "line 2: expected JSON, got endless nesting"),
    ("metrics.jsonl", b'{"generation":' + b"9" * 5000 + b"}\n", "line 1: expected JSON"),
    ("metrics.jsonl", b"x" * 5_000_000, "expected at most 4,194,304 bytes"),
    (
        "events.jsonl",
        b'{"event":"birth"}\n',
        "line 1: expected an event, got a row without an event and its generation",
    ),
    ("events.jsonl", event(parents=None), "line 1: expected an event, got a birth with parents None"),
    ("events.jsonl", event(organism_id="7"), "a birth with organism_id '7'"),
    ("events.jsonl", event(parents=[7]), r"a birth of 7 with parents \[7\], ids of the older"),
    (CONFIG, json.dumps({**ADAPTER, "r": 10**9}).encode(), "rank r from 1 to 1024"),
    (CONFIG, json.dumps({**ADAPTER, "r": 3}).encode(), "expected rank 3"),
    (CONFIG, json.dumps({**ADAPTER, "lora_alpha": 10**400}).encode(), "lora_alpha"),
    (CONFIG, b'{"r":2,"lora_alpha":1e999}', "lora_alpha"),
    (CONFIG, json.dumps({**ADAPTER, "auto_mapping": {"parent_library": "evil"}}).encode(), "got 'auto_mapping'"),
    (CONFIG, json.dumps({**ADAPTER, "modules_to_save": ["lm_head"]}).encode(), "got 'modules_to_save'"),
    (CONFIG, json.dumps({**ADAPTER, "peft_type": "IA3"}).encode(), "peft_type LORA"),
    (CONFIG, DEEP[:60_000], "endless nesting|expected JSON"),
    (WEIGHTS, b"", "expected safetensors"),
    (WEIGHTS, pickle.dumps({"a": 1}), "expected safetensors"),
    (WEIGHTS, b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", "expected safetensors"),
]


@pytest.mark.parametrize(("name", "data", "reason"), TEXTS)
def test_a_file_that_is_not_what_it_must_be_is_refused(
    tmp_path: Path, contents: Contents, name: str, data: bytes, reason: str
) -> None:
    refused(tmp_path, forge(tmp_path / "a", {**contents, name: data}), reason)


def changed(change: Callable[[dict[str, torch.Tensor]], object]) -> bytes:
    found = tensors()
    change(found)
    return save(found)


KEY = f"base_model.model.{SITE}.lora_A.weight"
ADAPTERS = {
    "not a number": (changed(lambda t: t[KEY].fill_(np.nan)), "finite"),
    "infinite": (changed(lambda t: t[KEY][1].fill_(np.inf)), "finite"),
    "half precision": (changed(lambda t: t.update({KEY: t[KEY].half()})), "expected float32 matrices, got F16"),
    "whole numbers": (changed(lambda t: t.update({KEY: t[KEY].long()})), "expected float32 matrices, got I64"),
    "a vector": (changed(lambda t: t.update({KEY: torch.ones(48)})), "expected float32 matrices"),
    "nothing in it": (changed(lambda t: t.update({KEY: torch.ones(2, 0)})), "expected float32 matrices"),
    "another host's width": (changed(lambda t: t.update({KEY: torch.ones(2, 64)})), "another host"),
    "another rank": (changed(lambda t: t.update({KEY: torch.ones(3, 48)})), "do not fit"),
    "a site there is not": (
        save({key.replace("layers.0", "layers.9"): tensor for key, tensor in tensors().items()}),
        "expected modules among the world's",
    ),
    "no adapter's key": (changed(lambda t: t.update({"evil": torch.ones(2, 2)})), "expected keys"),
    "half a site": (changed(lambda t: t.pop(KEY)), "lora_A and lora_B"),
    "no tensors": (save({}), "at least one tensor"),
}


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_that_does_not_fit_the_host_is_refused(tmp_path: Path, contents: Contents, adapter: str) -> None:
    data, reason = ADAPTERS[adapter]
    refused(tmp_path, forge(tmp_path / "a", {**contents, WEIGHTS: data}), reason)


def test_where_the_host_is_not_here_an_adapter_must_at_least_fit_itself(tmp_path: Path, contents: Contents) -> None:
    name = "some/where-else"
    contents["world.yaml"] = WORLD.replace("tiny-llama", name).encode()
    contents["run.json"] = json.dumps({**RUN, "host": name}).encode()
    host = {"name": name, "digest": "ab" * 32}
    assert not unpack(forge(tmp_path / "a", contents, host=host), tmp_path / "good").host_is_here
    contents[WEIGHTS] = changed(lambda t: t[KEY].fill_(np.nan))
    refused(tmp_path, forge(tmp_path / "b", contents, host=host), "finite")


def test_a_report_stays_in_the_bundle_unless_asked_for(tmp_path: Path, contents: Contents) -> None:
    bundle = forge(tmp_path / "a", {**contents, "report.html": b"<script>evil()</script>"})
    assert unpack(bundle, tmp_path / "out").left_out == ("report.html",)
    assert not (tmp_path / "out" / "report.html").exists()
    unpack(bundle, tmp_path / "trusted", with_report=True)
    assert (tmp_path / "trusted" / "report.html").is_file()


def test_a_target_that_is_there_is_never_touched(tmp_path: Path, contents: Contents) -> None:
    bundle = forge(tmp_path / "a", contents)
    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for target in (tmp_path / "out", tmp_path / "link", bundle):
        with pytest.raises(BundleError, match="expected a name that is free"):
            unpack(bundle, target)
    assert not list((tmp_path / "out").iterdir()) and not (tmp_path / "nowhere").exists()


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = forge(tmp_path / "a", contents)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("evolora.share.unpack.check_contents", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(bundle, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_is_no_bundle_at_all_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"PK\x03\x04" + b"hello" * 100)
    (tmp_path / "d").mkdir()
    refused(tmp_path, tmp_path / "a", "expected a bundle as `evolora pack` writes it")
    refused(tmp_path, tmp_path / "d", "expected a bundle, got Is a directory")
    refused(tmp_path, tmp_path / "zzz", "expected a bundle, got No such file")
    assert damages(tmp_path / "a")
