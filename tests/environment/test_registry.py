"""From names and settings to families, and the errors on the way."""

import subprocess
import sys
from pathlib import Path

import pytest

from evolora.environment.families.family import Family
from evolora.environment.families.own_family import OwnFamily, own_family
from evolora.environment.families.reasoning_gym import REFUSED
from evolora.environment.families.registry import family_settings, known_families, make_family
from evolora.environment.niche import Niche
from evolora.environment.selftest import self_test
from evolora.environment.tasks import TaskSource
from evolora.errors import TaskError

from .niches import niche_of


def test_importing_the_environment_imports_neither_reasoning_gym_nor_torch() -> None:
    modules = "niche, tasks, selftest, seasons, chemostat, encounter, families.registry"
    code = "; ".join(
        [f"import evolora.environment.{module.strip()}" for module in modules.split(",")]
        + [
            "import sys",
            "print([name for name in ('reasoning_gym', 'torch', 'transformers') if name in sys.modules])",
        ]
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_making_one_of_ours_does_not_import_reasoning_gym() -> None:
    code = (
        "import sys; from evolora.environment.families.registry import make_family; "
        "make_family('weekday', {}).sample(1, 4); print('reasoning_gym' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("name", known_families())
def test_every_known_family_can_be_made_and_describes_its_settings(name: str) -> None:
    family = make_family(name, {})
    assert isinstance(family, Family)
    assert family.name == name
    assert family_settings(name)


def test_a_bare_reasoning_gym_name_is_the_same_family_as_the_prefixed_one() -> None:
    bare, prefixed = make_family("gcd", {}), make_family("reasoning_gym:gcd", {})
    assert bare.name == prefixed.name == "reasoning_gym:gcd"
    assert bare.sample(3, 5) == prefixed.sample(3, 5)
    assert "reasoning_gym:gcd" in known_families(with_reasoning_gym=True)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("leter_at", "letter_at"),
        ("weekdays", "weekday"),
        ("reasoning_gym:count_bit", "count_bits"),
        ("gdc", "gcd"),
    ],
)
def test_an_unknown_name_suggests_the_one_that_was_meant(written: str, meant: str) -> None:
    with pytest.raises(TaskError, match=f"Did you mean .*{meant}.*Expected one of ours .*clock_sum"):
        make_family(written, {})


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_broken_families_are_refused_with_the_reason(name: str) -> None:
    with pytest.raises(TaskError, match=f"{name} is refused: it"):
        make_family(f"reasoning_gym:{name}", {})


@pytest.mark.parametrize(
    ("name", "settings", "complaint"),
    [
        (
            "nth_word",
            {"words": 3},
            "nth_word: no setting is called words; expected settings: num_words: 2..10",
        ),
        ("nth_word", {"num_words": 1}, r"num_words: expected a whole number in 2\.\.10 .*got 1"),
        ("nth_word", {"num_words": 3.0}, r"num_words: expected a whole number .*got 3\.0"),
        ("nth_word", {"num_words": True}, "num_words: expected a whole number .*got True"),
        ("letter_at", {"place": "fourth"}, "place: expected one of first, second, third, last"),
        (
            "count_word",
            {"num_words": 4, "max_count": 4},
            r"max_count: expected less than num_words \(4\), got 4",
        ),
        ("gcd", {"maximum": 9}, "gcd: no setting is called maximum; expected settings: min_numbers"),
        ("gcd", {"seed": 9}, "no setting is called seed"),
        ("gcd", {"max_value": 1}, "max_value must be > min_value; expected settings: .*got"),
        ("gcd", {"max_value": "many"}, "reasoning_gym:gcd: .*expected settings"),
        ("word_sorting", {"transformation": "loud"}, "transformation takes one of lowercase, uppercase"),
    ],
)
def test_bad_settings_name_the_family_what_was_expected_and_what_came(
    name: str, settings: dict[str, int | str], complaint: str
) -> None:
    with pytest.raises(TaskError, match=complaint):
        make_family(name, settings)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("word_sorting", {"min_word_length": 40, "max_word_length": 50}),
        ("spell_backward", {"min_word_len": 30, "max_word_len": 40}),
        ("gcd", {"max_value": 50.5}),
        ("coin_flip", {"max_trials": 5.5}),
    ],
)
def test_settings_that_fail_only_in_a_question_are_one_line_too(name: str, settings: dict[str, float]) -> None:
    family = make_family(name, settings)
    with pytest.raises(TaskError, match=f"reasoning_gym:{name}: it can make no question .*expected settings: .*got"):
        family.sample(1, 16)
    (problem,) = self_test(Niche("pond", family), TaskSource(1))
    assert "\n" not in problem


def test_an_enum_setting_can_be_written_as_a_word() -> None:
    family = make_family("word_sorting", {"transformation": "lowercase", "max_words": 3})
    assert all(task.answer == task.answer.lower() for task in family.sample(1, 8))


def test_a_plug_in_beside_the_world_is_found_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    (tmp_path / "pond_tasks.py").write_text((Path(__file__).parent / "plug_ins.py").read_text())
    with pytest.raises(TaskError, match="is it in this folder, or on PYTHONPATH"):
        make_family("pond_tasks:Doubles", {})
    monkeypatch.chdir(tmp_path)
    assert make_family("pond_tasks:Doubles", {}).name == "pond_tasks:Doubles"


def test_a_plug_in_is_found_by_its_import_path() -> None:
    family = make_family("plug_ins:Doubles", {"largest": 500})
    assert family.name == "plug_ins:Doubles"
    assert [task.question for task in family.sample(3, 2)] == ["twice 3", "twice 4"]


@pytest.mark.parametrize(
    ("path", "settings", "complaint"),
    [
        ("plug_ins:Missing", {}, "expected a class Missing in plug_ins, which holds .*Doubles"),
        ("no_such_module:Family", {}, "cannot import no_such_module.*PYTHONPATH"),
        ("plug_ins:Doubles", {"biggest": 3}, "cannot be made with settings .*biggest"),
        (
            "plug_ins:NoScorer",
            {},
            r"expected a class with sample\(seed, num\) and score\(task, text\), got no score",
        ),
    ],
)
def test_a_plug_in_that_does_not_fit_is_explained(path: str, settings: dict[str, int | str], complaint: str) -> None:
    with pytest.raises(TaskError, match=complaint):
        make_family(path, settings)


def test_what_is_no_family_is_never_called(tmp_path: Path) -> None:
    """A world file must not be able to run a command through whatever module is installed."""
    mark = tmp_path / "mark"
    for path in ("subprocess:Popen", "subprocess:call", "os:system"):
        with pytest.raises(TaskError, match="expected a class with sample"):
            make_family(path, {"args": f"touch {mark}", "command": f"touch {mark}", "shell": True})
    assert not mark.exists()


def test_a_plug_in_that_returns_no_tasks_is_explained() -> None:
    with pytest.raises(TaskError, match="expected sample to return a list of Task, got 'twice 2'"):
        niche_of("plug_ins:NotTasks").family.sample(1, 1)


def test_two_families_cannot_share_a_name() -> None:
    with pytest.raises(TaskError, match="two families are called 'weekday'"):
        own_family("weekday")(OwnFamily)
