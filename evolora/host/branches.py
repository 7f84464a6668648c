"""Prompts with the answers given to each, laid out as one stream in which nothing is computed twice.

What several prompts open with is laid out once and seen by all of them; answers that begin alike are one until they
part. A stream is made of pieces: an opening, or what is a prompt's own with the answers behind it, as a tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import torch

from evolora.host.attention import Tree
from evolora.host.buckets import Buckets
from evolora.host.common import LEAST, WORTHWHILE, Common
from evolora.host.layout import ALIGNMENT, aligned

Tokens = tuple[int, ...]
Row = tuple[Tokens, Sequence[Tokens]]  # a prompt and the answers to it


@dataclass(frozen=True)
class Planted:
    """Where in the stream a row's tokens are: its `prompt`, and `answers`, of each without its last token, which
    predicts nothing. The piece that holds the end of the prompt and all answers ends at `stop`."""

    prompt: list[int]
    answers: dict[Tokens, list[int]]
    stop: int


@dataclass
class Branches:
    """A stream being laid out, piece by piece.

    By token: `ids`, rotary `positions`, and `ends`, the place in its row at which what stands behind it in the tree
    ends. By piece: `lengths`, `openings`, the piece that it sees from the first token on (itself: none), and
    `indents`, how far into its row it begins: sums over a row are made by vector lanes, and every token of a prompt is
    to keep its lane, wherever pieces begin.
    """

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    openings: list[int] = field(default_factory=list)
    indents: list[int] = field(default_factory=list)

    def plant(self, rows: Sequence[Row]) -> list[Planted]:
        """Append the rows of one reader, who reads an opening of several prompts once."""
        planted: dict[int, Planted] = {}
        for length, group in shared_openings([prompt for prompt, _ in rows]):
            piece, opening = None, list[int]()
            if length:
                piece, opening = len(self.lengths), self.append(rows[group[0]][0][:length]).prompt
            for row in group:
                prompt, answers = rows[row]
                own = self.append(prompt[length:], answers, length, piece)
                planted[row] = Planted(opening + own.prompt, own.answers, own.stop)
        return [planted[row] for row in range(len(rows))]

    def append(
        self, prompt: Tokens, answers: Sequence[Tokens] = (), position: int = 0, opening: int | None = None
    ) -> Planted:
        """A piece, if it has any token: the first has the rotary `position`. `opening` None: it sees only itself."""
        start, indent = len(self.ids), position % ALIGNMENT
        path: list[int] = []  # of the newest token: where those stand that it sees, itself among them

        def leave(depth: int) -> None:
            for place in path[depth:]:
                self.ends[place] = indent + len(self.ids) - start
            del path[depth:]

        def grow(tokens: Tokens) -> None:
            for token in tokens:
                self.positions.append(position + len(path))
                path.append(len(self.ids))
                self.ids.append(token)
                self.ends.append(0)

        grow(prompt)
        places: dict[Tokens, list[int]] = {}
        latest: Tokens = ()
        for seen in sorted({answer[:-1] for answer in answers}):
            same = _alike(latest, seen)
            leave(len(prompt) + same)
            grow(seen[same:])
            places[seen], latest = path[len(prompt) :], seen
        leave(0)
        if len(self.ids) > start:
            self.openings.append(len(self.lengths) if opening is None else opening)
            self.lengths.append(len(self.ids) - start)
            self.indents.append(indent)
        return Planted([*range(start, start + len(prompt))], places, len(self.ids))

    def tree(self, device: torch.device, common: Common | None = None) -> Tree:
        """The stream's structure."""
        first = [piece for piece, opening in enumerate(self.openings) if opening == piece]
        second = [piece for piece, opening in enumerate(self.openings) if opening != piece]
        widths = [indent + length for indent, length in zip(self.indents, self.lengths, strict=True)]
        rectangles = [(aligned(max(widths[piece] for piece in some)), some) for some in (first, second) if some]
        buckets = Buckets.of(self.lengths, rectangles, device, self.indents)
        positions, ends = (buckets.place(torch.tensor(own, device=device)) for own in (self.positions, self.ends))
        rows = {piece: row for row, piece in enumerate(first)}
        openings = torch.tensor([rows[self.openings[piece]] for piece in second], dtype=torch.long, device=device)
        reach = aligned(max((self.lengths[self.openings[piece]] for piece in second), default=0))
        return Tree(buckets, positions, ends, openings, reach, common)


def shared_openings(prompts: Sequence[Tokens]) -> list[tuple[int, list[int]]]:
    """Groups of `prompts`, neighbours when sorted, each with the length of the opening that its members share, so that
    most tokens need not be read; (0, [index]) for those that share none. An opening leaves every prompt a token."""
    order = sorted(range(len(prompts)), key=prompts.__getitem__)
    alike = [min(_alike(a, b), len(a) - 1, len(b) - 1) for a, b in pairwise(prompts[i] for i in order)]
    saved, first_of = [0], [0]  # by number of prompts in order: the most tokens saved, and where the last group begins
    for stop in range(1, len(order) + 1):
        best, begin, length = saved[-1], stop - 1, 0
        for first in range(stop - 2, -1, -1):
            length = min(length or alike[first], alike[first])
            if length < LEAST:
                break
            if saved[first] + (stop - first - 1) * length > best:
                best, begin = saved[first] + (stop - first - 1) * length, first
        saved.append(best)
        first_of.append(begin)
    groups, stop = [], len(order)
    while stop:
        first = first_of[stop]
        groups.append((min(alike[first : stop - 1], default=0), order[first:stop]))
        stop = first
    return groups[::-1]


def _alike(one: Tokens, other: Tokens) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def common_branches(
    rows: Sequence[Row], planted: Sequence[Planted], num_tokens: int, layers: int, device: torch.device
) -> Common | None:
    """The lowest `layers` layers of a stream of `num_tokens` in which `rows` are `planted`: each distinct prompt once,
    its rows' answers in pieces behind it. None where little is repeated.

    How a row is laid out there depends on that row alone: its numbers must not depend on who learns beside it.
    """
    if not layers:
        return None
    merged, copies = Branches(), [0] * num_tokens
    first: dict[int, int] = {}
    prompts: dict[Tokens, tuple[int, Planted]] = {}
    answered: dict[tuple[Tokens, frozenset[Tokens]], Planted] = {}
    for (prompt, answers), own in zip(rows, planted, strict=True):
        if prompt not in prompts:
            prompts[prompt] = len(merged.lengths), merged.append(prompt)
        piece, read = prompts[prompt]
        which = prompt, frozenset(own.answers)
        if which not in answered:
            answered[which] = merged.append((), answers, len(prompt), piece)
        behind = answered[which].answers
        for ours, theirs in ((own.prompt, read.prompt), *((own.answers[seen], behind[seen]) for seen in behind)):
            for place, copied in zip(ours, theirs, strict=True):
                copies[place] = copied
                first.setdefault(copied, place)
    if len(merged.ids) > WORTHWHILE * num_tokens:
        return None
    firsts = torch.tensor([first[place] for place in range(len(merged.ids))], device=device)
    return Common(layers, firsts, torch.tensor(copies, device=device), merged.tree(device))
