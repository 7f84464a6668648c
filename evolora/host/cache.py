"""Keys and values while decoding: preallocated, shared by the answers to one prompt, attended in plain products.

Decoding asks one query per row against a few hundred keys at most, where batched matrix products over
(prompt, kv head) beat masked kernels on a CPU and no cache ever grows by copying.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from evolora.host.attention import Scoring, additive_mask
from evolora.host.common import Common
from evolora.host.layout import aligned


@dataclass
class DecodeState:
    """What decoding remembers of the batch's prompts and of the answers so far.

    `prompt_lengths` is (prompts,), the `longest` one of them; `samples` rows answer each prompt and add at most
    `capacity` tokens. `keys` and `values` hold, by layer, (prompts, kv heads, places, width). With one row a prompt,
    what that row adds follows the longest prompt; with several, the prompt is read once for all of them and never
    copied, and what they add lies in `own_keys` and `own_values`, (rows, kv heads, own places, width).
    """

    prompt_lengths: Tensor
    samples: int
    capacity: int
    longest: int
    keys: dict[int, Tensor] = field(default_factory=dict)
    values: dict[int, Tensor] = field(default_factory=dict)
    own_keys: dict[int, Tensor] = field(default_factory=dict)
    own_values: dict[int, Tensor] = field(default_factory=dict)

    @property
    def num_prompts(self) -> int:
        return self.prompt_lengths.shape[0]

    @property
    def num_rows(self) -> int:
        return self.num_prompts * self.samples

    @property
    def of_prompts(self) -> int:
        """Places of each prompt. What its row adds where it has one only comes behind them, where vector lanes begin
        anew: so sums do not depend on who has the longest prompt.
        """
        return aligned(self.longest)

    @property
    def places(self) -> int:
        """Of each prompt, with what its row adds where it has one only; what is left over is masked."""
        return self.of_prompts + (self.own_places if self.samples == 1 else 0)

    @property
    def own_places(self) -> int:
        """Where the products find what a row adds."""
        return aligned(self.capacity)

    def store(self, layer: int, keys: Tensor, values: Tensor) -> None:
        """Keep the prompts' keys and values (prompts, kv heads, places, width) as they are."""
        self.keys[layer], self.values[layer] = keys, values
        if self.samples > 1:
            shape = (self.num_rows, keys.shape[1], self.own_places, keys.shape[3])
            self.own_keys[layer], self.own_values[layer] = keys.new_zeros(shape), values.new_zeros(shape)

    def keep(self, prompts: Tensor) -> None:
        """Drop all prompts, with their rows, but those indexed (prompts',)."""
        rows = (prompts[:, None] * self.samples + torch.arange(self.samples, device=prompts.device)).flatten()
        self.prompt_lengths = self.prompt_lengths.index_select(0, prompts)
        for stores, chosen in (((self.keys, self.values), prompts), ((self.own_keys, self.own_values), rows)):
            for store in stores:
                for layer, tensor in store.items():
                    store[layer] = tensor.index_select(0, chosen)


@dataclass(frozen=True)
class DecodeStep:
    """One new token for each live row: `rows` (tokens,) are their places, `step` counts from 0.

    A row that is done gives no query; what the arithmetic makes of its place is thrown away.
    """

    state: DecodeState
    rows: Tensor
    step: int
    common: Common | None = None
    _masks: dict[int | None, Tensor] = field(default_factory=dict)  # the same for all layers of a window

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        if scoring.window not in self._masks:
            self._masks[scoring.window] = self._mask(scoring.window, self._reach(q.dtype)).to(q.dtype)
        everybody = len(self.rows) == self.state.num_rows
        q = (q * scoring.scaling).contiguous()
        if not everybody:
            q = q.new_zeros(self.state.num_rows, *q.shape[1:]).index_copy(0, self.rows, q)
        attend = self._attend_one_each if self.state.samples == 1 else self._attend_shared
        out = attend(layer, q, k, v, scoring)
        return out if everybody else out.index_select(0, self.rows)

    def _attend_one_each(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        """Each prompt has one row: its keys lie behind the prompt's."""
        state, (rows, heads, width), kv_heads = self.state, q.shape, k.shape[1]
        end = state.of_prompts + self._reach(q.dtype)
        keys, values = (
            self._written(store[layer], new, state.of_prompts + self.step)[:, :, :end].flatten(0, 1)
            for store, new in ((state.keys, k), (state.values, v))
        )  # (rows · kv heads, keys, width)
        scores = torch.bmm(q.reshape(rows * kv_heads, heads // kv_heads, width), keys.transpose(1, 2))
        weights = self._weigh(scores.view(rows, kv_heads, 1, heads // kv_heads, -1), scoring)
        return torch.bmm(weights.view(scores.shape), values).view(rows, heads, width)

    def _attend_shared(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scoring: Scoring) -> Tensor:
        """Several rows a prompt: one product with the prompt's keys for all of them, one with their own."""
        state, (rows, heads, width), kv_heads = self.state, q.shape, k.shape[1]
        prompts, samples, length, reach = state.num_prompts, state.samples, state.places, self._reach(q.dtype)
        group = heads // kv_heads
        own_keys, own_values = (
            self._written(store[layer], new, self.step)[:, :, :reach].flatten(0, 1)
            for store, new in ((state.own_keys, k), (state.own_values, v))
        )
        by_prompt = q.view(prompts, samples, kv_heads, group, width).transpose(1, 2)
        to_prompt = torch.bmm(
            by_prompt.reshape(prompts * kv_heads, samples * group, width),
            state.keys[layer].flatten(0, 1).transpose(1, 2),
        ).view(prompts, kv_heads, samples, group, length)
        to_own = torch.bmm(q.reshape(rows * kv_heads, group, width), own_keys.transpose(1, 2))
        to_own = to_own.view(prompts, samples, kv_heads, group, reach).transpose(1, 2)
        weights = self._weigh(torch.cat([to_prompt, to_own], -1), scoring)
        of_prompt = torch.bmm(
            weights[..., :length].reshape(prompts * kv_heads, samples * group, length),
            state.values[layer].flatten(0, 1),
        ).view(prompts, kv_heads, samples, group, width)
        own = weights[..., length:].transpose(1, 2).reshape(rows * kv_heads, group, reach)
        of_own = torch.bmm(own, own_values).view(prompts, samples, kv_heads, group, width)
        return (of_prompt.transpose(1, 2) + of_own).reshape(rows, heads, width)

    def _reach(self, dtype: torch.dtype) -> int:
        """How many of a row's own places the products read: all of them, masked, because batches that are not dense in
        memory would be copied at each call. In float32 only those written: sums must not depend on others' limits.
        """
        return self.step + 1 if dtype == torch.float32 else self.state.own_places

    def _written(self, store: Tensor, new: Tensor, place: int) -> Tensor:
        """`store` with the live rows' new keys or values (tokens, kv heads, width) at `place`."""
        if len(self.rows) == self.state.num_rows:
            store[:, :, place] = new
        else:
            store[self.rows, :, place] = new
        return store

    def _weigh(self, scores: Tensor, scoring: Scoring) -> Tensor:
        """Softmax of (prompts, kv heads, samples, group, keys), soft-capped and masked where that is asked for."""
        if scoring.softcap is not None:
            scores = torch.tanh(scores / scoring.softcap) * scoring.softcap
        return torch.softmax(scores + self._masks[scoring.window], -1)

    def _mask(self, window: int | None, reach: int) -> Tensor:
        """(prompts, 1, 1, 1, a prompt's places + reach): hides what is behind shorter prompts, what a row has yet to
        write and what left the window.
        """
        state = self.state
        lengths = state.prompt_lengths
        places = torch.arange(state.of_prompts, device=lengths.device)
        allowed = places[None, :] < lengths[:, None]
        since = self.step - torch.arange(reach, device=lengths.device)  # steps since each was written
        own = since >= 0
        if window is not None:
            allowed &= (lengths[:, None] + self.step - places[None, :]) < window
            own &= since < window
        everything = torch.cat([allowed, own.expand(len(lengths), -1)], -1)
        return additive_mask(everything)[:, None, None, None]
