"""Rows of unequal lengths in several rectangles, not one: attention takes time by the square of a row's length."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from evolora.host.layout import Cells, aligned

Rectangle = tuple[int, Sequence[int]]  # its width, and the rows that are in it
_WORTHWHILE = 1 << 13  # pairs of places (query, key) that a rectangle of its own must save


@dataclass(frozen=True)
class Buckets:
    """`cells` are what each rectangle shows: its rows' tokens, and in empty cells a row's first token once more.

    `taken` (tokens,) is where each token of the stream is in the flattened rectangles, one behind the other.
    """

    cells: Sequence[Cells]
    taken: Tensor

    @classmethod
    def of(
        cls,
        lengths: Sequence[int],
        rectangles: Sequence[Rectangle],
        device: torch.device,
        indents: Sequence[int] | None = None,
    ) -> "Buckets":
        """Consecutive rows of a stream, of these `lengths`, each in one of the `rectangles`, behind as many empty cells
        as `indents` says (none)."""
        counts = torch.tensor(lengths)
        indent = torch.zeros_like(counts) if indents is None else torch.tensor(indents)
        firsts = counts.cumsum(0) - counts
        cells, starts, end = [], torch.zeros(len(lengths), dtype=torch.long), 0
        for width, chosen in rectangles:
            rows = torch.tensor(chosen)
            within = torch.arange(width) - indent[rows, None]
            table = firsts[rows, None] + torch.where((within >= 0) & (within < counts[rows, None]), within, 0)
            cells.append(Cells(table.to(device)))
            starts[rows] = end + width * torch.arange(len(rows)) + indent[rows]
            end += width * len(rows)
        within = torch.arange(int(counts.sum())) - torch.repeat_interleave(firsts, counts)
        return cls(cells, (torch.repeat_interleave(starts, counts) + within).to(device))

    def show(self, tokens: Tensor) -> tuple[Tensor, ...]:
        """(tokens, heads, width) to each rectangle's (rows, heads, length, width). What empty cells show has no
        gradient: nobody is to look at it."""
        return shown(tokens, self)

    def place(self, tokens: Tensor) -> list[Tensor]:
        """(tokens, ...) to each rectangle's (rows, length, ...); empty cells are 0."""
        sizes = [cells.table.numel() for cells in self.cells]
        flat = tokens.new_zeros(sum(sizes), *tokens.shape[1:]).index_copy_(0, self.taken, tokens)
        parts = flat.split(sizes)  # type: ignore[no-untyped-call]
        return [part.view(*cells.table.shape, *tokens.shape[1:]) for cells, part in zip(self.cells, parts, strict=True)]

    def take(self, rectangles: Sequence[Tensor]) -> Tensor:
        """Each rectangle's (rows, length, ...) back to one stream (tokens, ...)."""
        return taken(self, *rectangles)


class _Shown(torch.autograd.Function):
    """Every token is in one cell but for empty ones, so that the gradient is gathered where it was handed out."""

    @staticmethod
    def forward(ctx: Any, tokens: Tensor, buckets: Buckets) -> tuple[Tensor, ...]:
        ctx.buckets = buckets
        return tuple(cells.show(tokens) for cells in buckets.cells)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.buckets.take([gradient.transpose(1, 2) for gradient in gradients]), None


class _Taken(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, buckets: Buckets, *rectangles: Tensor) -> Tensor:
        ctx.buckets = buckets
        return torch.cat([rectangle.flatten(0, 1) for rectangle in rectangles]).index_select(0, buckets.taken)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        return None, *ctx.buckets.place(gradients[0])


# torch leaves `apply` untyped.
shown: Callable[[Tensor, Buckets], tuple[Tensor, ...]] = _Shown.apply
taken: Callable[..., Tensor] = _Taken.apply


def by_length(lengths: Sequence[int], device: torch.device) -> Buckets:
    """Rows by length; a GPU, which fills in one call what it would wait for in several, gets one rectangle."""
    most = aligned(max(lengths))
    widths = [aligned(length) if device.type == "cpu" else most for length in lengths]
    rectangles: list[tuple[int, list[int]]] = []
    waiting: list[int] = []
    for width, wider in pairwise([*sorted(set(widths)), 0]):
        waiting += [row for row, own in enumerate(widths) if own == width]
        if not wider or len(waiting) * (wider**2 - width**2) >= _WORTHWHILE:
            rectangles.append((width, sorted(waiting)))
            waiting = []
    return Buckets.of(lengths, rectangles, device)
