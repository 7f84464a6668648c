"""How fast a population answers, against the same decoder without adapters and the host's own `generate()`."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from evolora.evaluation.local import LocalEvaluator
from evolora.host.attention import IMPLEMENTATION
from evolora.host.bank import Bank, stack_genomes
from evolora.host.decode import Request
from evolora.organism.founding import found_genome
from evolora.organism.learning import Learner, Lesson
from evolora.organism.mutation import mutate
from evolora.organism.traits import TraitRange, Traits
from evolora.rng import stream

NEW_TOKENS = 12
Case = Callable[[], int]  # does one round of work, returns the tokens processed


@dataclass(frozen=True)
class Timing:
    """Median seconds of one round and tokens (prompt + generated, or learnt from) a second."""

    name: str
    seconds: float
    tokens_per_second: float


def run_bench(evaluator: LocalEvaluator, rows: int, adapters: int, repeats: int) -> list[Timing]:
    """Time every case `repeats` times, interleaved so that a machine's drift hits all alike; the first round warms up.

    Even prompts have 64 tokens, uneven ones 24 to 119; all rows generate 12 tokens, nobody stops early.
    """
    rng = stream(0, "bench")
    vocabulary = evaluator.host.model.get_input_embeddings().weight.shape[0]
    lengths = rng.integers(24, 120, size=rows).tolist()
    even = [tuple(rng.integers(10, vocabulary, size=64).tolist()) for _ in range(rows)]
    uneven = [tuple(rng.integers(10, vocabulary, size=length).tolist()) for length in lengths]
    bank = _bank(evaluator, adapters)
    cases: dict[str, Case] = {}
    for kind, prompts in (("64-token prompts", even), ("uneven prompts", uneven)):
        cases[f"{kind}, generate() of the bare host"] = _generate_case(evaluator, prompts)
        cases[f"{kind}, our decoder, no adapters"] = _decode_case(evaluator, None, prompts, adapters)
        cases[f"{kind}, our decoder, {adapters} adapters"] = _decode_case(evaluator, bank, prompts, adapters)
    cases["learning, 16 organisms x 8 answers"] = _learning_case(evaluator, vocabulary, rng)
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    tokens: dict[str, int] = {}
    for round_number in range(repeats + 1):
        for name, case in cases.items():
            start = time.perf_counter()
            tokens[name] = case()
            if round_number:
                seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    return [Timing(name, median, tokens[name] / median) for name, median in medians.items()]


def _genomes(evaluator: LocalEvaluator, count: int) -> list[Learner]:
    traits = Traits(8, 0.05, 1e-3, 1.0, NEW_TOKENS, 0, {})
    learners = []
    for number in range(count):
        rng = stream(0, "bench genome", number)
        genome = mutate("gaussian", found_genome(evaluator.sites, traits, 2.0, rng), TraitRange(8, 8, 0.0), rng)
        learners.append(Learner(genome, None))
    return learners


def _bank(evaluator: LocalEvaluator, adapters: int) -> Bank:
    genomes = [learner.genome for learner in _genomes(evaluator, adapters)]
    return stack_genomes(genomes, evaluator.sites, evaluator.host.dtype, evaluator.host.device)


def _decode_case(
    evaluator: LocalEvaluator, bank: Bank | None, prompts: Sequence[tuple[int, ...]], adapters: int
) -> Case:
    decoder = evaluator.decoder.without_stop()
    share = len(prompts) / adapters
    requests = [Request(int(i / share), prompt, 1, 0.0, NEW_TOKENS, i) for i, prompt in enumerate(prompts)]

    def case() -> int:
        answers = decoder.generate(bank, requests)
        return sum(len(prompt) for prompt in prompts) + sum(len(one.tokens) for group in answers for one in group)

    return case


def _generate_case(evaluator: LocalEvaluator, prompts: Sequence[tuple[int, ...]]) -> Case:
    """transformers' own path: left padding, SDPA. The weights keep `requires_grad` as users have them: freezing makes
    torch copy the vocabulary matrix in `generate()`, which would flatter us."""
    model, device = evaluator.host.model, evaluator.host.device
    width = max(len(prompt) for prompt in prompts)
    ids = torch.zeros(len(prompts), width, dtype=torch.long, device=device)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = torch.tensor(prompt)
        mask[row, width - len(prompt) :] = 1

    def case() -> int:
        model.set_attn_implementation("sdpa")
        model.requires_grad_(True)
        try:
            with torch.no_grad():
                model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    max_new_tokens=NEW_TOKENS,
                    min_new_tokens=NEW_TOKENS,
                    do_sample=False,
                    pad_token_id=evaluator.host.pad_id,
                )
        finally:
            model.requires_grad_(False)
            model.set_attn_implementation(IMPLEMENTATION)
        return sum(len(prompt) for prompt in prompts) + NEW_TOKENS * len(prompts)

    return case


def _learning_case(evaluator: LocalEvaluator, vocabulary: int, rng: np.random.Generator) -> Case:
    learners = dict(enumerate(_genomes(evaluator, 16)))
    lessons = [
        Lesson(
            organism,
            tuple(rng.integers(10, vocabulary, size=64).tolist()),
            tuple(tuple(rng.integers(10, vocabulary, size=NEW_TOKENS).tolist()) for _ in range(8)),
            tuple(rng.standard_normal(8).tolist()),
            1.0,
        )
        for organism in learners
    ]

    def case() -> int:
        evaluator.learn(learners, lessons)
        return sum(lesson.num_tokens for lesson in lessons)

    return case
