"""Prompts that open alike, laid out so that every opening is read once.

The questions of a niche stand behind the same system message and worked examples, which are half to four fifths of a
prompt. What an organism makes of them does not depend on the question: they are read once, and every question sees
their keys and values as if it had read them itself. Below the lowest adapted layer that holds for all organisms.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import repeat

import torch
from torch import Tensor

from evolora.host.attention import KeyValueStore, Prefill, Scoring, additive_mask, explicit_attention
from evolora.host.common import LEAST, WORTHWHILE, Common, Spread, first_places
from evolora.host.layout import Cells, Grid, attention_grid, make_grid

Prompt = tuple[int, ...]


@dataclass(frozen=True)
class Question:
    """A `prompt` read by the `owner`-th organism of a batch, of whose first `opening` tokens others may read the same.

    Whether an opening is set apart depends on the prompt alone, not on who else is asked.
    """

    owner: int
    prompt: Prompt
    opening: int

    @property
    def set_apart(self) -> Prompt:
        """The opening, where it is worth its while."""
        return self.prompt[: self.opening] if LEAST <= self.opening < len(self.prompt) else ()


class Layout:
    """Questions as one stream, in the order of their owners: an owner's opening where it first comes, then endings.

    `ids` and rotary `positions` are by token; `counts` are tokens by owner.
    """

    def __init__(self, questions: Sequence[Question], num_owners: int) -> None:
        self.questions = questions
        self.ids: list[int] = []
        self.positions: list[int] = []
        self.counts = [0] * num_owners
        self._openings: dict[tuple[int, Prompt], int] = {}  # where in the stream each begins
        self._endings: list[int] = []  # where each question's begins
        for question in questions:
            before, opening = len(self.ids), question.set_apart
            if opening and (question.owner, opening) not in self._openings:
                self._openings[question.owner, opening] = before
                self._append(opening, 0)
            self._endings.append(len(self.ids))
            self._append(question.prompt[len(opening) :], len(opening))
            self.counts[question.owner] += len(self.ids) - before

    def _append(self, tokens: Prompt, position: int) -> None:
        self.ids += tokens
        self.positions += range(position, position + len(tokens))

    @property
    def last(self) -> list[int]:
        """Where in the stream each question's last token is."""
        ends = zip(self.questions, self._endings, strict=True)
        return [start + len(question.prompt) - len(question.set_apart) - 1 for question, start in ends]

    def stream(self, device: torch.device, cache: KeyValueStore, common: Common | None = None) -> "Prefill | Forked":
        """How attention reads it; every question's keys and values go to `cache`, its opening's among them."""
        lengths = [len(question.prompt) for question in self.questions]
        if not self._openings:
            return Prefill(attention_grid(lengths, device), cache, common)
        cells: list[int] = []  # by question the tokens of its prompt, then its first again and again
        alone = [(start, len(opening)) for (_, opening), start in self._openings.items()]
        behind, endings = list[int](), list[tuple[int, int]]()
        for row, (question, start) in enumerate(zip(self.questions, self._endings, strict=True)):
            opening, length = question.set_apart, len(question.prompt)
            first, rest = self._openings.get((question.owner, opening), start), length - len(opening)
            if opening:
                behind.append(row)
            (endings if opening else alone).append((start, rest))
            cells += range(first, first + len(opening))
            cells += range(start, start + rest)
            cells += repeat(first, cache.places - length)
        starts = torch.tensor([len(self.questions[row].set_apart) for row in behind], device=device)
        return Forked(
            _Spans.of(alone, attention_grid([length for _, length in alone], device)),
            _Spans.of(endings, make_grid([length for _, length in endings], device)),
            Cells(torch.tensor(cells, device=device).view(len(lengths), cache.places)),
            None if len(behind) == len(lengths) else torch.tensor(behind, device=device),
            starts,
            cache,
            common,
        )

    def common(self, layers: int, cache: KeyValueStore, device: torch.device) -> Common | None:
        """The lowest `layers` layers on what is distinct of the stream; None where little is repeated."""
        places: dict[Question, int] = {}
        for question in self.questions:
            places.setdefault(Question(0, question.prompt, question.opening), len(places))
        distinct = Layout(list(places), 1)
        if not layers or len(distinct.ids) > WORTHWHILE * len(self.ids):
            return None
        copies = torch.empty(len(self.ids), dtype=torch.long)
        for (_, opening), start in self._openings.items():
            theirs = distinct._openings[0, opening]
            copies[start : start + len(opening)] = torch.arange(theirs, theirs + len(opening))
        rows = [places[Question(0, question.prompt, question.opening)] for question in self.questions]
        for question, start, row in zip(self.questions, self._endings, rows, strict=True):
            length, theirs = len(question.prompt) - len(question.set_apart), distinct._endings[row]
            copies[start : start + length] = torch.arange(theirs, theirs + length)
        stream = distinct.stream(device, Spread(cache, torch.tensor(rows, device=device)))
        return Common(layers, first_places(copies, len(distinct.ids)).to(device), copies.to(device), stream)


@dataclass(frozen=True)
class _Spans:
    """Pieces of a stream: `grid` has one a row, `tokens` are their tokens' places, piece by piece."""

    grid: Grid
    tokens: Tensor

    @classmethod
    def of(cls, spans: Sequence[tuple[int, int]], grid: Grid) -> "_Spans":
        """Pieces given as (start, length)."""
        tokens = torch.cat([torch.arange(start, start + length) for start, length in spans])
        return cls(grid, tokens.to(grid.device))


@dataclass(frozen=True)
class Forked:
    """A stream of pieces that see themselves `alone`, openings and whole prompts, and of `endings`, each of which sees
    its opening too.

    `prompts` shows the token at each place of each prompt. `behind` (endings,) are the prompts that have one, None
    where all have, `starts` (endings,) the places where they begin.
    """

    alone: _Spans
    endings: _Spans
    prompts: Cells
    behind: Tensor | None
    starts: Tensor
    cache: KeyValueStore
    common: Common | None = None
    _biases: dict[int | None, Tensor] = field(default_factory=dict)  # the same for all layers of a window

    @cached_property
    def _reading(self) -> Prefill:
        """How they see themselves, laid out once for all layers."""
        return Prefill(self.alone.grid)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        if scoring.window not in self._biases:
            self._biases[scoring.window] = self._bias(scoring.window).to(q.dtype)
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        here = self.alone.tokens
        theirs = [t.index_select(0, here) for t in (q, k, v)]
        out.index_copy_(0, here, self._reading.attend(layer, theirs[0], theirs[1], theirs[2], scoring))
        keys, values = self.prompts.show(k), self.prompts.show(v)
        self.cache.store(layer, keys, values)
        if self.behind is not None:
            keys, values = (t.index_select(0, self.behind) for t in (keys, values))
        here = self.endings.tokens
        asked = self.endings.grid.spread(q.index_select(0, here)).transpose(1, 2)
        mixed = explicit_attention(asked, keys, values, self._biases[scoring.window], scoring)
        return out.index_copy_(0, here, self.endings.grid.take(mixed.transpose(1, 2)))

    def _bias(self, window: int | None) -> Tensor:
        """(endings, longest ending, longest prompt): an ending's token sees what stands before it, and itself."""
        places = torch.arange(self.prompts.table.shape[1], device=self.starts.device)
        within = torch.arange(self.endings.grid.width, device=self.starts.device)
        distance = (self.starts[:, None] + within)[:, :, None] - places
        allowed = distance >= 0
        return additive_mask(allowed if window is None else allowed & (distance < window))
