"""How surprising tokens were, with a gradient, in memory of a few rows of logits.

Logits over a vocabulary are the largest numbers of all (1,424 x 49,152 for 16 short lessons): as autograd writes it,
the cross-entropy makes several float32 copies of them, 1.1 GB more at the peak and, on a CPU, twice the time. Here they
are gone through a few rows at a time, in float32, forward and backward.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

_CELLS = {"cpu": 1 << 20, "cuda": 1 << 27}  # logits looked at together: what a cache holds; what fills a GPU


def surprise(logits: Tensor, sources: Tensor, targets: Tensor, temperatures: Tensor) -> Tensor:
    """-log softmax(logits[sources] / temperature)[targets], in nats, float32, one for each target (targets,).

    `logits` (rows, vocabulary) of any float type get the gradient; `temperatures` (rows,) belong to rows. Several
    targets may share a row: answers to one prompt begin from the same logits.
    """
    return _Surprise.apply(logits, sources, targets, temperatures)  # type: ignore[no-untyped-call, no-any-return]


class _Surprise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, sources: Tensor, targets: Tensor, temperatures: Tensor) -> Tensor:
        normalisers = torch.cat([_normalisers(_scaled(logits, rows, temperatures)) for rows in _slices(logits)])
        ctx.save_for_backward(logits, sources, targets, temperatures, normalisers)
        chosen = logits[sources, targets].float() / temperatures[sources]
        return normalisers[sources] - chosen

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        """d surprise / d logits = (softmax - one-hot of the target) / temperature."""
        logits, sources, targets, temperatures, normalisers = ctx.saved_tensors
        weights = gradients[0] / temperatures[sources]  # (targets,)
        totals = torch.zeros_like(temperatures).index_add(0, sources, weights)  # (rows,)
        order = torch.argsort(sources)
        found = torch.empty_like(logits)
        for rows in _slices(logits):
            part = _scaled(logits, rows, temperatures).sub_(normalisers[rows, None]).exp_().mul_(totals[rows, None])
            first, last = torch.searchsorted(
                sources[order], torch.tensor([rows.start, rows.stop], device=logits.device)
            )
            own = order[first:last]
            part.index_put_((sources[own] - rows.start, targets[own]), -weights[own], accumulate=True)
            found[rows] = part
        return found, None, None, None


def _scaled(logits: Tensor, rows: slice, temperatures: Tensor) -> Tensor:
    """(rows, vocabulary) in float32, over their temperatures, in memory of its own."""
    return logits[rows].to(torch.float32, copy=True).div_(temperatures[rows, None])


def _normalisers(scaled: Tensor) -> Tensor:
    """The logarithm of each row's sum of exponentials (rows,).

    torch lets several threads share the sum of a single row, so none is single: how many are left for the last slice
    depends on company.
    """
    two = scaled.expand(2, -1) if len(scaled) == 1 else scaled
    return torch.logsumexp(two, dim=1)[: len(scaled)]


def _slices(logits: Tensor) -> Iterator[slice]:
    size = max(1, _CELLS.get(logits.device.type, _CELLS["cpu"]) // logits.shape[1])
    return (slice(start, min(start + size, len(logits))) for start in range(0, len(logits), size))
