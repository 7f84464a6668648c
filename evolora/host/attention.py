"""Attention over packed token streams, registered with transformers as the implementation `evolora`.

transformers calls the function named in the host's config with queries, keys and values of the whole stream
`(1, heads, tokens, width)` and hands on the keyword `stream`: a `Prefill`, a `DecodeStep` or a `Tree`, which knows
how tokens form rows. Because transformers builds no mask for an implementation it has none registered for, every
decoder architecture that goes through its attention interface works unchanged.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from evolora.host.layout import Grid

IMPLEMENTATION = "evolora"
MASKED = -1e9  # added to a score that must not count; finite, so that a fully masked padding row stays finite


@dataclass(frozen=True)
class Scoring:
    """How one layer scores keys: `scaling` of q · k, an optional sliding `window` and an optional `softcap`."""

    scaling: float
    window: int | None = None
    softcap: float | None = None


class Stream(Protocol):
    """The structure of a packed stream, as attention sees it."""

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        """Queries (tokens, heads, width), keys and values (tokens, kv heads, width) -> (tokens, heads, width)."""
        ...


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    scaling: float,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    stream: Stream = kwargs["stream"]
    if kwargs.get("s_aux") is not None:
        raise NotImplementedError("attention sinks are not supported")
    scoring = Scoring(scaling, kwargs.get("sliding_window"), kwargs.get("softcap"))
    q, k, v = (t[0].transpose(0, 1) for t in (query, key, value))  # (tokens, heads, width)
    return stream.attend(module.layer_idx, q, k, v, scoring).unsqueeze(0), None  # type: ignore[arg-type]


def register() -> None:
    """Make `evolora` a name that a model's `_attn_implementation` may carry. Safe to call again."""
    if IMPLEMENTATION not in ALL_ATTENTION_FUNCTIONS:
        ALL_ATTENTION_FUNCTIONS.register(IMPLEMENTATION, _attention)


def explicit_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scoring: Scoring) -> Tensor:
    """Plain matrix products: q (rows, heads, n, width), k and v (rows, kv heads, m, width), bias (rows, n, m).

    On CPU this beats the masked library kernel several times over at these lengths, forward and backward.
    """
    rows, heads, n, width = q.shape
    kv_heads, m = k.shape[1], k.shape[2]
    grouped = q.reshape(rows * kv_heads, heads // kv_heads * n, width)  # heads of one kv head are neighbours
    scores = torch.bmm(grouped, k.reshape(rows * kv_heads, m, width).transpose(1, 2)).view(rows, heads, n, m)
    weights = torch.softmax(_score(scores, scoring) + bias[:, None], dim=-1).to(v.dtype)
    mixed = torch.bmm(weights.view(rows * kv_heads, -1, m), v.reshape(rows * kv_heads, m, width))
    return mixed.view(rows, heads, n, width)


def _score(products: Tensor, scoring: Scoring) -> Tensor:
    """Raw products to float32 scores: scaled and, where the architecture says so, soft-capped."""
    scores = products.float() * scoring.scaling
    return scores if scoring.softcap is None else torch.tanh(scores / scoring.softcap) * scoring.softcap


@dataclass
class PrefixCache:
    """Keys and values of the prompts, by layer: each (prompts, kv heads, longest prompt, width)."""

    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)

    def keep(self, prompts: Tensor) -> None:
        """Drop all prompts but those indexed (prompts',)."""
        for store in (self.keys, self.values):
            for layer, tensor in store.items():
                store[layer] = tensor.index_select(0, prompts)


@dataclass(frozen=True)
class Prefill:
    """Whole prompts at once, causal. Rows are left-aligned in `grid`, so right padding is masked by causality alone."""

    grid: Grid
    cache: PrefixCache | None = None

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        q, k, v = (self.grid.place(t).transpose(1, 2).contiguous() for t in (q, k, v))  # (rows, heads, length, width)
        if self.cache is not None:
            self.cache.keys[layer], self.cache.values[layer] = k, v
        plain = scoring.softcap is None and (scoring.window is None or scoring.window >= self.grid.width)
        if plain:
            out = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scoring.scaling, enable_gqa=True)
        else:
            out = explicit_attention(q, k, v, self._causal_bias(q.device, scoring.window), scoring)
        return self.grid.take(out.transpose(1, 2))

    def _causal_bias(self, device: torch.device, window: int | None) -> Tensor:
        positions = torch.arange(self.grid.width, device=device)
        distance = positions[:, None] - positions[None, :]
        allowed = (distance >= 0) & (distance < (window or self.grid.width))
        return _bias(allowed)[None]


def _bias(allowed: Tensor) -> Tensor:
    return torch.zeros(allowed.shape, device=allowed.device).masked_fill_(~allowed, MASKED)


@dataclass
class DecodeState:
    """What decoding remembers: the shared prompts, and the generated suffixes in a preallocated cache.

    `samples` rows share each prompt, so the cache of the prompts is read once for all of them and never copied.
    `prompt_lengths` is (prompts,); suffix tensors are (rows, kv heads, most new tokens, width), with prompts · samples
    rows.
    """

    prefix: PrefixCache
    prompt_lengths: Tensor
    samples: int
    capacity: int
    suffix_keys: dict[int, Tensor] = field(default_factory=dict)
    suffix_values: dict[int, Tensor] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        return self.prompt_lengths.shape[0] * self.samples

    def keep(self, prompts: Tensor) -> None:
        """Drop all prompts, with their rows, but those indexed (prompts',)."""
        rows = (prompts[:, None] * self.samples + torch.arange(self.samples, device=prompts.device)).flatten()
        self.prefix.keep(prompts)
        self.prompt_lengths = self.prompt_lengths.index_select(0, prompts)
        for store in (self.suffix_keys, self.suffix_values):
            for layer, tensor in store.items():
                store[layer] = tensor.index_select(0, rows)


@dataclass(frozen=True)
class DecodeStep:
    """One new token for each live row: `rows` (tokens,) are their places, `step` counts from 0."""

    state: DecodeState
    rows: Tensor
    step: int

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        state, heads, width = self.state, q.shape[1], q.shape[2]
        kv_heads = k.shape[1]
        samples, prompts = state.samples, state.prompt_lengths.shape[0]
        group = heads // kv_heads
        keys, values = self._remember(layer, k, v)  # (rows, kv heads, step + 1, width)
        full = (
            q
            if len(self.rows) == state.num_rows
            else q.new_zeros(state.num_rows, heads, width).index_copy(0, self.rows, q)
        )
        by_prompt = (
            full.view(prompts, samples, kv_heads, group, width)
            .transpose(1, 2)
            .reshape(prompts * kv_heads, samples * group, width)
        )
        prefix_k, prefix_v = state.prefix.keys[layer].flatten(0, 1), state.prefix.values[layer].flatten(0, 1)
        length = prefix_k.shape[1]
        prefix_scores = torch.bmm(by_prompt, prefix_k.transpose(1, 2)).view(prompts, kv_heads, samples, group, length)
        suffix_scores = torch.bmm(full.view(-1, group, width), keys.flatten(0, 1).transpose(1, 2))
        suffix_scores = suffix_scores.view(prompts, samples, kv_heads, group, self.step + 1).transpose(1, 2)
        scores = _score(torch.cat([prefix_scores, suffix_scores], -1), scoring) + self._bias(length, scoring.window)
        weights = torch.softmax(scores, -1).to(v.dtype)  # (prompts, kv heads, samples, group, length + step + 1)
        from_prefix = torch.bmm(weights[..., :length].reshape(prompts * kv_heads, samples * group, length), prefix_v)
        own = weights[..., length:].transpose(1, 2).reshape(-1, group, self.step + 1)
        from_suffix = torch.bmm(own, values.flatten(0, 1)).view(prompts, samples, heads, width)
        mixed = (
            from_prefix.view(prompts, kv_heads, samples, group, width)
            .transpose(1, 2)
            .reshape(prompts, samples, heads, width)
        )
        out = (mixed + from_suffix).view(state.num_rows, heads, width)
        return out if len(self.rows) == state.num_rows else out.index_select(0, self.rows)

    def _remember(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Write this step's keys and values; return all of them up to now."""
        state = self.state
        if layer not in state.suffix_keys:
            shape = (state.num_rows, k.shape[1], state.capacity, k.shape[2])
            state.suffix_keys[layer], state.suffix_values[layer] = k.new_zeros(shape), v.new_zeros(shape)
        keys, values = state.suffix_keys[layer], state.suffix_values[layer]
        keys[self.rows, :, self.step], values[self.rows, :, self.step] = k, v
        return keys[:, :, : self.step + 1], values[:, :, : self.step + 1]

    def _bias(self, length: int, window: int | None) -> Tensor:
        """(prompts, 1, 1, 1, length + step + 1): hides the padding of shorter prompts and what left the window."""
        lengths = self.state.prompt_lengths
        places = torch.arange(length, device=lengths.device)
        allowed = places[None, :] < lengths[:, None]
        suffix = torch.ones(len(lengths), self.step + 1, dtype=torch.bool, device=lengths.device)
        if window is not None:
            allowed &= (lengths[:, None] + self.step - places[None, :]) < window
            suffix &= (self.step - torch.arange(self.step + 1, device=lengths.device)) < window
        return _bias(torch.cat([allowed, suffix], -1))[:, None, None, None]


@dataclass(frozen=True)
class Tree:
    """Prompts each followed by several answers that see the prompt and themselves only: for learning.

    `positions` (rows, width) are the rotary positions and `branch` (rows, width) which answer a cell belongs to
    (0 the prompt, -1 padding). Sharing the prompt saves (answers - 1) · prompt tokens of every lesson.
    """

    grid: Grid
    positions: Tensor
    branch: Tensor
    _biases: dict[int | None, Tensor] = field(default_factory=dict)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        if scoring.window not in self._biases:  # the same for all layers with the same window
            self._biases[scoring.window] = self._bias(scoring.window)
        q, k, v = (self.grid.place(t).transpose(1, 2).contiguous() for t in (q, k, v))
        out = explicit_attention(q, k, v, self._biases[scoring.window], scoring)
        return self.grid.take(out.transpose(1, 2))

    def _bias(self, window: int | None) -> Tensor:
        """(rows, width, width): a cell sees the prompt and its own branch, up to itself."""
        distance = self.positions[:, :, None] - self.positions[:, None, :]
        same = self.branch[:, :, None] == self.branch[:, None, :]
        to_prompt = (self.branch[:, None, :] == 0) & (self.branch[:, :, None] >= 0)
        allowed = (same | to_prompt) & (distance >= 0)
        return _bias(allowed if window is None else allowed & (distance < window))
