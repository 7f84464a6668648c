"""The evaluator that works on this machine: one host, one bank, no Ray."""

from collections.abc import Mapping, Sequence

from evolora.environment.encounter import Answer, Encounter
from evolora.host.attention import IMPLEMENTATION, register
from evolora.host.bank import Bank, BankHooks, stack_genomes
from evolora.host.decode import SICK, Decoder, Generated, Request
from evolora.host.fused import fuse_layers
from evolora.host.learn import PolicyGradient
from evolora.host.load import Host
from evolora.host.prompt import PromptBuilder
from evolora.organism.genome import Genome, SiteShape
from evolora.organism.learning import Learner, Learnt, Lesson

_NO_ANSWER = Answer("", (), (), 0.0, stopped=False, fault=SICK)


class LocalEvaluator:
    """Answers and learns with one host in this process.

    `max_batch_tokens` bounds the tokens of one inference batch, `max_learning_tokens` those of one backward pass,
    `max_resident` the organisms whose adapters are stacked at a time.
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
        fuse_layers(host.model, hooks)
        self.host, self.sites, self._max_resident = host, list(sites), max_resident
        self.prompts = PromptBuilder(host.tokenizer, system_prompt)
        self.decoder = Decoder(host.model, hooks, host.eos_ids, max_batch_tokens)
        self._learner = PolicyGradient(host.model, hooks, self.sites, max_gradient_norm, max_learning_tokens)

    def answer(self, genomes: Mapping[int, Genome], encounters: Sequence[Encounter]) -> list[tuple[Answer, ...]]:
        answers: list[tuple[Answer, ...]] = [()] * len(encounters)
        waiting = sorted({encounter.organism_id for encounter in encounters})
        for start in range(0, len(waiting), self._max_resident):
            page = waiting[start : start + self._max_resident]
            rows = {identity: row for row, identity in enumerate(page)}
            mine = [i for i, encounter in enumerate(encounters) if encounter.organism_id in rows]
            requests = [self._request(encounters[i], rows) for i in mine]
            bank = self._bank(genomes, page)
            for i, request, generated in zip(mine, requests, self.decoder.generate(bank, requests), strict=True):
                sick = request.organism in bank.sick  # nothing was computed, so nothing is to be paid
                answers[i] = tuple(_NO_ANSWER if sick else self._to_answer(request, one) for one in generated)
        return answers

    def learn(self, learners: Mapping[int, Learner], lessons: Sequence[Lesson]) -> dict[int, Learnt]:
        return self._learner.learn(learners, lessons)

    def _bank(self, genomes: Mapping[int, Genome], page: Sequence[int]) -> Bank:
        dtype = next(self.host.model.parameters()).dtype
        return stack_genomes([genomes[identity] for identity in page], self.sites, dtype, self.host.device)

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
        )

    def _to_answer(self, request: Request, generated: Generated) -> Answer:
        tokens = tuple(generated.tokens)
        logprob = sum(generated.logprobs) / len(tokens) if tokens else 0.0
        text = "" if generated.fault else self.prompts.decode(tokens)
        return Answer(text, tokens, request.prompt, logprob, generated.stopped, generated.fault)
