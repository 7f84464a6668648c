"""Attention over packed token streams, registered with transformers as the implementation `evolora`.

transformers calls the function named in the host's config with queries, keys and values of the whole stream
`(1, heads, tokens, width)` and hands on the keyword `stream`: a `Prefill`, a `DecodeStep` or a `Tree`, which knows
how tokens form rows. Because transformers builds no mask for an implementation it has none registered for, every
decoder architecture that goes through its attention interface works unchanged.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from evolora.host.buckets import Buckets, by_length
from evolora.host.layout import Grid
from evolora.host.panels import is_exact
from evolora.host.widening import wide

if TYPE_CHECKING:
    from evolora.host.common import Common

IMPLEMENTATION = "evolora"
_LONGEST_SUM = 192  # over places, in float32 on a CPU
_LONGEST_PLAIN = 256  # places: of longer rows the library's kernel, which skips what is masked, is as fast or faster
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


def attend(stream: Stream, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
    """`stream.attend`, in numbers that this processor multiplies; the result is in those given."""
    return stream.attend(layer, wide(q), wide(k), wide(v), scoring).to(q.dtype)


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
    return attend(stream, module.layer_idx, q, k, v, scoring).unsqueeze(0), None  # type: ignore[arg-type]


def register() -> None:
    """Make `evolora` a name that a model's `_attn_implementation` may carry. Safe to call again."""
    if IMPLEMENTATION not in ALL_ATTENTION_FUNCTIONS:
        ALL_ATTENTION_FUNCTIONS.register(IMPLEMENTATION, _attention)


def explicit_attention(q: Tensor, k: Tensor, v: Tensor, bias: Tensor, scoring: Scoring) -> Tensor:
    """Plain matrix products: q (rows, heads, n, width), k and v (rows, kv heads, m, width), bias (rows, n, m).

    On CPU this beats the masked library kernel several times over at these lengths, forward and backward. There float32
    sums over places are made `_LONGEST_SUM` at a time, gradients head by head: a longer one is cut by MKL, and where
    depends on the rectangle, which is as wide as company is.
    """
    rows, heads, n, width = q.shape
    exact = is_exact(q)
    if exact and torch.is_grad_enabled():
        if n > _LONGEST_SUM:
            parts = zip(torch.split(q, _LONGEST_SUM, 2), torch.split(bias, _LONGEST_SUM, 1), strict=True)
            return torch.cat([explicit_attention(some, k, v, own, scoring) for some, own in parts], 2)
        if k.shape[1] < heads:
            k, v = (t.repeat_interleave(heads // k.shape[1], 1) for t in (k, v))
    kv_heads, m = k.shape[1], k.shape[2]
    grouped = q.reshape(rows * kv_heads, heads // kv_heads * n, width)  # heads of one kv head are neighbours
    if scoring.softcap is None:  # in the numbers' own format throughout: half the memory to write and read
        grouped = grouped * scoring.scaling
    most = _LONGEST_SUM if exact else m
    keys, values = (torch.split(t.reshape(rows * kv_heads, m, width), most, 1) for t in (k, v))
    scored = [torch.bmm(grouped, some.transpose(1, 2)) for some in keys]
    scores = (scored[0] if m <= most else torch.cat(scored, 2)).view(rows, heads, n, m)
    if scoring.softcap is not None:
        scores = torch.tanh(scores.float() * scoring.scaling / scoring.softcap) * scoring.softcap
    weights = torch.softmax(scores.add_(bias[:, None].to(scores.dtype)), dim=-1).to(v.dtype)
    by_place = torch.split(weights.view(rows * kv_heads, -1, m), most, 2)
    mixed = [torch.bmm(some, own) for some, own in zip(by_place, values, strict=True)]
    return sum(mixed[1:], mixed[0]).view(rows, heads, n, width)


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
    _biases: dict[tuple[int, int | None], Tensor] = field(default_factory=dict)  # the same for all layers of a window

    @cached_property
    def _buckets(self) -> Buckets:
        return by_length(self.grid.counts, self.grid.device)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        stored: tuple[Tensor, ...] = ()
        if self.cache is not None:
            stored = tuple(self.grid.cells(self.cache.places).show(t) for t in (k, v))
            self.cache.store(layer, *stored)
        if self.grid.index is None:  # nothing needs to be copied
            rows = tuple(self.grid.place(t).transpose(1, 2) for t in (q, k, v))
            return self._see(scoring, rows[0], *(stored or rows[1:])).transpose(1, 2).reshape(q.shape)
        alike = stored and len(self._buckets.cells) == 1
        seen = [(stored[0],), (stored[1],)] if alike else [self._buckets.show(t) for t in (k, v)]
        rectangles = zip(self._buckets.show(q), *seen, strict=True)
        return self._buckets.take([self._see(scoring, *rows).transpose(1, 2) for rows in rectangles])

    def _see(self, scoring: Scoring, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Causal attention of rows (rows, heads, width, head width), to as many places of `k` and `v` as `q` has."""
        width = q.shape[2]
        k, v = k[:, :, :width], v[:, :, :width]
        window = None if scoring.window is None or scoring.window >= width else scoring.window
        if window is None and scoring.softcap is None and not _is_better_plain(q):
            return F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scoring.scaling, enable_gqa=True)
        if (width, window) not in self._biases:
            self._biases[width, window] = _causal_mask(width, window, q.device).to(q.dtype)
        return explicit_attention(q, k, v, self._biases[width, window], scoring)


def _is_better_plain(q: Tensor) -> bool:
    """Whether rows as those of `q` (rows, heads, width, head width) are read by plain products rather than by the
    library's kernel: in bfloat16 on a CPU, whose kernel takes two to three times as long."""
    return q.dtype == torch.bfloat16 and q.device.type == "cpu" and q.shape[2] <= _LONGEST_PLAIN


def _causal_mask(width: int, window: int | None, device: torch.device) -> Tensor:
    """(1, width, width): hides what comes later, and what left the window."""
    positions = torch.arange(width, device=device)
    distance = positions[:, None] - positions
    return additive_mask((distance >= 0) & (distance < (window or width)))[None]


def additive_mask(allowed: Tensor) -> Tensor:
    return torch.zeros(allowed.shape, device=allowed.device).masked_fill_(~allowed, MASKED)


@dataclass(frozen=True)
class Tree:
    """Pieces of prompts with answers behind them, each token of which sees what it follows: for learning.

    There are two rectangles (rows, width) of pieces, or one. Those in the second see the whole of one in the first too,
    which is among `openings` (rows,); the longest of these is at most `reach` long. `positions` are the rotary
    positions; a cell is seen by itself and those behind it in its row, up to `ends` (0: padding).
    """

    buckets: Buckets
    positions: Sequence[Tensor]
    ends: Sequence[Tensor]
    openings: Tensor
    reach: int
    common: "Common | None" = None
    _biases: dict[int | None, list[Tensor]] = field(default_factory=dict)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        if scoring.window not in self._biases:  # the same for all layers with the same window
            self._biases[scoring.window] = [bias.to(q.dtype) for bias in self._bias(scoring.window)]
        asked, keys, values = (self.buckets.show(t) for t in (q, k, v))
        if len(asked) == 2:
            keys, values = ((t[0], torch.cat([self._opened(t[0], 2), t[1]], 2)) for t in (keys, values))
        rectangles = zip(asked, keys, values, self._biases[scoring.window], strict=True)
        return self.buckets.take([explicit_attention(*rows, scoring).transpose(1, 2) for rows in rectangles])

    def _opened(self, first: Tensor, dim: int) -> Tensor:
        """What of the first rectangle, places along `dim`, the pieces in the second see."""
        return first.narrow(dim, 0, self.reach).index_select(0, self.openings)

    def _bias(self, window: int | None) -> Iterator[Tensor]:
        """(rows, width, width), and in the second (rows, width, reach + width)."""
        for bucket, (positions, ends) in enumerate(zip(self.positions, self.ends, strict=True)):
            places = torch.arange(ends.shape[1], device=ends.device)
            allowed, seen = (places <= places[:, None]) & (places[:, None] < ends[:, None]), positions
            if bucket:
                opened = (self._opened(self.ends[0], 1) > 0)[:, None].expand(-1, len(places), -1)
                allowed = torch.cat([opened, allowed], 2)
                seen = torch.cat([self._opened(self.positions[0], 1), positions], 1)
            if window is not None:
                allowed &= positions[:, :, None] - seen[:, None] < window
            yield additive_mask(allowed)
