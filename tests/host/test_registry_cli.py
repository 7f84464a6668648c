"""`evolora host`: the names are listed, a tiny host answers, a mistake is a HostError."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from evolora.cli.host import host_app
from evolora.errors import HostError
from evolora.host.registry import HOSTS


@pytest.fixture(autouse=True)
def _empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVOLORA_CACHE", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")


def test_list_names_every_host_and_says_what_is_not_here() -> None:
    result = CliRunner().invoke(host_app, ["list"])
    assert result.exit_code == 0
    assert all(name in result.output for name in HOSTS)
    assert "no: brought when first used" in result.output


def test_check_shows_what_a_host_is() -> None:
    result = CliRunner().invoke(host_app, ["check", "tiny-qwen3", "--device", "cpu", "--dtype", "float32"])
    assert result.exit_code == 0
    for part in ("Qwen3ForCausalLM", "66,720", "cpu, float32", "14: q_proj", "tokens/s"):
        assert part in result.output


def test_pulling_a_tiny_host_has_nothing_to_do() -> None:
    assert "nothing to bring" in CliRunner().invoke(host_app, ["pull", "tiny-llama"]).output


def test_a_misspelt_name_is_an_error_the_command_line_knows() -> None:
    error = CliRunner().invoke(host_app, ["pull", "smolm2-135m"]).exception
    assert isinstance(error, HostError)
    assert "did you mean smollm2-135m?" in str(error)
