"""Choosing the next token: a function of a row's own logits, temperature and uniform number, nobody else's."""

import torch
import torch.nn.functional as F
from torch import Tensor

_BLOCK = 256  # tokens per block of the two-level search
_NUMBERS = 16 * 49152  # logits handled at a time, so that they stay in the processor's cache


def choose_tokens(logits: Tensor, temperatures: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """One token for each row of `logits` (rows, vocabulary), and its natural-log probability.

    `temperatures` (rows,): 0 takes the most likely token (log-probability at temperature 1), else the token at
    `uniforms` (rows,) in [0, 1) on the cumulative distribution of softmax(logits / temperature). A row whose
    logits are not finite gives token -1 and log-probability NaN.
    """
    rows = max(1, _NUMBERS // logits.shape[1]) if logits.device.type == "cpu" else len(logits)
    parts = [
        _choose(logits[i : i + rows], temperatures[i : i + rows], uniforms[i : i + rows])
        for i in range(0, len(logits), rows)
    ]
    return torch.cat([tokens for tokens, _ in parts]), torch.cat([logprobs for _, logprobs in parts])


def _choose(logits: Tensor, temperatures: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    greedy = temperatures == 0
    scale = torch.where(greedy, torch.ones_like(temperatures), temperatures)[:, None]
    weights = logits.to(torch.float32, copy=True)  # from here on in place: one pass over memory each
    if bool((scale != 1).any()):
        weights /= scale
    missing = -weights.shape[1] % _BLOCK
    if missing:
        weights = F.pad(weights, (0, missing), value=-torch.inf)
    blocks = weights.view(len(weights), -1, _BLOCK)  # (rows, blocks, _BLOCK)
    peaks = blocks.amax(-1)  # (rows, blocks)
    weights.sub_(peaks.amax(-1, keepdim=True)).exp_()
    tokens, total = _search(blocks, uniforms)
    if bool(greedy.any()):
        tokens = torch.where(greedy, _likeliest(blocks, peaks), tokens)
    logprobs = torch.log(weights.gather(1, tokens[:, None])[:, 0] / total)
    finite = torch.isfinite(logprobs) & torch.isfinite(total)
    return torch.where(finite, tokens, torch.full_like(tokens, -1)), logprobs


def _likeliest(weights: Tensor, peaks: Tensor) -> Tensor:
    """The first of the largest weights (rows,): the best block first, then its best token."""
    block = peaks.argmax(-1)
    inside = weights[torch.arange(len(weights), device=weights.device), block]
    return block * _BLOCK + inside.argmax(-1)


def _search(weights: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Inverse of the cumulative sum of `weights` (rows, blocks, _BLOCK) at `uniforms` · total, and the totals.

    Two levels: sums of blocks first, then one block, so that no full cumulative sum is made.
    """
    blocks = weights.sum(-1).cumsum(-1)
    total = blocks[:, -1]
    target = uniforms.to(weights.dtype) * total
    block = torch.searchsorted(blocks, target[:, None], right=True).clamp_(max=blocks.shape[1] - 1)
    before = torch.where(block > 0, blocks.gather(1, (block - 1).clamp_(min=0)), torch.zeros_like(target[:, None]))
    inside = weights.gather(1, block[:, :, None].expand(-1, -1, _BLOCK))[:, 0].cumsum(-1)
    place = torch.searchsorted(inside, target[:, None] - before, right=True).clamp_(max=_BLOCK - 1)
    # rounding can point past the last positive weight of a block: step back onto it
    last = (torch.diff(inside, prepend=torch.zeros_like(inside[:, :1])) > 0).long() * torch.arange(
        _BLOCK, device=weights.device
    )
    place = torch.minimum(place, last.max(-1, keepdim=True).values)
    return (block * _BLOCK + place)[:, 0], total
