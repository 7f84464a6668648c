"""Whether a niche pays for the truth and for nothing else, tried before a world starts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evolora.environment.families.family import ConstantAnswer, answer_kinds, constant_answer_score
from evolora.environment.niche import Niche
from evolora.environment.task import Task
from evolora.environment.tasks import FEWEST, TaskSource
from evolora.environment.text import normalise
from evolora.errors import TaskError
from evolora.rng import key64

NUM_TASKS = 64
MOST_FOR_BABBLE = 0.02  # mean score; consolation scores of 0.01 to 0.05 are what it guards against
LOREM = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore"
BABBLE: dict[str, Callable[[Task], str]] = {
    "'yes'": lambda task: "yes",
    "'I don't know'": lambda task: "I don't know",
    "'0'": lambda task: "0",
    "lorem ipsum": lambda task: LOREM,
    "a row of digits": lambda task: "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
    "the question itself": lambda task: task.question,
}


@dataclass(frozen=True)
class NicheProfile:
    """What a niche's tasks look like: lengths in characters, and how far one constant valid answer gets."""

    question_characters: float
    answer_characters: float
    answer_kinds: int
    constant: ConstantAnswer


def self_test(niche: Niche, source: TaskSource) -> list[str]:
    """What is wrong with `niche`, in words; empty where nothing is.

    On 64 tasks: the reference earns 1, silence 0, babble under 0.02 on average (an answer that is right for
    some of the tasks is no babble: see `profile`). And the family must be large enough for every use.
    """
    try:
        tasks = probe_tasks(niche)
        source.examples(niche, FEWEST["examples"])
        source.test(niche, FEWEST["test"])
        source.selection(niche, FEWEST["selection"])
        source.living(niche, 0, FEWEST["living"])
        if source.with_trials:
            source.trial(niche, 0, FEWEST["trial"])
    except TaskError as error:
        return [str(error)]
    if not tasks:
        return ["the family gave no tasks"]
    checks = (_oracle_problems, _silence_problems, _babble_problems)
    return [problem for check in checks for problem in check(niche, tasks)]


def refuse_failing(niches: Sequence[Niche], source: TaskSource) -> None:
    """Raises one `TaskError` that names every niche which fails its self-test, and why."""
    found = [(niche.name, problem) for niche in niches for problem in self_test(niche, source)]
    if found:
        lines = "\n".join(f"  {name}: {problem}" for name, problem in found)
        raise TaskError(f"these niches fail their self-test; change or remove them:\n{lines}")


def profile(niche: Niche) -> NicheProfile:
    """Lengths, number of different answers and the best constant answer, over 64 tasks."""
    tasks = probe_tasks(niche)
    return NicheProfile(
        question_characters=sum(len(task.question) for task in tasks) / len(tasks),
        answer_characters=sum(len(task.answer) for task in tasks) / len(tasks),
        answer_kinds=answer_kinds(tasks),
        constant=constant_answer_score(tasks, lambda task, text: niche.score(task, text).value),
    )


def probe_tasks(niche: Niche) -> list[Task]:
    """The tasks that the self-test looks at, whatever split they belong to: nothing is learnt from them."""
    return niche.family.sample(key64(0, "self-test"), NUM_TASKS)


def _oracle_problems(niche: Niche, tasks: list[Task]) -> list[str]:
    for task in tasks:
        score = niche.score(task, task.answer)
        if score.value != 1.0:
            why = f" ({score.reason})" if score.reason else ""
            return [f"its own reference answer {task.answer[:40]!r} earns {score.value}{why}, expected 1"]
    return []


def _silence_problems(niche: Niche, tasks: list[Task]) -> list[str]:
    most = max(niche.score(task, text).value for task in tasks for text in ("", " \n\n", "."))
    return [f"silence earns {most}, expected 0"] if most else []


def _babble_problems(niche: Niche, tasks: list[Task]) -> list[str]:
    valid = {normalise(task.answer) for task in tasks}
    problems = []
    for name, babble in BABBLE.items():
        texts = [babble(task) for task in tasks]
        if any(normalise(text) in valid for text in texts):
            continue
        earned = [niche.score(task, text).value for task, text in zip(tasks, texts, strict=True)]
        mean = sum(earned) / len(earned)
        if mean >= MOST_FOR_BABBLE:
            problems.append(f"{name} earns {mean:.3f} on average, expected under {MOST_FOR_BABBLE}")
    return problems
