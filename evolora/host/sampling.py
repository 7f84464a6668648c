"""Choosing the next token: a function of a row's own logits, temperature and uniform number, nobody else's."""

import torch
from torch import Tensor

_BLOCK = 256  # tokens per block of the two-level search
_ROWS = 16  # rows handled at a time, so that a block of logits stays in the processor's cache


def choose_tokens(logits: Tensor, temperatures: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """One token for each row of `logits` (rows, vocabulary), and its natural-log probability.

    `temperatures` (rows,): 0 takes the most likely token (log-probability at temperature 1), else the token at
    `uniforms` (rows,) in [0, 1) on the cumulative distribution of softmax(logits / temperature). A row whose
    logits are not finite gives token -1 and log-probability NaN.
    """
    parts = [
        _choose(logits[i : i + _ROWS], temperatures[i : i + _ROWS], uniforms[i : i + _ROWS])
        for i in range(0, len(logits), _ROWS if logits.device.type == "cpu" else len(logits))
    ]
    return torch.cat([tokens for tokens, _ in parts]), torch.cat([logprobs for _, logprobs in parts])


def _choose(logits: Tensor, temperatures: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    greedy = temperatures == 0
    scores = logits.float() / torch.where(greedy, torch.ones_like(temperatures), temperatures)[:, None]
    peak, best = scores.max(-1)
    weights = torch.exp(scores - peak[:, None])
    sampled, total = _search(weights, uniforms)
    tokens = torch.where(greedy, best, sampled)
    chosen = scores.gather(1, tokens[:, None])[:, 0]
    logprobs = chosen - peak - torch.log(total)
    finite = torch.isfinite(logprobs) & torch.isfinite(total)
    return torch.where(finite, tokens, torch.full_like(tokens, -1)), logprobs


def _search(weights: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor]:
    """Inverse of the cumulative sum of `weights` (rows, vocabulary) at `uniforms` · total, and the totals.

    Two levels: sums of blocks first, then one block, so that no full cumulative sum is made.
    """
    rows, vocabulary = weights.shape
    padded = torch.nn.functional.pad(weights, (0, -vocabulary % _BLOCK)).view(rows, -1, _BLOCK)
    blocks = padded.sum(-1).cumsum(-1)
    total = blocks[:, -1]
    target = uniforms.to(weights.dtype) * total
    block = torch.searchsorted(blocks, target[:, None], right=True).clamp_(max=blocks.shape[1] - 1)
    before = torch.where(block > 0, blocks.gather(1, (block - 1).clamp_(min=0)), torch.zeros_like(target[:, None]))
    inside = padded.gather(1, block[:, :, None].expand(-1, -1, _BLOCK))[:, 0].cumsum(-1)
    place = torch.searchsorted(inside, target[:, None] - before, right=True).clamp_(max=_BLOCK - 1)
    # rounding can point past the last positive weight of a block: step back onto it
    last = (torch.diff(inside, prepend=torch.zeros_like(inside[:, :1])) > 0).long() * torch.arange(
        _BLOCK, device=weights.device
    )
    place = torch.minimum(place, last.max(-1, keepdim=True).values)
    return (block * _BLOCK + place)[:, 0].clamp_(max=vocabulary - 1), total
