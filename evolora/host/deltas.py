"""The products that add adapters' deltas to what the host's own layers gave, each organism's to its own rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from evolora.host.layout import Grid
from evolora.host.panels import filled, is_exact
from evolora.host.widening import wide

_FEW_ROWS = 4  # up to so many rows an organism, one masked product beats a batch of tiny ones
_MASKED_COLUMNS = (256, 64)  # columns (organisms · rank) of a masked product: for a few hundred rows, for thousands
_MANY_ROWS = 1024


Own = tuple[Tensor, Tensor] | None  # an organism's aᵀ (in, rank) and b (rank, out), if it has an adapter there


@dataclass(frozen=True, eq=False)
class StackedFactors:
    """One site's adapters: `a` (organisms, rank, in) and `b` (organisms, rank, out).

    `ranks` (organisms,) say how many rows of each are in use, filled up to whole panels; 0: no adapter there. All rows
    behind them are 0.
    """

    a: Tensor
    b: Tensor
    ranks: Sequence[int]

    @cached_property
    def own(self) -> Sequence[Own]:
        """Each organism's, for products without a gradient."""
        return _own(wide(self.a), wide(self.b), self.ranks)


def add_deltas(inputs: Tensor, outputs: Tensor, factors: StackedFactors, grid: Grid) -> Tensor:
    """`outputs` (tokens, out) plus each organism's delta applied to its own rows of `inputs` (tokens, in).

    Without gradients the sum is made in place: writing wide outputs a second time costs more than the products. In
    float32 products are made organism by organism, each of its own rank, so that this sum does not depend on who shares
    the batch: runs are then the same for any number of workers.
    """
    widened = wide(inputs)
    if widened is not inputs:
        added = add_deltas(widened, wide(outputs), factors, grid)
        return added.to(outputs.dtype) if torch.is_grad_enabled() else outputs.copy_(added)
    one_by_one = is_exact(inputs)
    if torch.is_grad_enabled():
        if one_by_one:
            return added_one_by_one(inputs, outputs, wide(factors.a), wide(factors.b), factors.ranks, grid.counts)
        a, b = factors.a.to(inputs.dtype), factors.b.to(inputs.dtype)
        delta = torch.bmm(torch.bmm(grid.place(inputs), a.transpose(1, 2)), b)
        return outputs + grid.take(delta)
    if one_by_one:
        _add_in_panels(inputs, outputs, factors, grid)
    elif inputs.dtype == torch.float32:
        hidden = torch.bmm(grid.place(inputs), factors.a.transpose(1, 2))  # (organisms, width, rank)
        outputs += grid.take(torch.bmm(hidden, factors.b))
    elif grid.index is None and grid.width > _FEW_ROWS:
        hidden = torch.bmm(inputs.view(grid.groups, grid.width, -1), factors.a.transpose(1, 2))
        outputs.view(grid.groups, grid.width, -1).baddbmm_(hidden, factors.b)
    else:
        _add_masked(inputs, outputs, factors, grid)
    return outputs


def _add_in_panels(inputs: Tensor, outputs: Tensor, factors: StackedFactors, grid: Grid) -> None:
    """`_add_one_by_one`, a token's sum the same however many tokens its organism has in this batch."""
    read, written = list(inputs.split(grid.counts)), list(outputs.split(grid.counts))  # type: ignore[no-untyped-call]
    panels = grid.panels
    if panels is None:
        _add_one_by_one(read, written, factors.own)
        return
    filled = panels.fill(outputs)
    rows = (panels.fill(inputs).split(panels.sizes), filled.split(panels.sizes))  # type: ignore[no-untyped-call]
    for group, x, out in zip(panels.groups, *rows, strict=True):
        read[group], written[group] = x, out
    _add_one_by_one(read, written, factors.own)
    panels.put_back(filled, outputs)


def _own(a: Tensor, b: Tensor, ranks: Sequence[int]) -> list[Own]:
    return [
        (own_a[:rank].T, own_b[:rank]) if rank else None
        for own_a, own_b, rank in zip(a.unbind(), b.unbind(), ranks, strict=True)
    ]


def _add_one_by_one(inputs: Sequence[Tensor], outputs: Sequence[Tensor], own: Sequence[Own]) -> list[Tensor | None]:
    """Each organism's delta added to its own rows `outputs`; returns each one's x · aᵀ (tokens, rank).

    On a CPU that is up to ten times as fast as batched products, for nothing is copied into a rectangle.
    """
    hidden: list[Tensor | None] = []
    for x, out, factors in zip(inputs, outputs, own, strict=True):
        mixed = None
        if factors is not None:
            mixed = torch.mm(x, factors[0])
            out.addmm_(mixed, factors[1])
        hidden.append(mixed)
    return hidden


class _AddedOneByOne(torch.autograd.Function):
    """`_add_one_by_one` on a copy of the outputs, with a gradient for all four. A few rows are filled up: which of them
    would be left over depends on the number of threads."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, outputs: Tensor, a: Tensor, b: Tensor, ranks: Sequence[int], counts: Sequence[int]
    ) -> Tensor:
        added = outputs.clone()
        rows = added.split(counts)  # type: ignore[no-untyped-call]
        read = [filled(x) for x in inputs.split(counts)]  # type: ignore[no-untyped-call]
        written = [filled(out) for out in rows]
        ctx.ranks, ctx.counts, ctx.hidden = ranks, counts, _add_one_by_one(read, written, _own(a, b, ranks))
        ctx.read = read
        ctx.save_for_backward(a, b)
        for own, out in zip(rows, written, strict=True):
            if len(out) > len(own):
                own.copy_(out[: len(own)])
        return added

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None, None]:
        (gradient,) = gradients
        a, b = ctx.saved_tensors
        of_inputs = gradient.new_empty(len(gradient), a.shape[2])
        of_a, of_b = torch.zeros_like(a), torch.zeros_like(b)
        rows = ctx.read, gradient.split(ctx.counts), of_inputs.split(ctx.counts)  # type: ignore[no-untyped-call]
        own = _own(a, b, ctx.ranks)
        for x, g, dx, hidden, factors, da, db in zip(*rows, ctx.hidden, own, of_a, of_b, strict=True):
            if factors is None:
                dx.zero_()
            else:
                rank, whole = hidden.shape[1], filled(g)
                of_hidden = torch.mm(whole, factors[1].T)
                if len(whole) == len(dx):
                    torch.mm(of_hidden, factors[0].T, out=dx)
                else:
                    dx.copy_(torch.mm(of_hidden, factors[0].T)[: len(dx)])
                torch.mm(of_hidden.T, x, out=da[:rank])
                torch.mm(hidden.T, whole, out=db[:rank])
        return of_inputs, gradient, of_a, of_b, None, None


# torch leaves `apply` untyped.
added_one_by_one: Callable[[Tensor, Tensor, Tensor, Tensor, Sequence[int], Sequence[int]], Tensor]
added_one_by_one = _AddedOneByOne.apply


def _add_masked(inputs: Tensor, outputs: Tensor, factors: StackedFactors, grid: Grid) -> None:
    """The same by dense products over several organisms at a time, foreign columns masked out in between.

    It multiplies more than it must, but in few large products: for uneven groups and for a row or two an organism
    that is two to three times as fast as a product each.
    """
    rank = factors.a.shape[1]
    columns = _MASKED_COLUMNS[len(inputs) >= _MANY_ROWS]
    for part in grid.parts(max(1, columns // rank)):
        a, b = (factor[part.first : part.last].flatten(0, 1) for factor in (factors.a, factors.b))
        foreign = part.foreign(rank)
        hidden = torch.mm(inputs[part.start : part.stop], a.T).masked_fill_(foreign, 0.0)
        outputs[part.start : part.stop].addmm_(hidden, b)
