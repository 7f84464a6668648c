"""Attention over packed token streams, registered with transformers as the implementation `evolora`.

transformers calls the function named in the host's config with queries, keys and values of the whole stream
`(1, heads, tokens, width)` and hands on the keyword `stream`: a `Prefill`, a `DecodeStep` or a `Tree`, which knows
how tokens form rows. Because transformers builds no mask for an implementation it has none registered for, every
decoder architecture that goes through its attention interface works unchanged.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from evolora.host.buckets import Buckets
from evolora.host.layout import Grid

if TYPE_CHECKING:
    from evolora.host.common import Common

IMPLEMENTATION = "evolora"
MASKED = -1e9  # added to a score that must not count; finite, so that a fully masked padding row stays finite


@dataclass(frozen=True)
class Scoring:
    """How one layer scores keys: `scaling` of q · k, an optional sliding `window` and an optional `softcap`."""

    scaling: float
    window: int | None = None
    softcap: float | None = None


class Stream(Protocol):
    """The structure of a packed stream, as attention sees it; `common` is what of it is computed once for several."""

    @property
    def common(self) -> "Common | None": ...

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
    if scoring.softcap is None:  # in the numbers' own format throughout: half the memory to write and read
        grouped = grouped * scoring.scaling
    scores = torch.bmm(grouped, k.reshape(rows * kv_heads, m, width).transpose(1, 2)).view(rows, heads, n, m)
    if scoring.softcap is not None:
        scores = torch.tanh(scores.float() * scoring.scaling / scoring.softcap) * scoring.softcap
    weights = torch.softmax(scores + bias[:, None].to(scores.dtype), dim=-1).to(v.dtype)
    mixed = torch.bmm(weights.view(rows * kv_heads, -1, m), v.reshape(rows * kv_heads, m, width))
    return mixed.view(rows, heads, n, width)


class KeyValueStore(Protocol):
    """Where prompts leave their keys and values for the decoding that follows.

    A prompt is to have `places` there: its tokens come first; whatever stands behind them need only be finite.
    """

    @property
    def places(self) -> int: ...

    def store(self, layer: int, keys: Tensor, values: Tensor) -> None:
        """Keep a layer's keys and values, each (rows, kv heads, places, width)."""
        ...


@dataclass(frozen=True)
class Prefill:
    """Whole prompts at once, causal. Rows are left-aligned, so what is behind them is masked by causality alone."""

    grid: Grid
    cache: KeyValueStore | None = None
    common: "Common | None" = None

    @cached_property
    def _buckets(self) -> Buckets:
        return Buckets.of(self.grid)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        stored: tuple[Tensor, ...] = ()
        if self.cache is not None:
            stored = tuple(self.grid.cells(self.cache.places).show(t) for t in (k, v))
            self.cache.store(layer, *stored)
        if self.grid.index is None:  # nothing needs to be copied
            rows = tuple(self.grid.place(t).transpose(1, 2) for t in (q, k, v))
            return self._see(scoring, rows[0], *(stored or rows[1:])).transpose(1, 2).reshape(q.shape)
        mixed = []
        for cells in self._buckets.cells:
            seen = stored if stored and len(self._buckets.cells) == 1 else tuple(cells.show(t) for t in (k, v))
            mixed.append(self._see(scoring, cells.show(q), *seen).transpose(1, 2))
        return self._buckets.take(mixed)

    @staticmethod
    def _see(scoring: Scoring, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Causal attention of rows (rows, heads, width, head width), to as many places of `k` and `v` as `q` has."""
        width = q.shape[2]
        k, v = k[:, :, :width], v[:, :, :width]
        if scoring.softcap is None and (scoring.window is None or scoring.window >= width):
            return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scoring.scaling, enable_gqa=True)
        positions = torch.arange(width, device=q.device)
        distance = positions[:, None] - positions
        allowed = (distance >= 0) & (distance < (scoring.window or width))
        return explicit_attention(q, k, v, additive_mask(allowed)[None], scoring)


def additive_mask(allowed: Tensor) -> Tensor:
    return torch.zeros(allowed.shape, device=allowed.device).masked_fill_(~allowed, MASKED)


@dataclass(frozen=True)
class Tree:
    """Pieces of prompts with answers behind them, each token of which sees what it follows: for learning.

    `positions` (pieces, width) are the rotary positions; a cell is seen by itself and those behind it in its piece, up
    to `ends` (pieces, width; 0: padding). Each piece sees the whole of another too, which is among `openings` (pieces,)
    and at most `reach` long; itself stands for none.
    """

    grid: Grid
    positions: Tensor
    ends: Tensor
    openings: Tensor
    reach: int
    common: "Common | None" = None
    _biases: dict[int | None, Tensor] = field(default_factory=dict)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        if scoring.window not in self._biases:  # the same for all layers with the same window
            self._biases[scoring.window] = self._bias(scoring.window).to(q.dtype)
        q, k, v = (self.grid.place(t).transpose(1, 2).contiguous() for t in (q, k, v))
        if self.reach:
            k, v = (torch.cat([t[:, :, : self.reach].index_select(0, self.openings), t], 2) for t in (k, v))
        out = explicit_attention(q, k, v, self._biases[scoring.window], scoring)
        return self.grid.take(out.transpose(1, 2))

    def _bias(self, window: int | None) -> Tensor:
        """(pieces, width, reach + width)."""
        places = torch.arange(self.grid.width, device=self.ends.device)
        of_itself = self.openings == torch.arange(len(self.openings), device=self.ends.device)
        opened = (self.ends[:, : self.reach] > 0).index_select(0, self.openings) & ~of_itself[:, None]
        own = (places <= places[:, None]) & (places[:, None] < self.ends[:, None])
        allowed = torch.cat([opened[:, None].expand(-1, len(places), -1), own], 2)
        if window is not None:
            seen = torch.cat([self.positions[:, : self.reach].index_select(0, self.openings), self.positions], 1)
            allowed &= self.positions[:, :, None] - seen[:, None] < window
        return additive_mask(allowed)
