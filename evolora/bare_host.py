"""How well the host answers each niche's tasks by itself: measured once, at the start of a run, outside the economy."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from evolora.environment.encounter import Encounter
from evolora.environment.niche import Niche
from evolora.environment.tasks import TaskSource
from evolora.evaluation.evaluator import Evaluator
from evolora.organism.genome import Genome
from evolora.organism.population import Population

FEWEST_TASKS, MOST_TASKS = 4, 32  # of a niche, for each number of examples
# Parameters times answers: what 96 answers of a host of 135 million parameters take, two to three seconds on two cores.
MOST_WORK = 96 * 135_000_000


@dataclass(frozen=True)
class BareHost:
    """`scores[examples][niche]`: mean score in [0, 1] of one greedy answer to each of `num_tasks[niche]` tasks.

    The tasks are held-out ones (the selection split), the same for both numbers of examples: none, and the most that a
    founder has. `answer_limit` is the longest answer of a founder, in tokens. Niches are at the level they begin with.
    """

    answer_limit: int
    num_tasks: dict[str, int]
    scores: dict[str, dict[str, float]]

    def to_row(self) -> dict[str, object]:
        return asdict(self)


def tasks_a_niche(num_parameters: int, num_niches: int) -> int:
    """How many tasks a niche: as many as `MOST_WORK` pays for in both settings, between 4 and 32."""
    answers = MOST_WORK // max(1, num_parameters)
    return max(FEWEST_TASKS, min(MOST_TASKS, answers // max(1, 2 * num_niches)))


def ask_bare_host(
    niches: Sequence[Niche], source: TaskSource, founders: Population, evaluator: Evaluator
) -> BareHost | None:
    """The host's scores, answered in one batch by a genome without weights; None where nobody was founded."""
    traits = [founder.active.traits for founder in founders]
    if not traits:
        return None
    limit = max(own.answer_limit for own in traits)
    settings = sorted({0, max(own.num_examples for own in traits)})
    wanted = tasks_a_niche(evaluator.facts.num_parameters, len(niches))
    tasks = {niche.name: source.selection(niche, wanted) for niche in niches}
    asked = [(examples, niche, task) for examples in settings for niche in niches for task in tasks[niche.name]]
    encounters = [
        Encounter(0, niche.name, task, tuple(source.examples(niche, examples)), 1, 0.0, limit, key=0)
        for examples, niche, task in asked
    ]
    answers = evaluator.answer({0: Genome({}, traits[0], 1.0)}, encounters)
    total = {str(examples): {niche.name: 0.0 for niche in niches} for examples in settings}
    for (examples, niche, task), (answer,) in zip(asked, answers, strict=True):
        score = 0.0 if answer.fault else niche.score(task, answer.text).value
        total[str(examples)][niche.name] += score / len(tasks[niche.name])
    num_tasks = {name: len(own) for name, own in tasks.items()}
    rounded = {key: {name: round(score, 6) for name, score in row.items()} for key, row in total.items()}
    return BareHost(limit, num_tasks, rounded)
