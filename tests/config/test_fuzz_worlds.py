"""Thousands of mutated world files: each is a world, or a list of mistakes; never a traceback."""

import tempfile
from pathlib import Path

import pytest
from fuzzing import changes_of_values, edited, edits, examples, five_thousand, nothing_written_outside, reshaped, shell
from hypothesis import given
from hypothesis import strategies as st

from evolora.config.document import to_yaml
from evolora.config.load import dump_world, load_world, load_world_text
from evolora.config.new import copied_world, small_world
from evolora.config.shipped import shipped_files
from evolora.errors import ConfigError

SHIPPED = [path.read_bytes() for path in shipped_files("worlds").values()]
BASES = [
    *SHIPPED,
    small_world("pond", Path("pond.yaml")).encode(),
    *(dump_world(load_world(name)).encode() for name in ("tidepool", "pulse")),
]
PAYLOADS = [
    b"extends: tidepool\n", b"extends: pond.yaml\n", b"extends: ../../../etc/passwd\n", b'extends: "\\0"\n',
    b"format: 2\n", b"format: 0\n", b"&a ", b"*a", b"!!python/object/apply:os.system [ls]", b"<<: *a", b"---\n",
    b"...\n", b"? ", b"- ", b": ", b"[", b"{", b"}", b"]", b"|", b">", b'"', b"'", b"#", b"%YAML 1.2\n", b"\t", b"\r",
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"null", b"true", b".nan", b"-.inf", b"1e400", b"9" * 120, b"-1", b"0x1f",
    b'"\\ud800"', b"name: a\n", b"name: 1\n", b"niches: []\n", b"  - {family: rhyme}\n",
    b"{family: 'reasoning_gym:chain_sum', settings: {min_terms: -1}}", b"{family: 'os:system'}", b"{family: ''}",
    b"settings: {a: [1, x]}", b"energy: 3\n", b"[" * 40, b"{a: " * 40, b"a: &a [*a]\n",
]  # fmt: skip

WORDS = [
    "name", "seed", "format", "extends", "tidepool", "pond.yaml", "family", "rhyme", "swap_words",
    "reasoning_gym:chain_sum", "reasoning_gym:zzz", "os:system", "evil:Family", "settings", "min_terms", "place",
    "niches", "inflow", "price", "upkeep", "founders", "capacity", "bounds", "step", "rank", "gaussian", "ties",
    "all", "none", "cpu", "niche", "period", "factor",
]  # fmt: skip
VALUES = [load_world(name).model_dump(mode="json") for name in ("tidepool", "pulse")]

mutated = st.builds(edited, st.sampled_from(BASES), edits(PAYLOADS)) | st.builds(
    lambda values, changes: to_yaml(reshaped(values, changes)).encode("utf-8", "surrogatepass"),
    st.sampled_from(VALUES),
    changes_of_values(WORDS),
)


@pytest.fixture(scope="module", autouse=True)
def libraries_have_made_their_own_folders() -> None:
    """What torch and reasoning-gym write when they are first imported is not ours to watch."""
    assert shell("world", "validate", "tidepool") == (0, "")


def check(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pond.yaml"
        path.write_bytes(data)
        with nothing_written_outside(path.parent):
            code, errors = shell("world", "validate", str(path))
            assert code in (0, 2)
            assert (code == 2) == bool(errors)
            assert all(line.startswith("error: ") for line in errors.splitlines())
            try:
                world = load_world(str(path))
            except ConfigError:
                assert code == 2
                return
        assert load_world_text(dump_world(world), "again") == world
        copy = Path(folder) / "copy.yaml"
        copy.write_text(copied_world("copy", path, copy), encoding="utf-8")
        assert load_world(str(copy)) == world.model_copy(update={"name": "copy"})


@examples(150)
@given(mutated)
def test_a_mutated_world_file_is_a_world_or_a_list_of_mistakes(data: bytes) -> None:
    check(data)


@five_thousand(mutated)
def test_five_thousand_mutated_world_files(data: bytes) -> None:
    check(data)


@examples(100)
@given(st.binary(max_size=200))
def test_random_bytes_are_no_world(data: bytes) -> None:
    check(data)
