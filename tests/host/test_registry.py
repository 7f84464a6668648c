"""Names resolve to one thing, and everything else is refused with advice."""

from pathlib import Path

import pytest

from evolora.errors import HostError
from evolora.host import registry
from evolora.host.hub import fetch_from_hub
from evolora.host.registry import HOSTS, cache_dir, resolve


@pytest.mark.parametrize("name", HOSTS)
def test_a_registered_name_resolves_to_itself(name: str) -> None:
    source = resolve(name)
    assert source.name == name
    kinds = {"petri": "directory", "smollm2-135m": "packaged"}  # all others are built in memory
    assert source.kind == kinds.get(name, "tiny")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("smolm2-135m", "smollm2-135m"), ("Tiny-Lama", "tiny-llama"), ("tiny_qwen3", "tiny-qwen3")],
)
def test_a_misspelt_name_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(HostError, match=f"did you mean {meant}\\?"):
        resolve(typed)


def test_a_name_like_nothing_lists_what_there_is() -> None:
    with pytest.raises(HostError, match="evolora host list"):
        resolve("zzzzzz")


def test_a_directory_a_gguf_file_and_a_hub_id_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "some.gguf").write_bytes(b"GGUF")
    assert resolve(str(tmp_path)).kind == "directory"
    assert resolve(str(tmp_path / "some.gguf")).kind == "gguf"
    assert resolve("owner/name-1.5B").kind == "hub"


@pytest.mark.parametrize("name", ["missing/model.gguf", "./nowhere", "/nowhere/at/all", "a/b/c"])
def test_a_path_that_is_not_there_is_never_taken_for_a_hub_id(name: str) -> None:
    with pytest.raises(HostError, match="unknown host"):
        resolve(name)


@pytest.mark.parametrize("name", ["models/my--model", "models/my..model", "models/model-", "a/" + "b" * 100])
def test_a_name_that_no_hub_gives_is_one_line(name: str) -> None:
    assert resolve(name).kind == "hub"
    with pytest.raises(HostError, match="expected a hub id") as caught:
        fetch_from_hub(name)
    assert "\n" not in str(caught.value)


def test_the_home_of_nobody_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HostError, match=r"host ~nosuchuser/model: expected ~ or the ~name .* got ~nosuchuser; write"):
        resolve("~nosuchuser/model")
    monkeypatch.setenv("EVOLORA_CACHE", "~nosuchuser/x")
    with pytest.raises(HostError, match="EVOLORA_CACHE=~nosuchuser/x: expected"):
        cache_dir()


def test_a_directory_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"expected a config\.json"):
        resolve(str(tmp_path))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"x")
    with pytest.raises(HostError, match=r"expected a \.gguf file, got '\.bin'"):
        resolve(str(tmp_path / "weights.bin"))


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "/home/ada/.cache/evolora"),
        ("linux", {"XDG_CACHE_HOME": "/var/tmp/c"}, "/var/tmp/c/evolora"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "/home/ada/.cache/evolora"),
        ("darwin", {"XDG_CACHE_HOME": "/var/tmp/c"}, "/home/ada/Library/Caches/evolora"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/evolora/cache"),
        ("linux", {"EVOLORA_CACHE": "/big/disk", "XDG_CACHE_HOME": "/var/tmp/c"}, "/big/disk"),
        ("win32", {"EVOLORA_CACHE": "~/mine"}, "/home/ada/mine"),
    ],
)
def test_the_cache_lies_where_each_platform_keeps_caches(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    for name in ("EVOLORA_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setattr(registry.sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache_dir() == Path(expected)
