"""Packed token streams: every token belongs to a row, every row to an organism, nothing is padding.

The host's dense layers see one `(1, tokens, width)` stream, ordered by organism. Where a computation needs a
rectangle (adapters by organism, attention by row) a `Grid` places the tokens in one and takes them out again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from evolora.host.panels import Panels

ALIGNMENT = 16  # numbers that the widest vector registers hold in float32
_PLACES = 6  # of a batch, over its most tokens


@dataclass(frozen=True)
class Part:
    """Consecutive groups `first` to `last` of a grid, whose tokens are `start` to `stop`; ends are excluded."""

    first: int
    last: int
    start: int
    stop: int
    owners: Tensor  # (tokens,) of each token, counted from `first`
    _masks: dict[int, Tensor] = field(default_factory=dict)

    def foreign(self, rank: int) -> Tensor:
        """(tokens, groups · rank): whether a column belongs to another group than the token."""
        if rank not in self._masks:
            groups = torch.arange(self.last - self.first, device=self.owners.device).repeat_interleave(rank)
            self._masks[rank] = self.owners[:, None] != groups[None, :]
        return self._masks[rank]


@dataclass(frozen=True)
class Grid:
    """A `(groups, width)` rectangle holding consecutive groups of tokens, each group left-aligned.

    `counts` are the groups' sizes. `index` (tokens,) is each token's cell in the flattened
    rectangle; None when every group fills its row, so
    that placing is only a view.
    """

    counts: Sequence[int]
    width: int
    index: Tensor | None
    device: torch.device
    _parts: dict[int, list[Part]] = field(default_factory=dict)
    _cells: dict[int, "Cells"] = field(default_factory=dict)

    @property
    def groups(self) -> int:
        return len(self.counts)

    @cached_property
    def panels(self) -> Panels | None:
        """What fills up groups of a few tokens, where sums must not depend on how many they are."""
        return Panels.of(self.counts, self.device)

    def parts(self, size: int) -> list[Part]:
        """The grid cut into parts of at most `size` groups; parts without tokens are left out."""
        if size not in self._parts:
            self._parts[size] = list(self._cut(size))
        return self._parts[size]

    def _cut(self, size: int) -> Iterator[Part]:
        start = 0
        for first in range(0, self.groups, size):
            counts = torch.tensor(self.counts[first : first + size])
            stop = start + int(counts.sum())
            if stop > start:
                owners = torch.repeat_interleave(torch.arange(len(counts)), counts).to(self.device)
                yield Part(first, first + len(counts), start, stop, owners)
            start = stop

    def place(self, tokens: Tensor) -> Tensor:
        """`(tokens, ...)` to `(groups, width, ...)`; empty cells are 0."""
        if self.index is None:
            return tokens.reshape(self.groups, self.width, *tokens.shape[1:])
        cells = tokens.new_zeros(self.groups * self.width, *tokens.shape[1:])
        return cells.index_copy(0, self.index, tokens).view(self.groups, self.width, *tokens.shape[1:])

    def spread(self, tokens: Tensor) -> Tensor:
        """`place` for readers who look at no empty cell: those repeat their group's first token (a single pass, and
        what is not finite stays in its group)."""
        if self.index is None:
            return self.place(tokens)
        shown = self.cells(self.width).table.flatten()
        return tokens.index_select(0, shown).view(self.groups, self.width, *tokens.shape[1:])

    def cells(self, width: int) -> "Cells":
        """What each cell shows in `spread`, were the rectangle of this `width`."""
        if width not in self._cells:
            counts = torch.tensor(self.counts, device=self.device)
            firsts = counts.cumsum(0) - counts
            within = torch.arange(width, device=self.device)
            within = torch.where(within < counts[:, None], within, 0)
            self._cells[width] = Cells((firsts[:, None] + within).clamp_(max=int(counts.sum()) - 1))
        return self._cells[width]

    def take(self, cells: Tensor) -> Tensor:
        """`(groups, width, ...)` back to `(tokens, ...)`."""
        flat = cells.reshape(self.groups * self.width, *cells.shape[2:])
        return flat if self.index is None else flat.index_select(0, self.index)


@dataclass(frozen=True)
class Cells:
    """`table` (rows, length): which token of a stream each cell of a rectangle shows; one token may be in many."""

    table: Tensor
    _flat: dict[int, Tensor] = field(default_factory=dict)

    def show(self, tokens: Tensor) -> Tensor:
        """(tokens, heads, width) to (rows, heads, length, width), dense, in one pass."""
        heads, (rows, length) = tokens.shape[1], self.table.shape
        if heads not in self._flat:
            within = torch.arange(heads, device=tokens.device)[:, None]
            self._flat[heads] = (self.table[:, None] * heads + within).flatten()
        shown = tokens.reshape(-1, tokens.shape[2]).index_select(0, self._flat[heads])
        return shown.view(rows, heads, length, -1)


@dataclass(frozen=True)
class Kept:
    """The tokens of a stream whose logits are wanted: their places `index` (kept,), `counts` of them by organism."""

    index: Tensor
    counts: Sequence[int]


def aligned(width: int) -> int:
    """The next multiple of 16: of rows so long a CPU's softmax takes half to a third of the time, or less."""
    return -(-width // ALIGNMENT) * ALIGNMENT


def make_grid(counts: Sequence[int], device: torch.device, width: int = 0) -> Grid:
    """The rectangle for groups of `counts` consecutive tokens, as wide as the largest or, if that is more, `width`."""
    width = max(width, *counts)
    if all(count == width for count in counts):
        return Grid(counts, width, None, device)
    sizes = torch.tensor(counts)
    starts = torch.repeat_interleave(torch.arange(len(counts)) * width, sizes)
    ends = torch.cumsum(sizes, 0)
    within = torch.arange(int(sizes.sum())) - torch.repeat_interleave(ends - sizes, sizes)
    return Grid(counts, width, (starts + within).to(device), device)


def batches(lengths: Sequence[int], max_tokens: int) -> Iterator[slice]:
    """Rows of these `lengths` in order, as many at a time as have `max_tokens` tokens together (or one row), and in a
    rectangle as wide as the longest at most `_PLACES` times as many places."""
    start = size = longest = 0
    for row, length in enumerate(lengths):
        places = (row - start + 1) * max(longest, length)
        if row > start and (size + length > max_tokens or places > _PLACES * max_tokens):
            yield slice(start, row)
            start, size, longest = row, 0, 0
        size, longest = size + length, max(longest, length)
    if lengths:
        yield slice(start, len(lengths))


def attention_grid(lengths: Sequence[int], device: torch.device) -> Grid:
    """The rectangle in which rows of these `lengths` attend to themselves."""
    return make_grid(lengths, device, aligned(max(lengths)))
