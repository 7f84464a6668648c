"""Every kind of mistake in a world file is one line: where, what was expected, what came, what was meant."""

from pathlib import Path

import pytest
from world_files import SMALL, problems_of, write

from evolora.config.load import load_world
from evolora.config.shipped import shipped_files
from evolora.environment.tasks import EXAMPLE_POOL

MISTAKES = {
    "an unknown key": (
        "energy:\n  upkep: 1",
        "small.yaml:7:3: energy.upkep: unknown key; did you mean upkeep?",
    ),
    "a dotted key, as --set takes it": (
        "energy.upkeep: 1",
        "small.yaml:6:1: energy.upkeep: unknown key; write energy: {upkeep: ...}, for dotted keys are for --set and "
        "experiments' `set`",
    ),
    "a key with more dots": (
        "traits.rank.step: 1",
        "small.yaml:6:1: traits.rank.step: unknown key; write traits: {rank: {step: ...}}, for dotted keys are for "
        "--set and experiments' `set`",
    ),
    "an unknown key of a section that may be absent": (
        "population: {arrivals: {at: 3, number: 1, evry: 2}}",
        "small.yaml:6:43: population.arrivals.evry: unknown key; did you mean every?",
    ),
    "an unknown key unlike any of a section that may be absent": (
        "population: {arrivals: {at: 3, number: 1, zzz: 2}}",
        "small.yaml:6:43: population.arrivals.zzz: unknown key; expected one of at, every, number",
    ),
    "a key in the wrong section": (
        "upkeep: 1",
        "small.yaml:6:1: upkeep: unknown key; did you mean energy.upkeep?",
    ),
    "an unknown key unlike any": (
        "death: {zzz: 1}",
        "small.yaml:6:9: death.zzz: unknown key; expected one of insolvency, victims, max_age, crowding",
    ),
    "a neutral world without energy": (
        "selection: neutral\neconomy: false",
        "small.yaml:6:1: selection: expected economy: true where it is neutral (it deals out fortunes), got false",
    ),
    "a number out of range": (
        "energy: {upkeep: -1}",
        "small.yaml:6:10: energy.upkeep: expected a number >= 0, got -1 "
        "(Energy each organism pays to live one generation)",
    ),
    "a fraction above 1": (
        "genome: {decay: 2}",
        "small.yaml:6:10: genome.decay: expected a number >= 0 and <= 1, got 2 "
        "(Share of a child's delta lost at birth, toward the host)",
    ),
    "an infinite number": (
        "reproduction: {threshold: .inf}",
        "small.yaml:6:16: reproduction.threshold: expected a finite number, got inf "
        "(Energy above which an organism reproduces)",
    ),
    "a quoted number": (
        'seed: "3"',
        "small.yaml:6:1: seed: expected an integer >= 0, got the text '3' (Everything random follows from it)",
    ),
    "true for a number": (
        "seed: true",
        "small.yaml:6:1: seed: expected an integer >= 0, got true (Everything random follows from it)",
    ),
    "null where a value is needed": (
        "seed: null",
        "small.yaml:6:1: seed: expected an integer >= 0, got null (Everything random follows from it)",
    ),
    "a wrong choice": (
        "death: {crowding: porest}",
        "small.yaml:6:9: death.crowding: expected one of poorest, oldest, random, none, "
        "got the text 'porest'; did you mean poorest? "
        "(Who makes room for a birth at capacity; none: the birth waits)",
    ),
    "a wrong choice where a list would do too": (
        "genome: {layers: uper_half}",
        "small.yaml:6:10: genome.layers: expected one of all, upper_half, upper_third or a list "
        "(each an integer), got the text 'uper_half'; did you mean upper_half? (Layers that carry adapters)",
    ),
    "a wrong item where a word would do too": (
        "genome: {layers: [1, top]}",
        "small.yaml:6:22: genome.layers.1: expected an integer, got the text 'top'",
    ),
    "an unknown name in a table": (
        "reproduction: {merging: {tie: 1}}",
        "small.yaml:6:26: reproduction.merging.tie: expected one of weighted_sum, concatenation, ties, dare, "
        "spherical, crossover as key, got tie; did you mean ties?",
    ),
    "a pair of three": (
        "traits: {rank: {founders: [1, 2, 3]}}",
        "small.yaml:6:17: traits.rank.founders: expected a list of 2 (a whole number >= 1, a whole number >= 1), "
        "got the list [1, 2, 3] (Range that founders are drawn from, evenly)",
    ),
    "a pair of one": (
        "traits: {rank: {founders: [1]}}",
        "small.yaml:6:17: traits.rank.founders: expected a list of 2 (a whole number >= 1, a whole number >= 1), "
        "got the list [1] (Range that founders are drawn from, evenly)",
    ),
    "half a rank": (
        "traits: {rank: {founders: [4, 8.5]}}",
        "small.yaml:6:31: traits.rank.founders.1: expected a whole number >= 1, got 8.5",
    ),
    "a rank without end": (
        "traits: {rank: {founders: [8, 8], bounds: [2, .inf]}}",
        "small.yaml:6:47: traits.rank.bounds.1: expected a finite number, got inf",
    ),
    "no token to answer with": (
        "traits: {answer_limit: {founders: [4, 8], bounds: [0, 9]}}",
        "small.yaml:6:52: traits.answer_limit.bounds.0: expected a whole number >= 1, got 0",
    ),
    "more worked examples than there are": (
        "traits: {num_examples: {founders: [4, 25], bounds: [0, 24]}}",
        "small.yaml:6:39: traits.num_examples.founders.1: expected a whole number >= 0 and <= 24, got 25",
    ),
    "a temperature below 0": (
        "traits: {temperature: {founders: [-0.5, 1], bounds: [0, 1]}}",
        "small.yaml:6:35: traits.temperature.founders.0: expected a number >= 0, got -0.5",
    ),
    "a scale that is now 0, now not": (
        "traits: {mutation_scale: {founders: [0, 0.1], bounds: [0, 1]}}",
        "small.yaml:6:10: traits.mutation_scale: expected founders above 0, or [0, 0] for none at all "
        "(a 0 cannot mutate), got (0.0, 0.1)",
    ),
    "a value for a section": (
        "death: 3",
        "small.yaml:6:1: death: expected a section with insolvency, victims, max_age, crowding, got 3",
    ),
    "a rule between the fields of a section": (
        "traits:\n  rank: {founders: [1, 2]}",
        "small.yaml:7:3: traits.rank: expected bounds[0] <= founders[0] <= founders[1] <= bounds[1], "
        "got founders (1.0, 2.0), bounds (2.0, 16.0)",
    ),
    "a rule between sections": (
        "seasons:\n  - {niche: tide, period: 3, amplitude: 1}",
        "small.yaml:6:1: seasons: expected names of niches (count_bits, base), got tide",
    ),
    "a key given twice": ("seed: 1\nseed: 1", "small.yaml:7:1: seed: given twice, first in line 6; keep one"),
    "an alias": (
        "seed: *one",
        "small.yaml:6:7: expected plain values, got the alias *one; write it out, or share it with `extends`",
    ),
    "a tag": (
        "seed: !!python/name:os.system ''",
        "small.yaml:6:7: expected plain values, got the tag tag:yaml.org,2002:python/name:os.system",
    ),
    "a list as a key": ("? [a]\n: 1", "small.yaml:6:3: expected a word as key, got a list or mapping"),
    "broken YAML": (
        "seed: [1",
        "small.yaml:7:1: not valid YAML: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'",
    ),
    "half a character": (
        'host: {system_prompt: "\\ud800"}',
        "small.yaml:6:23: expected Unicode text, got half a surrogate pair",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_with_its_place_and_remedy(tmp_path: Path, mistake: str) -> None:
    lines, problem = MISTAKES[mistake]
    assert problems_of(write(tmp_path, f"{SMALL}{lines}\n")) == [problem]


def test_founders_may_have_as_many_worked_examples_as_a_niche_has(tmp_path: Path) -> None:
    text = f"{SMALL}traits: {{num_examples: {{founders: [0, {EXAMPLE_POOL}], bounds: [0, {EXAMPLE_POOL}]}}}}\n"
    assert load_world(write(tmp_path, text)).traits.num_examples.founders == (0, EXAMPLE_POOL)


@pytest.mark.parametrize(
    ("opening", "problem"),
    [
        (
            "{at: 1, duration: 4, every: 4}",
            "small.yaml:2:31: niches.0.open: expected duration < every, got 4 and 4; it would never shut",
        ),
        (
            "{at: 1, duration: 4}",
            "small.yaml:2:1: niches: expected one that is open in every generation, got none in generation 5",
        ),
    ],
)
def test_openings_that_make_no_sense_are_one_line(tmp_path: Path, opening: str, problem: str) -> None:
    text = f"name: small\nniches: [{{family: count_bits, open: {opening}}}]\n"
    assert problems_of(write(tmp_path, text)) == [problem]


def test_a_world_of_endless_generations_is_read_at_once(tmp_path: Path) -> None:
    text = "name: small\ngenerations: 1000000000000\nniches:\n"
    text += "  - {family: count_bits, open: {at: 1, duration: 1, every: 2}}\n"
    text += "  - {family: letter_at, open: {at: 2, duration: 1, every: 2}}\n"
    assert load_world(write(tmp_path, text)).generations == 10**12


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = f"{SMALL}seed: -1\nenergy: {{upkep: 1, remains: snk}}\nseed: 3\n"
    overrides = ["generations=0", "zzz.a=1", "niches.count_bit.price=1", "no equals"]
    problems = problems_of(write(tmp_path, text), overrides)
    assert [problem.partition(": ")[0] for problem in problems] == [
        "small.yaml:8:1",
        "--set niches.count_bit.price=1",
        "--set no equals",
        "--set generations=0",
        "--set zzz.a=1",
        "small.yaml:6:1",
        "small.yaml:7:10",
        "small.yaml:7:20",
    ]


def test_what_is_missing_is_missing_from_the_file_that_extends(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: base\n")
    (problem,) = problems_of(write(tmp_path, "extends: base.yaml\n"))
    assert problem.startswith("small.yaml: niches: expected a list")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    problems = problems_of(write(tmp_path, "seed: 1\n"))
    assert [problem.partition(": expected")[0] for problem in problems] == ["small.yaml: name", "small.yaml: niches"]
    assert all("got nothing" in problem for problem in problems)


def test_what_a_niche_lacks_is_named_at_the_niche(tmp_path: Path) -> None:
    problems = problems_of(write(tmp_path, "name: a\nniches:\n  - price: 1\n"))
    assert problems == [
        "small.yaml:3:5: niches.0.family: expected a text, got nothing "
        "(A family name, `reasoning_gym:NAME`, or `module:Class` of your own)"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "small.yaml: expected settings as `key: value` lines, got an empty file"),
        ("- 1\n", "small.yaml: expected settings as `key: value` lines, got the list [1]"),
        ("a: 1\n---\nb: 2\n", "small.yaml:2:1: not valid YAML: expected a single document in the stream,"),
        ("a: \x01\n", "small.yaml: not valid YAML: unacceptable character #x0001: special characters are"),
        (f"a: {'[' * 5000}", "small.yaml:1:35: expected at most 32 levels of nesting, got more"),
        (f"a: {'x' * 1_000_001}", "small.yaml: expected at most 1,000,000 bytes, got a larger file"),
    ],
)
def test_a_file_that_is_no_world_is_refused_whole(tmp_path: Path, text: str, problem: str) -> None:
    (first, *rest) = problems_of(write(tmp_path, text))
    assert first.startswith(problem)
    assert not rest


def test_an_alias_bomb_is_refused_before_it_is_built(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    assert "got the alias *a0" in problems_of(write(tmp_path, bomb))[0]


def test_an_override_that_looks_like_a_place_is_quoted_as_it_was_given(tmp_path: Path) -> None:
    (found,) = problems_of(write(tmp_path, SMALL), ["name='a:1:b c'"])
    assert found.startswith("--set name='a:1:b c': name: expected a text matching")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_bytes(b"name: caf\xe9\n")
    assert problems_of(str(tmp_path / "small.yaml")) == ["small.yaml: expected UTF-8 text, got byte 0xe9 at position 9"]


def test_a_missing_world_suggests_one_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, SMALL, "worlds/swamp.yaml")
    monkeypatch.chdir(tmp_path)
    expected = "expected a YAML file or the name of one of the worlds, got"
    known = f"(worlds: {', '.join(sorted({*shipped_files('worlds'), 'swamp'}))})"
    assert problems_of("swmp") == [f"swmp: {expected} no such file; did you mean swamp?"]
    assert problems_of("tidepol") == [f"tidepol: {expected} no such file; did you mean tidepool?"]
    assert problems_of("worlds") == [f"worlds: {expected} a directory {known}"]
    assert problems_of("a\0b") == [f"a\0b: {expected} no such file {known}"]


def test_a_world_without_niches_is_no_world(tmp_path: Path) -> None:
    problems = problems_of(write(tmp_path, "name: a\nniches: []\n"))
    assert problems[0].startswith("small.yaml:2:1: niches: expected a list (at least 1, each a section with family,")
