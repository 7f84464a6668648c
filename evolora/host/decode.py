"""Batched generation: many organisms, many prompts, several answers to each, one frozen host."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from evolora.host.bank import Bank, BankHooks
from evolora.host.cache import DecodeState, DecodeStep
from evolora.host.layout import Kept, aligned
from evolora.host.openings import Layout, Question
from evolora.host.sampling import choose_tokens
from evolora.rng import counter_uniforms, key64

SICK = "the organism's weights are not finite"
_BELOW_ONE = 1 - 2**-24  # float32's largest number below 1
_SHRINK = 0.75  # finished prompts leave the cache once the live ones are this share of it


@dataclass(frozen=True)
class Request:
    """A prompt to be answered `num_samples` times by the organism in bank row `organism`.

    `temperature` 0 is greedy; `limit` bounds generated tokens, the stop token included; `key` seeds sampling.
    The first `opening` tokens may open other prompts too: a hint that saves time and changes nothing else.
    """

    organism: int
    prompt: tuple[int, ...]
    num_samples: int
    temperature: float
    limit: int
    key: int
    opening: int = 0


@dataclass
class Generated:
    """One answer: `tokens` with the stop token if it came, their `logprobs`, and whether it `stopped` by itself."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stopped: bool = False
    fault: str = ""


class Decoder:
    """Generates with a bank. `max_batch_tokens` bounds the tokens a batch reads and may write, and so memory.

    Where an opening is read once for several prompts, each of which remembers it, a batch remembers at most twice that;
    with the places that are left free, for every prompt has as many as the longest, eight times.
    """

    def __init__(self, model: nn.Module, hooks: BankHooks, stop_ids: frozenset[int], max_batch_tokens: int) -> None:
        self._model, self._hooks = model, hooks
        self._stop_ids, self._max_batch_tokens = stop_ids, max_batch_tokens

    @property
    def device(self) -> torch.device:
        return next(self._model.parameters()).device

    def without_stop(self) -> "Decoder":
        """The same decoder, but every answer runs to its limit: for measuring speed."""
        return Decoder(self._model, self._hooks, frozenset(), self._max_batch_tokens)

    @torch.inference_mode()
    def generate(self, bank: Bank | None, requests: Sequence[Request]) -> list[list[Generated]]:
        """Answers to each request, in the order given. `bank` None is the bare host."""
        sick = bank.sick if bank is not None else frozenset()
        answers = [
            [Generated(fault=SICK) for _ in range(request.num_samples)] if request.organism in sick else []
            for request in requests
        ]
        for batch in self._batches(requests, [i for i, request in enumerate(requests) if request.organism not in sick]):
            for place, generated in zip(batch, self._answer([requests[i] for i in batch], bank), strict=True):
                answers[place] = generated
        return answers

    def _batches(self, requests: Sequence[Request], which: Sequence[int]) -> list[list[int]]:
        """Split by number of samples; then those that open alike, and equal prompts, together (each is read once), else
        by prompt length (little padding); each batch ordered by organism."""
        met: dict[tuple[int, ...], int] = {}
        for i in which:
            request = requests[i]
            met.setdefault(request.prompt, i)
            met.setdefault(request.prompt[: request.opening], i)

        def place(i: int) -> tuple[int, ...]:
            request = requests[i]
            opening = met[request.prompt[: request.opening]]
            return request.num_samples, request.opening, opening, len(request.prompt), met[request.prompt], i

        order = sorted(which, key=place)
        batches: list[list[int]] = []
        room = _Room(self._max_batch_tokens)
        for i in order:
            alike = batches and requests[batches[-1][0]].num_samples == requests[i].num_samples
            if not alike or not room.takes(requests[i]):
                batches.append([])
                room = _Room(self._max_batch_tokens)
                room.takes(requests[i])
            batches[-1].append(i)
        return [sorted(batch, key=lambda i: (requests[i].organism, i)) for batch in batches]

    def _answer(self, requests: list[Request], bank: Bank | None) -> list[list[Generated]]:
        batch = _Batch(requests, bank, self.device, self._stop_ids)
        batch.accept(self._prefill(batch), step=0)
        for step in range(max(request.limit for request in requests) - 1):
            batch.shrink()
            if not batch.live:
                break
            batch.accept(self._decode_step(batch, step), step=step + 1)
        return batch.answers

    def _prefill(self, batch: "_Batch") -> Tensor:
        """Read all prompts; logits (rows, vocabulary) of the first new token, repeated for the samples."""
        layout = Layout(batch.questions, batch.num_organisms)
        common = layout.common(self._hooks.common_layers, batch.state, self.device)
        ids, positions, last = (
            torch.tensor(numbers, device=self.device) for numbers in (layout.ids, layout.positions, layout.last)
        )
        stream = layout.stream(self.device, batch.state, common)
        kept = Kept(last, batch.prompts_by_organism())
        logits = self._hooks.read(self._model, batch.bank, layout.counts, ids, positions, stream, kept)
        return logits.repeat_interleave(batch.samples, 0)

    def _decode_step(self, batch: "_Batch", step: int) -> Tensor:
        """Logits (live rows, vocabulary) after the newest token of every live row."""
        rows = torch.tensor([row.place for row in batch.live], device=self.device)
        ids = torch.tensor([row.answer.tokens[-1] for row in batch.live], device=self.device)
        positions = batch.state.prompt_lengths.index_select(0, rows // batch.samples) + step
        stream = DecodeStep(batch.state, rows, step)
        return self._hooks.read(self._model, batch.bank, batch.live_by_organism(), ids, positions, stream)


class _Room:
    """Room of a batch for requests: for the tokens it reads or may write, for twice as many that it remembers, and for
    eight times as many places."""

    def __init__(self, most: int) -> None:
        self._to_read, self._to_remember, self._places = most, 2 * most, 8 * most
        self._prompts, self._longest, self._limit = 0, 0, 0
        self._openings: set[tuple[int, tuple[int, ...]]] = set()

    def takes(self, request: Request) -> bool:
        """Give a request its room, or all there is to the first; False where it needs more than is left."""
        opening = (request.organism, Question(request.organism, request.prompt, request.opening).set_apart)
        need = len(request.prompt) + request.num_samples * request.limit
        to_read = need - len(opening[1]) if opening in self._openings else need
        prompts = self._prompts + 1
        longest, limit = max(self._longest, len(request.prompt)), max(self._limit, request.limit)
        places = prompts * (aligned(longest) + request.num_samples * aligned(limit))  # as in `DecodeState`
        if self._prompts and (to_read > self._to_read or need > self._to_remember or places > self._places):
            return False
        self._to_read -= to_read
        self._to_remember -= need
        self._prompts, self._longest, self._limit = prompts, longest, limit
        self._openings.add(opening)
        return True


@dataclass
class _Row:
    """One answer being written: its `place` in the cache and in the key order of the batch."""

    request: Request
    answer: Generated
    key: int
    organism: int  # index into the batch's own bank
    prompt: int  # index into the prompts still in the cache
    sample: int
    samples: int

    @property
    def place(self) -> int:
        return self.prompt * self.samples + self.sample


class _Batch:
    """Bookkeeping of one batch: which rows live, who owns them, what they have written."""

    def __init__(
        self, requests: list[Request], bank: Bank | None, device: torch.device, stop_ids: frozenset[int]
    ) -> None:
        self.requests, self.samples, self._stop_ids = requests, requests[0].num_samples, stop_ids
        self._device = device
        organisms = sorted({request.organism for request in requests}) if bank is not None else [0]
        index = {organism: i for i, organism in enumerate(organisms)}
        self.num_organisms = len(organisms)
        whole = bank is not None and organisms == list(range(bank.num_organisms))
        self.bank = bank if bank is None or whole else bank.select(torch.tensor(organisms, device=device))
        lengths = torch.tensor([len(request.prompt) for request in requests], device=device)
        capacity = max(1, max(request.limit for request in requests) - 1)
        self.state = DecodeState(lengths, self.samples, capacity, max(len(request.prompt) for request in requests))
        self.questions = [
            Question(index[request.organism] if bank is not None else 0, request.prompt, request.opening)
            for request in requests
        ]
        self.answers: list[list[Generated]] = []
        self.live: list[_Row] = []
        for prompt, request in enumerate(requests):
            rows = [
                _Row(
                    request,
                    Generated(),
                    key64(request.key, "sample", s),
                    self.questions[prompt].owner,
                    prompt,
                    s,
                    self.samples,
                )
                for s in range(self.samples)
            ]
            self.answers.append([row.answer for row in rows])
            self.live += rows

    def prompts_by_organism(self) -> list[int]:
        return self._by_organism(question.owner for question in self.questions)

    def live_by_organism(self) -> list[int]:
        return self._by_organism(row.organism for row in self.live)

    def _by_organism(self, owners: Iterable[int]) -> list[int]:
        counts = Counter(owners)
        return [counts[organism] for organism in range(self.num_organisms)]

    def accept(self, logits: Tensor, step: int) -> None:
        """Choose a token for every live row and retire the rows that are done."""
        keys = np.array([row.key for row in self.live], dtype=np.uint64)
        uniforms = torch.from_numpy(counter_uniforms(keys, step)).to(logits.device, torch.float32)
        uniforms.clamp_(max=_BELOW_ONE)  # rounding must not make 1 of what lies below it
        temperatures = torch.tensor([row.request.temperature for row in self.live], device=logits.device)
        tokens, logprobs = (t.tolist() for t in choose_tokens(logits, temperatures, uniforms))
        still = []
        for row, token, logprob in zip(self.live, tokens, logprobs, strict=True):
            answer = row.answer
            if token < 0:
                answer.fault = "the host's logits are not finite"
                continue
            answer.tokens.append(token)
            answer.logprobs.append(logprob)
            answer.stopped = token in self._stop_ids
            if not answer.stopped and len(answer.tokens) < row.request.limit:
                still.append(row)
        self.live = still

    def shrink(self) -> None:
        """Let prompts without live rows leave the cache, when enough of them have none."""
        prompts = sorted({row.prompt for row in self.live})
        if not prompts or len(prompts) > _SHRINK * self.state.prompt_lengths.shape[0]:
            return
        self.state.keep(torch.tensor(prompts, device=self._device))
        moved = {old: new for new, old in enumerate(prompts)}
        for row in self.live:
            row.prompt = moved[row.prompt]
