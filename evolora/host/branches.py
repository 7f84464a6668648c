"""Prompts, each followed by several answers that see the prompt and themselves only, laid out as one stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import torch

from evolora.host.attention import Tree
from evolora.host.common import WORTHWHILE, Common, first_places
from evolora.host.layout import attention_grid

Tokens = tuple[int, ...]


@dataclass
class Branches:
    """A stream being laid out, row by row. An answer's last token predicts nothing and is left out.

    By token: `ids`, rotary `positions`, and `branches` (0 the prompt, k the row's k-th answer); `lengths` by row.
    """

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    branches: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    def add(self, prompt: Tokens, answers: Sequence[Tokens]) -> int:
        """Append a row; where in the stream it starts."""
        start = len(self.ids)
        self.ids += prompt
        self.positions += range(len(prompt))
        self.branches += [0] * len(prompt)
        for branch, answer in enumerate(answers, start=1):
            seen = answer[:-1]
            self.ids += seen
            self.positions += range(len(prompt), len(prompt) + len(seen))
            self.branches += [branch] * len(seen)
        self.lengths.append(len(self.ids) - start)
        return start

    def tree(self, device: torch.device, common: Common | None = None) -> Tree:
        """The stream's structure."""
        grid = attention_grid(self.lengths, device)
        cells = grid.place(torch.tensor(self.branches, device=device) + 1) - 1  # empty cells become -1
        return Tree(grid, grid.place(torch.tensor(self.positions, device=device)), cells, common)


def common_branches(
    rows: Sequence[tuple[Tokens, Sequence[Tokens]]], layers: int, device: torch.device
) -> Common | None:
    """Rows (prompt, answers) of a stream with each distinct prompt once, the answers of all its rows behind it.

    Attention takes time by the square of a row's length: a prompt is repeated when the answers behind it have become
    as long as itself. None where little is repeated.
    """
    starts = [0, *accumulate(len(prompt) + _room(answers) for prompt, answers in rows)]
    merged, copies = Branches(), torch.empty(starts[-1], dtype=torch.long)
    for group in _groups(rows):
        prompt = rows[group[0]][0]
        start = merged.add(prompt, [answer for row in group for answer in rows[row][1]])
        behind = start + len(prompt)
        for row in group:
            answers_start = starts[row] + len(prompt)
            copies[starts[row] : answers_start] = torch.arange(start, start + len(prompt))
            copies[answers_start : starts[row + 1]] = torch.arange(behind, behind + _room(rows[row][1]))
            behind += _room(rows[row][1])
    if not layers or len(merged.ids) > WORTHWHILE * len(copies):
        return None
    return Common(layers, first_places(copies, len(merged.ids)).to(device), copies.to(device), merged.tree(device))


def _groups(rows: Sequence[tuple[Tokens, Sequence[Tokens]]]) -> list[list[int]]:
    """Rows of one prompt, as many as their answers take no more room than the prompt (or one)."""
    groups: list[list[int]] = []
    open_group: dict[Tokens, int] = {}
    room: dict[int, int] = {}
    for row, (prompt, answers) in enumerate(rows):
        place = open_group.get(prompt)
        if place is None or room[place] + _room(answers) > len(prompt):
            place = open_group[prompt] = len(groups)
            groups.append([])
            room[place] = 0
        groups[place].append(row)
        room[place] += _room(answers)
    return groups


def _room(answers: Sequence[Tokens]) -> int:
    return sum(len(answer) - 1 for answer in answers)
