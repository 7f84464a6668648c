"""How fast a population answers and learns, against the same decoder without adapters, `generate()`, and PEFT."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from evolora.evaluation.local import LocalEvaluator
from evolora.host.attention import IMPLEMENTATION
from evolora.host.bank import Bank, stack_genomes
from evolora.host.decode import Request
from evolora.organism.founding import found_genome
from evolora.organism.genome import Genome, SiteShape
from evolora.organism.learning import Learner, Lesson
from evolora.organism.mutation import mutate
from evolora.organism.traits import TraitRange, Traits
from evolora.rng import stream

NEW_TOKENS = 12
RANK = 8
SCALING = 2.0
SAMPLES = 6  # answers to one prompt, as worlds ask for
Prompt = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One thing to time: `run` does a round of work and returns the tokens it processed (prompt + generated).

    `against` names the case it is compared with; `slow` cases are
    timed once, without a warm-up.
    """

    name: str
    run: Callable[[], int]
    against: str | None = None
    slow: bool = False


@dataclass(frozen=True)
class Timing:
    """Median seconds of a round, tokens a second, and how many times another case's tokens a second that is."""

    name: str
    seconds: float
    rounds: int
    tokens_per_second: float
    against: str | None
    ratio: float | None


def time_cases(cases: Sequence[Case], rounds: int) -> list[Timing]:
    """Time all cases round by round, so that drift of the machine hits all alike.

    Fewer than three rounds are warmed up by one that does not count; of three, the median leaves a cold first one out.
    """
    seconds: dict[str, list[float]] = {case.name: [] for case in cases}
    tokens: dict[str, int] = {}
    warming = 1 if rounds < 3 else 0
    for number in range(warming + rounds):
        for case in cases:
            if case.slow and number != warming:
                continue
            start = time.perf_counter()
            tokens[case.name] = case.run()
            if number >= warming:
                seconds[case.name].append(time.perf_counter() - start)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    speeds = {name: tokens[name] / median for name, median in medians.items()}
    return [
        Timing(
            case.name,
            medians[case.name],
            len(seconds[case.name]),
            speeds[case.name],
            case.against,
            speeds[case.name] / speeds[case.against] if case.against else None,
        )
        for case in cases
    ]


def make_genomes(sites: Sequence[SiteShape], count: int) -> list[Genome]:
    """Different genomes of rank 8 at all `sites`, none of them zero."""
    traits = Traits(RANK, 0.05, 1e-3, 1.0, NEW_TOKENS, 0, {})
    genomes = []
    for number in range(count):
        rng = stream(0, "bench genome", number)
        genomes.append(mutate("gaussian", found_genome(sites, traits, SCALING, rng), TraitRange(RANK, RANK, 0.0), rng))
    return genomes


def make_prompts(evaluator: LocalEvaluator, lengths: Sequence[int]) -> list[Prompt]:
    """Random tokens; their values do not matter to the time."""
    rng = stream(0, "bench prompts")
    vocabulary = evaluator.host.model.get_input_embeddings().weight.shape[0]
    return [tuple(rng.integers(10, vocabulary, size=length).tolist()) for length in lengths]


def answering_cases(
    evaluator: LocalEvaluator,
    label: str,
    prompts: Sequence[Prompt],
    adapters: Sequence[int],
    samples: int = 1,
    beside_generate: bool = True,
    openings: Sequence[int] = (),
) -> list[Case]:
    """`generate()` of the bare host if wanted, our decoder without adapters, and with each number of adapters.

    `openings` are how many tokens of each prompt may open others too; none where they are not given.
    """
    generate, bare = f"{label}, generate() of the bare host", f"{label}, our decoder, no adapters"
    cases = [Case(bare, _decode(evaluator, None, prompts, 1, samples, openings), generate if beside_generate else None)]
    if beside_generate:
        cases.insert(0, Case(generate, _generate(evaluator, prompts, samples), None, slow=samples > 1))
    for count in adapters:
        name = f"{label}, our decoder, {count} adapter{'s' if count > 1 else ''}"
        cases.append(
            Case(name, _decode(evaluator, make_bank(evaluator, count), prompts, count, samples, openings), bare)
        )
    return cases


def make_bank(evaluator: LocalEvaluator, count: int) -> Bank:
    """`count` stacked organisms."""
    return stack_genomes(
        make_genomes(evaluator.sites, count), evaluator.sites, evaluator.host.dtype, evaluator.host.device
    )


def _decode(
    evaluator: LocalEvaluator,
    bank: Bank | None,
    prompts: Sequence[Prompt],
    organisms: int,
    samples: int,
    openings: Sequence[int],
) -> Callable[[], int]:
    decoder = evaluator.decoder.without_stop()
    share = len(prompts) / organisms
    temperature = 0.0 if samples == 1 else 1.0
    requests = [
        Request(int(i / share), prompt, samples, temperature, NEW_TOKENS, i, opening)
        for i, (prompt, opening) in enumerate(zip(prompts, openings or [0] * len(prompts), strict=True))
    ]

    def run() -> int:
        answers = decoder.generate(bank, requests)
        _synchronize(evaluator)
        return sum(map(len, prompts)) + sum(len(one.tokens) for group in answers for one in group)

    return run


def _synchronize(evaluator: LocalEvaluator) -> None:
    if evaluator.host.device.type == "cuda":
        torch.cuda.synchronize()


def padded(prompts: Sequence[Prompt], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and attention mask (prompts, longest), padded on the left as `generate()` wants it."""
    width = max(map(len, prompts))
    ids = torch.zeros(len(prompts), width, dtype=torch.long, device=device)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1
    return ids, mask


def _generate(evaluator: LocalEvaluator, prompts: Sequence[Prompt], samples: int) -> Callable[[], int]:
    """transformers' own path: left padding, SDPA. The weights keep `requires_grad` as users have them: freezing makes
    torch copy the vocabulary matrix in `generate()`, which would flatter us."""
    model = evaluator.host.model
    ids, mask = padded(prompts, evaluator.host.device)

    def run() -> int:
        model.set_attn_implementation("sdpa")
        model.requires_grad_(True)
        try:
            with torch.no_grad():
                model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    max_new_tokens=NEW_TOKENS,
                    min_new_tokens=NEW_TOKENS,
                    do_sample=samples > 1,
                    num_return_sequences=samples,
                    pad_token_id=evaluator.host.pad_id,
                )
        finally:
            model.requires_grad_(False)
            model.set_attn_implementation(IMPLEMENTATION)
        return sum(map(len, prompts)) + NEW_TOKENS * samples * len(prompts)

    return run


def make_lessons(evaluator: LocalEvaluator, organisms: int, answers: int) -> list[Lesson]:
    """One lesson an organism: a prompt of 64 tokens and `answers` answers of 12."""
    prompts = make_prompts(evaluator, [64] * organisms)
    texts = make_prompts(evaluator, [NEW_TOKENS] * organisms * answers)
    advantages = stream(0, "bench advantages").standard_normal(answers).tolist()
    return [
        Lesson(organism, prompt, tuple(texts[organism * answers : (organism + 1) * answers]), tuple(advantages), 1.0)
        for organism, prompt in enumerate(prompts)
    ]


def learning_case(evaluator: LocalEvaluator, organisms: int, answers: int) -> Case:
    """One batched update of `organisms` organisms."""
    learners = {i: Learner(genome, None) for i, genome in enumerate(make_genomes(evaluator.sites, organisms))}
    lessons = make_lessons(evaluator, organisms, answers)

    def run() -> int:
        evaluator.learn(learners, lessons)
        _synchronize(evaluator)
        return sum(lesson.num_tokens for lesson in lessons)

    return Case(f"learning, {organisms} organisms x {answers} answers, ours", run)
