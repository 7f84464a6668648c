"""Prompts with the answers given to each, laid out as one stream in which nothing is computed twice.

What several prompts open with is laid out once and seen by all of them; answers that begin alike are one until they
part. A stream is made of pieces: an opening, or what is a prompt's own with the answers behind it, as a tree.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise, takewhile

import torch

from evolora.host.attention import Tree
from evolora.host.common import WORTHWHILE, Common
from evolora.host.layout import aligned, attention_grid

Tokens = tuple[int, ...]
Row = tuple[Tokens, Sequence[Tokens]]  # a prompt and the answers to it
LEAST = 8  # tokens: setting a shorter opening apart costs more than it saves


@dataclass(frozen=True)
class Planted:
    """Where in the stream a row's tokens are: its `prompt`, and by answer those that predict its second token, its
    third and so on. The piece that holds the end of the prompt and all answers ends at `stop`."""

    prompt: list[int]
    answers: list[list[int]]
    stop: int


@dataclass
class Branches:
    """A stream being laid out, piece by piece.

    By token: `ids`, rotary `positions`, and `ends`, the place within its piece at which the tokens end that stand
    behind it in the tree. By piece: `lengths`, and `openings`, the piece that it sees from the first token on (itself:
    none).
    """

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    openings: list[int] = field(default_factory=list)

    def plant(self, rows: Sequence[Row]) -> list[Planted]:
        """Append the rows of one reader, who reads an opening of several prompts once."""
        planted: dict[int, Planted] = {}
        for length, group in shared_openings([prompt for prompt, _ in rows]):
            piece, opening = None, list[int]()
            if length:
                piece = len(self.lengths)
                opening = self._append(rows[group[0]][0][:length], (), 0, piece).prompt
            for row in group:
                prompt, answers = rows[row]
                own = self._append(prompt[length:], answers, length, len(self.lengths) if piece is None else piece)
                planted[row] = Planted(opening + own.prompt, own.answers, own.stop)
        return [planted[row] for row in range(len(rows))]

    def _append(self, prompt: Tokens, answers: Sequence[Tokens], position: int, opening: int) -> Planted:
        """A piece whose first token has the rotary `position`."""
        start = len(self.ids)
        path: list[int] = []  # of the newest token: where those stand that it sees, itself among them

        def leave(depth: int) -> None:
            for place in path[depth:]:
                self.ends[place] = len(self.ids) - start
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
        for seen in sorted({answer[:-1] for answer in answers}):  # the last token of an answer predicts nothing
            same = _alike(latest, seen)
            leave(len(prompt) + same)
            grow(seen[same:])
            places[seen], latest = path[len(prompt) :], seen
        leave(0)
        self.lengths.append(len(self.ids) - start)
        self.openings.append(opening)
        own = [places[answer[:-1]] for answer in answers]
        return Planted([*range(start, start + len(prompt))], own, len(self.ids))

    def tree(self, device: torch.device, common: Common | None = None) -> Tree:
        """The stream's structure."""
        grid = attention_grid(self.lengths, device)
        positions, ends = (
            grid.place(torch.tensor(by_token, device=device)) for by_token in (self.positions, self.ends)
        )
        reach = max((self.lengths[o] for piece, o in enumerate(self.openings) if o != piece), default=0)
        return Tree(grid, positions, ends, torch.tensor(self.openings, device=device), aligned(reach), common)


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
    return sum(1 for _ in takewhile(lambda i: i < len(one) and i < len(other) and one[i] == other[i], count()))


def common_branches(
    rows: Sequence[Row], planted: Sequence[Planted], num_tokens: int, layers: int, device: torch.device
) -> Common | None:
    """The lowest `layers` layers of a stream of `num_tokens` in which `rows` are `planted`: each distinct prompt once,
    the answers of all its rows behind it. None where little is repeated.

    Attention takes time by the square of a piece's length: a prompt is repeated when the answers behind it have become
    as long as itself.
    """
    if not layers:
        return None
    merged, copies = Branches(), [0] * num_tokens
    first: dict[int, int] = {}  # an opening may be there again for prompts that share more: either stands for it
    groups = _groups(rows)
    gathered = [(rows[group[0]][0], [answer for row in group for answer in rows[row][1]]) for group in groups]
    for group, below in zip(groups, merged.plant(gathered), strict=True):
        theirs = iter(below.answers)
        for row in group:
            own = planted[row]
            for ours, their in ((own.prompt, below.prompt), *((path, next(theirs)) for path in own.answers)):
                for place, copied in zip(ours, their, strict=True):
                    copies[place] = copied
                    first.setdefault(copied, place)
    if len(merged.ids) > WORTHWHILE * num_tokens:
        return None
    firsts = torch.tensor([first[place] for place in range(len(merged.ids))], device=device)
    return Common(layers, firsts, torch.tensor(copies, device=device), merged.tree(device))


def _groups(rows: Sequence[Row]) -> list[list[int]]:
    """Rows of one prompt, as many as their answers take no more room than the prompt (or one)."""
    groups: defaultdict[Tokens, list[list[int]]] = defaultdict(list)
    room: dict[Tokens, int] = {}
    for row, (prompt, answers) in enumerate(rows):
        need = sum(len(answer) - 1 for answer in answers)
        if prompt not in room or room[prompt] + need > len(prompt):
            groups[prompt].append([])
            room[prompt] = 0
        groups[prompt][-1].append(row)
        room[prompt] += need
    return [group for own in groups.values() for group in own]
