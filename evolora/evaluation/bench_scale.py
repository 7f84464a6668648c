"""How answering and learning go as the population grows, and as Ray workers share it: whole calls to an evaluator."""

import resource
import sys
from collections.abc import Callable, Mapping, Sequence

import torch

from evolora.environment.encounter import Encounter
from evolora.environment.task import Task
from evolora.evaluation.bench import NEW_TOKENS, RANK, SAMPLES, SCALING, Case
from evolora.evaluation.evaluator import Evaluator
from evolora.organism.genome import Factors, Genome, SiteShape
from evolora.organism.learning import Learner, Lesson
from evolora.organism.traits import Traits
from evolora.rng import key64, stream

WORDS = ("river", "stone", "cloud", "apple", "north", "seven", "light", "paper", "green", "hill", "salt", "wind")


def quick_genomes(sites: Sequence[SiteShape], count: int) -> list[Genome]:
    """Different genomes of rank 8 with small random factors, none of them zero: a thousand in seconds."""
    generator = torch.Generator().manual_seed(0)
    traits = Traits(RANK, 0.05, 1e-3, 1.0, NEW_TOKENS, 0, {})
    return [
        Genome(
            {
                site.name: Factors(
                    torch.randn(RANK, site.in_features, generator=generator) * site.in_features**-0.5,
                    torch.randn(site.out_features, RANK, generator=generator) * 0.002,
                )
                for site in sites
            },
            traits,
            SCALING,
        )
        for _ in range(count)
    ]


def make_encounters(organisms: int, each: int, samples: int, words: tuple[int, int]) -> list[Encounter]:
    """`each` tasks for every organism, of as many random words as the range `words` says, `samples` answers to each."""
    rng = stream(0, "bench encounters")
    encounters = []
    for organism in range(organisms):
        for place in range(each):
            question = " ".join(rng.choice(WORDS, size=int(rng.integers(*words, endpoint=True))))
            task = Task("bench", f"Say these words in another order: {question}", "", 0)
            key = key64(0, "bench", organism, place)
            encounters.append(Encounter(organism, "bench", task, (), samples, 1.0, NEW_TOKENS, key))
    return encounters


def scale_cases(evaluator: Evaluator, counts: Sequence[int], against: int) -> list[Case]:
    """One episode of every organism of populations of `counts`, each compared with the one of `against`."""
    genomes = dict(enumerate(quick_genomes(evaluator.facts.sites, max(counts))))
    encounters = make_encounters(max(counts), 1, 1, (18, 18))

    def living(count: int) -> Callable[[], int]:
        bodies = {identity: genomes[identity] for identity in range(count)}
        return lambda: _answer(evaluator, bodies, encounters[:count])

    return [
        Case(_population(count), living(count), None if count == against else _population(against), slow=count > 128)
        for count in counts
    ]


def generation_case(name: str, evaluator: Evaluator, organisms: int, against: str | None = None) -> Case:
    """What a generation asks of an evaluator: a task an organism with six answers to it, and an update."""
    genomes = dict(enumerate(quick_genomes(evaluator.facts.sites, organisms)))
    encounters = make_encounters(organisms, 1, SAMPLES, (5, 60))

    def run() -> int:
        answers = evaluator.answer(genomes, encounters)
        lessons = [
            Lesson(
                encounter.organism_id,
                own[0].prompt_ids,
                tuple(answer.token_ids for answer in own),
                tuple((-1.0) ** i for i in range(len(own))),
                1.0,
            )
            for encounter, own in zip(encounters, answers, strict=True)
        ]
        evaluator.learn({identity: Learner(genome, None) for identity, genome in genomes.items()}, lessons)
        tokens = sum(own[0].prompt_tokens + sum(answer.generated_tokens for answer in own) for own in answers)
        return tokens + sum(lesson.num_tokens for lesson in lessons)

    return Case(name, run, against)


def peak_memory() -> int:
    """The most memory this process has had at a time, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _population(count: int) -> str:
    return f"{count:,} organisms, an episode each"


def _answer(evaluator: Evaluator, bodies: Mapping[int, Genome], encounters: Sequence[Encounter]) -> int:
    answers = evaluator.answer(bodies, encounters)
    return sum(own[0].prompt_tokens + own[0].generated_tokens for own in answers)
