"""The products that add adapters' deltas to what the host's own layers gave, each organism's to its own rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from evolora.host.layout import Grid

_FEW_ROWS = 4  # up to so many rows an organism, one masked product beats a batch of tiny ones
_MASKED_COLUMNS = (256, 64)  # columns (organisms · rank) of a masked product: for a few hundred rows, for thousands
_MANY_ROWS = 1024


@dataclass(frozen=True, eq=False)
class StackedFactors:
    """One site's adapters: `a` (organisms, rank, in) and `b` (organisms, rank, out)."""

    a: Tensor
    b: Tensor


def add_deltas(inputs: Tensor, outputs: Tensor, factors: StackedFactors, grid: Grid) -> Tensor:
    """`outputs` (tokens, out) plus each organism's delta applied to its own rows of `inputs` (tokens, in).

    Without gradients the sum is made in place: writing wide outputs a second time costs more than the products. In
    float32 products are made organism by organism, so that this sum does not depend on who shares the batch: runs are
    then the same for any number of workers.
    """
    one_by_one = inputs.dtype == torch.float32 and inputs.device.type == "cpu"
    if torch.is_grad_enabled():
        if one_by_one:
            return added_one_by_one(inputs, outputs, factors.a, factors.b, grid.counts)
        a, b = factors.a.to(inputs.dtype), factors.b.to(inputs.dtype)
        delta = torch.bmm(torch.bmm(grid.place(inputs), a.transpose(1, 2)), b)
        return outputs + grid.take(delta)
    if one_by_one:
        _add_one_by_one(inputs, outputs, factors.a, factors.b, grid.counts)
    elif inputs.dtype == torch.float32:
        hidden = torch.bmm(grid.place(inputs), factors.a.transpose(1, 2))  # (organisms, width, rank)
        outputs += grid.take(torch.bmm(hidden, factors.b))
    elif grid.index is None and grid.width > _FEW_ROWS:
        hidden = torch.bmm(inputs.view(grid.groups, grid.width, -1), factors.a.transpose(1, 2))
        outputs.view(grid.groups, grid.width, -1).baddbmm_(hidden, factors.b)
    else:
        _add_masked(inputs, outputs, factors, grid)
    return outputs


def _add_one_by_one(inputs: Tensor, outputs: Tensor, a: Tensor, b: Tensor, counts: Sequence[int]) -> list[Tensor]:
    """Each organism's delta added to its own rows of `outputs`; returns each one's x · aᵀ (tokens, rank).

    On a CPU that is up to ten times as fast as batched products, for nothing is copied into a rectangle.
    """
    hidden = []
    for x, out, own_a, own_b in zip(inputs.split(counts), outputs.split(counts), a, b, strict=True):  # type: ignore[no-untyped-call]
        hidden.append(torch.mm(x, own_a.T))
        out.addmm_(hidden[-1], own_b)
    return hidden


class _AddedOneByOne(torch.autograd.Function):
    """`_add_one_by_one` on a copy of the outputs, with a gradient for all four."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, outputs: Tensor, a: Tensor, b: Tensor, counts: Sequence[int]) -> Tensor:
        added = outputs.clone()
        ctx.counts, ctx.hidden = counts, _add_one_by_one(inputs, added, a, b, counts)
        ctx.save_for_backward(inputs, a, b)
        return added

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        (gradient,) = gradients
        inputs, a, b = ctx.saved_tensors
        of_inputs, of_a, of_b = torch.empty_like(inputs), torch.empty_like(a), torch.empty_like(b)
        rows = (inputs.split(ctx.counts), gradient.split(ctx.counts), of_inputs.split(ctx.counts))  # type: ignore[no-untyped-call]
        for x, g, dx, hidden, own_a, own_b, da, db in zip(*rows, ctx.hidden, a, b, of_a, of_b, strict=True):
            of_hidden = torch.mm(g, own_b.T)
            torch.mm(of_hidden, own_a, out=dx)
            torch.mm(of_hidden.T, x, out=da)
            torch.mm(hidden.T, g, out=db)
        return of_inputs, gradient, of_a, of_b, None


# torch leaves `apply` untyped.
added_one_by_one: Callable[[Tensor, Tensor, Tensor, Tensor, Sequence[int]], Tensor] = _AddedOneByOne.apply


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
