"""Splits: the questions that portfolios and baselines are chosen on, and the shifts they are tested under.

All are disjoint by content from what was lived on or trained with: a task's digest decides its one use (see
`environment.tasks`), at every difficulty, and a reworded question is made from a test task. `check_disjoint` looks
whether it was so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from evolora.environment.families.family import ConstantAnswer, SettingValue, answer_kinds, constant_answer_score
from evolora.environment.families.own_family import OWN_FAMILIES
from evolora.environment.families.registry import make_family
from evolora.environment.niche import Niche
from evolora.environment.tasks import TaskSource, split_of
from evolora.errors import ConfigError, TaskError
from evolora.portfolio.rewording import reword
from evolora.routing.exam import Numbers, Question

Shift = Literal["in distribution", "difficulty", "family", "surface"]
SHIFTS: tuple[Shift, ...] = ("in distribution", "difficulty", "family", "surface")
FEW_ANSWERS = 4  # a family with at most so many different answers rewards constant answering
TELLING = 0.4  # one constant answer scoring above this, likewise

# One to three levels up from our families' defaults; families of other names are named with their levels by the world.
HARDER: Mapping[str, Mapping[str, int]] = {
    "clock_sum": {"max_term": 60},
    "count_word": {"num_words": 8, "max_count": 5},
    "extreme_number": {"num_numbers": 5},
    "first_in_alphabet": {"num_words": 5},
    "letter_sequence": {"max_step": 4},
    "nth_word": {"num_words": 6},
    "odd_one_out": {"num_words": 6},
    "rhyme": {"num_choices": 6},
    "spelt_number": {"max_value": 9_999},
    "weekday": {"max_days": 60},
}


@dataclass(frozen=True)
class Split:
    """Test questions of one shift. Everybody is shown at least so many worked `examples`, whatever it is used to.

    `origins` are, by a reworded question's digest, the digest of the task it was made from.
    """

    shift: Shift
    questions: tuple[Question, ...]
    examples: int = 0
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def families(self) -> tuple[str, ...]:
        """Niche name of every question."""
        return tuple(question.niche.name for question in self.questions)


def selection_questions(niches: Sequence[Niche], source: TaskSource, num: int) -> tuple[Question, ...]:
    """`num` selection tasks of every niche of the world: what both sides may choose by."""
    return tuple(Question(niche, task) for niche in niches for task in source.selection(niche, num))


def make_split(
    shift: Shift,
    niches: Sequence[Niche],
    source: TaskSource,
    num: int,
    harder: Sequence[Niche] = (),
    foreign: Sequence[Niche] = (),
    seed: int = 0,
    examples: int = 0,
) -> Split:
    """At most `num` test questions a family, each with `examples` worked ones; fewer where a family has no more.

    `harder` are the world's niches some levels up, `foreign` families nobody lived on; `seed` words the surface shift.

    Raises:
        ConfigError: no questions to ask, or a family that was lived on among the `foreign`.
    """
    lived = {niche.family.name for niche in niches}
    if shift == "family" and (known := sorted(lived & {niche.family.name for niche in foreign})):
        raise ConfigError(f"family shift: expected families that nobody lived on, got {', '.join(known)}")
    asked = {"difficulty": harder, "family": foreign}.get(shift, niches)
    if not asked:
        raise ConfigError(f"{shift} shift: expected at least one niche to ask about, got none")
    questions = [Question(niche, task) for niche in asked for task in source.test(niche, num)]
    if shift != "surface":
        return Split(shift, tuple(questions), examples)
    reworded = [Question(question.niche, reword(question.task, seed)) for question in questions]
    origins = {new.task.digest: old.task.digest for new, old in zip(reworded, questions, strict=True)}
    return Split(shift, tuple(reworded), examples, origins)


def make_splits(
    niches: Sequence[Niche],
    source: TaskSource,
    num: int,
    seed: int,
    unseen: Mapping[str, Mapping[str, SettingValue]] | None = None,
    unseen_examples: int = 0,
) -> list[Split]:
    """Every shift that the niches' families allow, `num` test questions a family; of the family shift the families
    `unseen` (None: as for `foreign_niches`), which are asked with `unseen_examples`."""
    harder, foreign = harder_niches(niches), foreign_niches(niches, unseen)
    have, shown = {"difficulty": harder, "family": foreign}, {"family": unseen_examples}
    return [
        make_split(shift, niches, source, num, harder, foreign, seed, shown.get(shift, 0))
        for shift in SHIFTS
        if have.get(shift, niches)
    ]


def harder_niches(niches: Sequence[Niche], named: Mapping[str, Mapping[str, int]] = HARDER) -> list[Niche]:
    """The niches of families that `named` has harder settings for, at these. Niches without any are left out."""
    return [
        Niche(niche.name, make_family(niche.family.name, named[niche.family.name]), niche.price, niche.pay)
        for niche in niches
        if niche.family.name in named
    ]


def foreign_niches(
    niches: Sequence[Niche], named: Mapping[str, Mapping[str, SettingValue]] | None = None
) -> list[Niche]:
    """Niches of the families `named`, each with its settings (None: all of ours that are not among `niches`)."""
    lived = {niche.family.name for niche in niches}
    chosen = {name: {} for name in sorted(set(OWN_FAMILIES) - lived)} if named is None else named
    return [Niche(name.replace(":", "_"), make_family(name, settings)) for name, settings in chosen.items()]


def check_disjoint(trained: Collection[str], split: Split) -> None:
    """Refuse a split that shares content with the tasks (digests) that were lived on, `trained` with or chosen by.

    Raises:
        TaskError: naming how many tasks leaked.
    """
    known = set(trained)
    leaked = [q.task.digest for q in split.questions if {q.task.digest, split.origins.get(q.task.digest, "")} & known]
    if leaked:
        raise TaskError(
            f"{split.shift}: expected test questions that nobody trained on, got {len(leaked)} of "
            f"{len(split.questions)} that somebody did (first digest {leaked[0]})"
        )


def check_use(questions: Sequence[Question], use: str) -> None:
    """Refuse questions whose content is not meant for `use` (living, test, selection).

    Raises:
        TaskError: naming the first.
    """
    for question in questions:
        if (own := split_of(question.task)) != use:
            raise TaskError(
                f"{question.niche.name}: expected {use} tasks, got a {own} task: '{question.task.question}'"
            )


@dataclass(frozen=True)
class FamilyNote:
    """What a family's numbers can mean: how many answers it has, its commonest, and how far that gets."""

    family: str
    kinds: int
    constant: ConstantAnswer


def may_carry_claims(kinds: int, constant: float) -> bool:
    """Whether a family with so many different answers, one of which scores `constant` if always given, tells more than
    which constant is answered."""
    return kinds > FEW_ANSWERS and constant <= TELLING


def family_notes(split: Split) -> dict[str, FamilyNote]:
    """Niche name -> note, from the split's own questions."""
    notes = {}
    for name in dict.fromkeys(split.families):
        own = [question for question in split.questions if question.niche.name == name]
        tasks, niche = [question.task for question in own], own[0].niche
        constant = constant_answer_score(tasks, lambda task, text, niche=niche: niche.score(task, text).value)  # type: ignore[misc]
        notes[name] = FamilyNote(name, answer_kinds(tasks), constant)
    return notes


def balanced_accuracy(scores: Numbers, questions: Sequence[Question]) -> float:
    """The mean over reference answers of the mean score of questions with that answer.

    A constant answer gets 1 / (number of answers), whatever their frequencies (Brodersen et al. 2010).
    """
    answers = np.array([question.task.answer for question in questions])
    return float(np.mean([scores[answers == answer].mean() for answer in dict.fromkeys(answers)]))
