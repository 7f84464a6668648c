"""The evaluator that works on this machine: one host, one bank, no Ray."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evolora.environment.encounter import Answer, Encounter
from evolora.evaluation.evaluator import Body, HostFacts, Reading
from evolora.host.attention import IMPLEMENTATION, register
from evolora.host.bank import Bank, BankHooks, stack_genomes
from evolora.host.decode import SICK, Decoder, Generated, Request
from evolora.host.fused import fuse_layers
from evolora.host.learn import PolicyGradient
from evolora.host.load import Host, load_host
from evolora.host.prompt import PromptBuilder
from evolora.host.reader import Reader
from evolora.host.sites import LayerChoice, find_sites
from evolora.host.trial import try_engine
from evolora.host.widening import widen_linears
from evolora.organism.genome import SiteShape
from evolora.organism.learning import Comparison, Learner, Learnt, Lesson
from evolora.organism.perturbation import climb, realise

_NO_ANSWER = Answer("", (), (), -math.inf, stopped=False, fault=SICK)


@dataclass(frozen=True)
class LocalSetup:
    """All it takes to make a `LocalEvaluator`, here or on another machine; the meanings are the world file's."""

    host: str
    device: str
    dtype: str
    threads: int | None
    modules: tuple[str, ...]
    layers: LayerChoice
    system_prompt: str
    max_batch_tokens: int
    max_learning_tokens: int
    max_gradient_norm: float

    def open(self) -> "LocalEvaluator":
        """Load the host and find its sites.

        Raises:
            HostError: no such host, device, dtype or site.
        """
        host = load_host(self.host, self.device, self.dtype, self.threads)
        return LocalEvaluator(
            host,
            find_sites(host.model, self.modules, self.layers),
            self.system_prompt,
            self.max_batch_tokens,
            self.max_learning_tokens,
            self.max_gradient_norm,
        )


class LocalEvaluator:
    """Answers and learns with one host in this process.

    `max_batch_tokens` bounds the tokens of one inference batch, `max_learning_tokens` those of one backward pass,
    `max_resident` the organisms whose adapters are stacked at a time to answer.

    Raises:
        HostError: the host's layers do more with a stream of tokens than attention, which the engine replaces.
    """

    def __init__(
        self,
        host: Host,
        sites: Sequence[SiteShape],
        system_prompt: str,
        max_batch_tokens: int,
        max_learning_tokens: int,
        max_gradient_norm: float,
        max_resident: int = 64,
    ) -> None:
        register()
        host.model.set_attn_implementation(IMPLEMENTATION)
        hooks = BankHooks(host.model, sites)
        fused = fuse_layers(host.model, hooks)
        self.host, self.sites, self._max_resident = host, list(sites), max_resident
        self.prompts = PromptBuilder(host.tokenizer, system_prompt)
        self.decoder = Decoder(host.model, hooks, host.eos_ids, max_batch_tokens)
        if not fused:  # else every layer was compared with transformers' own
            widen_linears(host.model, hooks)
            try_engine(host.name, host.model, self.decoder)
        self.reader = Reader(host.model, hooks, max_batch_tokens)
        self._learner = PolicyGradient(host.model, hooks, self.sites, max_gradient_norm, max_learning_tokens)

    @property
    def facts(self) -> HostFacts:
        host = self.host
        dtype = str(host.dtype).removeprefix("torch.")
        return HostFacts(host.name, host.digest, str(host.device), dtype, host.num_parameters, tuple(self.sites))

    @property
    def losses(self) -> Sequence[str]:
        return ()

    def answer(self, bodies: Mapping[int, Body], encounters: Sequence[Encounter]) -> list[tuple[Answer, ...]]:
        answers: list[tuple[Answer, ...]] = [()] * len(encounters)
        waiting = sorted({encounter.organism_id for encounter in encounters})
        for start in range(0, len(waiting), self._max_resident):
            page = waiting[start : start + self._max_resident]
            rows = {identity: row for row, identity in enumerate(page)}
            mine = [i for i, encounter in enumerate(encounters) if encounter.organism_id in rows]
            requests = [self._request(encounters[i], rows) for i in mine]
            bank = self._bank(bodies, page)
            for i, request, generated in zip(mine, requests, self.decoder.generate(bank, requests), strict=True):
                sick = request.organism in bank.sick  # nothing was computed, so nothing is to be paid
                reference = self.prompts.answer_ids(encounters[i].task.answer)
                answers[i] = tuple(
                    _NO_ANSWER if sick else self._to_answer(request, one, reference) for one in generated
                )
        return answers

    def learn(self, learners: Mapping[int, Learner], lessons: Sequence[Lesson | Comparison]) -> dict[int, Learnt]:
        learnt = self._learner.learn(learners, [lesson for lesson in lessons if isinstance(lesson, Lesson)])
        for lesson in lessons:
            if isinstance(lesson, Comparison):
                learnt[lesson.organism_id] = climb(learners[lesson.organism_id], lesson)
        return learnt

    def read(self, questions: Sequence[str]) -> Reading:
        prompts = [self.prompts.build(question) for question in questions]
        return Reading(self.reader.embed(prompts).double().numpy(), np.array([len(p) for p in prompts], np.float64))

    def close(self) -> None:
        """Nothing was started."""

    def _bank(self, bodies: Mapping[int, Body], page: Sequence[int]) -> Bank:
        dtype = next(self.host.model.parameters()).dtype
        return stack_genomes([realise(bodies[identity]) for identity in page], self.sites, dtype, self.host.device)

    def _request(self, encounter: Encounter, rows: Mapping[int, int]) -> Request:
        examples = [(task.question, task.answer) for task in encounter.examples]
        prompt = self.prompts.build(encounter.task.question, examples)
        return Request(
            rows[encounter.organism_id],
            prompt,
            encounter.num_samples,
            encounter.temperature,
            encounter.answer_limit,
            encounter.key,
            self.prompts.opening(examples),
        )

    def _to_answer(self, request: Request, generated: Generated, reference: tuple[int, ...]) -> Answer:
        tokens = tuple(generated.tokens)
        logprob = -math.inf if generated.fault else sum(generated.logprobs) / len(tokens)
        text = "" if generated.fault else self.prompts.decode(tokens)
        return Answer(text, tokens, request.prompt, logprob, generated.stopped, generated.fault, reference)
