"""World files are found, extended, overridden, and written so that they read back."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world_files import NICHES, SMALL, problems_of, write

from evolora.config.document import Document, parse_yaml, to_yaml
from evolora.config.load import dump_world, load_world
from evolora.config.world import WorldConfig


def test_a_bare_name_finds_the_file_in_worlds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, SMALL, "worlds/tidepool.yaml")
    monkeypatch.chdir(tmp_path)
    found = [load_world(name) for name in ("tidepool", "tidepool.yaml", "worlds/tidepool", "worlds/tidepool.yaml")]
    assert all(world == found[0] for world in found)


def test_a_file_here_comes_before_the_one_in_worlds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, SMALL, "worlds/tidepool.yaml")
    write(tmp_path, SMALL.replace("small", "here"), "tidepool.yaml")
    monkeypatch.chdir(tmp_path)
    assert load_world("tidepool").name == "here"


def test_what_the_file_leaves_out_has_its_default(tmp_path: Path) -> None:
    world = load_world(write(tmp_path, SMALL))
    plain = WorldConfig.model_validate({"name": "small", "niches": world.model_dump()["niches"]})
    assert world == plain


def test_part_of_a_trait_keeps_the_rest_of_its_default(tmp_path: Path) -> None:
    world = load_world(write(tmp_path, f"{SMALL}traits: {{rank: {{founders: [4, 4]}}}}\n"))
    default = WorldConfig.model_fields["traits"].get_default().rank
    assert world.traits.rank.founders == (4, 4)
    assert (world.traits.rank.bounds, world.traits.rank.step) == (default.bounds, default.step)


def test_a_table_in_the_file_replaces_the_default_table(tmp_path: Path) -> None:
    world = load_world(write(tmp_path, f"{SMALL}reproduction: {{merging: {{ties: 1}}}}\n"))
    assert world.reproduction.merging == {"ties": 1}


def test_extending_merges_sections_and_replaces_lists(tmp_path: Path) -> None:
    write(tmp_path, f"{SMALL}seed: 5\nenergy: {{upkeep: 1, remains: sink}}\n", "base/all.yaml")
    write(tmp_path, "extends: all.yaml\nenergy: {upkeep: 2}\n", "base/middle.yaml")
    path = write(tmp_path, "extends: base/middle.yaml\nname: top\nniches: [{family: spell}]\n")
    world = load_world(path)
    assert (world.name, world.seed) == ("top", 5)
    assert (world.energy.upkeep, world.energy.remains) == (2, "sink")
    assert [niche.family for niche in world.niches] == ["spell"]


def test_a_mistake_in_an_extended_file_is_shown_there(tmp_path: Path) -> None:
    write(tmp_path, f"{SMALL}energy: {{upkeep: -1, remains: snk}}\n", "base.yaml")
    problems = problems_of(write(tmp_path, "extends: base.yaml\nenergy: {upkeep: -2}\n"))
    assert [problem.split(": ")[0] for problem in problems] == ["base.yaml:6:22", "small.yaml:2:10"]


@pytest.mark.parametrize(
    ("extended", "problem"),
    [
        (
            "bse.yaml",
            "expected a file relative to FOLDER, or a shipped world, got bse.yaml; did you mean base.yaml?",
        ),
        (
            r'"a\0b"',
            "expected a file relative to FOLDER, or a shipped world, got a\0b",
        ),
        ("[base.yaml]", "expected the path of a world file, got the list [base.yaml]"),
        ("small.yaml", "expected files that do not extend each other, got small.yaml -> small.yaml"),
    ],
)
def test_what_cannot_be_extended_is_one_mistake_and_nothing_is_called_missing(
    tmp_path: Path, extended: str, problem: str
) -> None:
    write(tmp_path, SMALL, "base.yaml")
    problems = problems_of(write(tmp_path, f"seed: 1\nextends: {extended}\n"))
    assert [line.replace(str(tmp_path), "FOLDER") for line in problems] == [f"small.yaml:2:1: extends: {problem}"]


def test_a_shipped_world_can_be_extended_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = load_world("tidepool")
    for extended in ("tidepool", "tidepool.yaml"):
        world = load_world(write(tmp_path, f"extends: {extended}\nname: mine\n"))
        assert world == shipped.model_copy(update={"name": "mine"})


def test_a_file_beside_it_is_extended_before_a_shipped_one(tmp_path: Path) -> None:
    write(tmp_path, SMALL, "tidepool.yaml")
    world = load_world(write(tmp_path, "extends: tidepool\nname: mine\n"))
    assert [niche.name for niche in world.niches] == [None, "base"]


def test_the_world_of_a_run_folder_is_found_by_the_folder(tmp_path: Path) -> None:
    write(tmp_path, SMALL, "run/world.yaml")
    assert load_world(str(tmp_path / "run")).name == "small"


def test_a_circle_of_three_files_is_named(tmp_path: Path) -> None:
    for name, extended in (("a", "b"), ("b", "c"), ("c", "a")):
        path = write(tmp_path, f"extends: {extended}.yaml\nseed: 1\n", f"{name}.yaml")
    (problem,) = problems_of(path)
    assert problem.endswith("got c.yaml -> a.yaml -> b.yaml -> c.yaml")


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("energy.upkeep=0.25", ("energy", "upkeep"), 0.25),
        ("energy.upkeep=1e-3", ("energy", "upkeep"), 0.001),
        ("niches.0.price=3", ("niches", 0, "price"), 3),
        ("niches.count_bits.price=3", ("niches", 0, "price"), 3),
        ("niches.base.settings.base=7", ("niches", 1, "settings", "base"), 7),
        ("niches.base.settings={base: 7}", ("niches", 1, "settings", "base"), 7),
        ("traits.rank.founders=[4,4]", ("traits", "rank", "founders"), (4, 4)),
        ("genome.modules.0=k_proj", ("genome", "modules", 0), "k_proj"),
        ("reproduction.merging.ties=0.5", ("reproduction", "merging", "ties"), 0.5),
        ("death.max_age=null", ("death", "max_age"), None),
        ("host.system_prompt=a=b", ("host", "system_prompt"), "a=b"),
    ],
)
def test_an_override_sets_one_value(tmp_path: Path, override: str, path: tuple[str | int, ...], value: object) -> None:
    here: object = load_world(write(tmp_path, SMALL), [override]).model_dump()
    for part in path:
        here = here[part]  # type: ignore[index]
    assert here == value


def test_the_last_override_wins_and_an_option_wins_over_it(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL)
    assert load_world(path, ["seed=2", "seed=3"]).seed == 3
    assert load_world(path, ["seed=2"], seed=4, generations=None).seed == 4


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("seed", "expected KEY=VALUE with a dotted key, like energy.upkeep=0.2"),
        ("energy..upkeep=1", "expected KEY=VALUE with a dotted key, like energy.upkeep=0.2"),
        ("seed.x=1", "seed: expected a section to set x in, got 1"),
        (
            f"niches.{'9' * 5000}.price=1",  # more digits than Python makes a number of
            f"niches: expected an item (0 to 1 or count_bits, base), got {'9' * 5000}",
        ),
        ("niches.2.price=1", "niches: expected an item (0 to 1 or count_bits, base), got 2"),
        (
            "niches.bse.price=1",
            "niches: expected an item (0 to 1 or count_bits, base), got bse; did you mean base?",
        ),
        ("seasons.0.period=1", "seasons: expected a list with items, got an empty one to look for 0 in"),
        ("energy.upkep=1", "energy.upkep: unknown key; did you mean upkeep?"),
        (
            "death.crowding=none2",
            "death.crowding: expected one of poorest, oldest, random, none, got the text 'none2'",
        ),
    ],
)
def test_a_mistaken_override_is_shown_as_it_was_written(tmp_path: Path, override: str, problem: str) -> None:
    (line,) = problems_of(write(tmp_path, f"seed: 1\n{SMALL}"), [override])
    assert line.startswith(f"--set {override}: {problem}")


def test_a_mistaken_option_is_shown_as_the_option(tmp_path: Path) -> None:
    (line,) = problems_of(write(tmp_path, SMALL), generations=0)
    assert line == "--generations: generations: expected an integer >= 1, got 0 (How long to run)"


def test_a_written_world_reads_back_the_same(tmp_path: Path) -> None:
    text = f"{SMALL}death: {{max_age: 9}}\nhost: {{system_prompt: '1e-3'}}\nseed: 12345678901234567890\n"
    world = load_world(write(tmp_path, text), ["niches.0.settings={a: 'on', b: '010', c: [1, x, 2.5], d: true}"])
    assert load_world(write(tmp_path, dump_world(world), "again.yaml")) == world


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
lookalikes = st.sampled_from(
    [
        "1e-3",
        "1:30",
        "010",
        "0x1f",
        "on",
        "no",
        "~",
        "null",
        ".inf",
        "=",
        "<<",
        "- a",
        "\x85",
        "\u2028 x",
        "a\nb ",
        "a: b",
        "2026-01-01",
        "",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.text(max_size=5) | lookalikes, scalars | lookalikes | st.lists(scalars | lookalikes), max_size=5)
)
def test_any_plain_values_survive_yaml(values: dict[str, object]) -> None:
    document = Document()
    assert parse_yaml(to_yaml(values), "test", document) == values  # type: ignore[arg-type]
    assert document.problems == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-.5", -0.5),
        ("010", 10),
        ("1:30", "1:30"),
        ("on", "on"),
        ("TRUE", True),
        ("2026-01-01", "2026-01-01"),
        ("'1'", "1"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    parsed = parse_yaml(text, "test", Document())
    assert (parsed, type(parsed)) == (value, type(value))


def test_niches_of_the_small_world_are_as_written(tmp_path: Path) -> None:
    world = load_world(write(tmp_path, f"name: a\n{NICHES}"))
    assert [(niche.family, niche.name, niche.price) for niche in world.niches] == [
        ("count_bits", None, 2),
        ("reasoning_gym:base_conversion", "base", 1),
    ]
