"""What is the same for all organisms, computed once.

Below the lowest adapted layer a token's numbers depend on its prompt alone, not on who reads it. Organisms of a niche
meet the same tasks, so a batch holds every prompt several times: there those layers run on each distinct prompt once,
and its numbers are handed to everybody who reads it.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from evolora.host.attention import KeyValueStore, Stream

LEAST = 8  # tokens: a shorter opening is read with every prompt, which costs less than setting it apart
WORTHWHILE = 0.8  # share of the tokens that are distinct, above which handing them out costs more than it saves


@dataclass(frozen=True)
class Common:
    """The lowest `layers` layers on distinct tokens only, whose structure is `stream`.

    `first` (distinct,) is where each of them stands in the whole stream; `copies` (tokens,) is which of them each token
    of the whole stream is.
    """

    layers: int
    first: Tensor
    copies: Tensor
    stream: Stream
    _rotary: dict[str, Tensor] = field(default_factory=dict)

    def enter(self, tokens: Tensor) -> Tensor:
        """(tokens, ...) -> (distinct, ...)."""
        return tokens.index_select(0, self.first)

    def leave(self, distinct: Tensor) -> Tensor:
        """(distinct, ...) -> (tokens, ...)."""
        return distinct.index_select(0, self.copies)

    def rotary(self, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        """The angles (tokens, width) of the distinct tokens; the same for all layers, so gathered once."""
        if not self._rotary:
            self._rotary.update(cos=self.enter(cos), sin=self.enter(sin))
        return self._rotary["cos"], self._rotary["sin"]


@dataclass(frozen=True)
class Spread:
    """Gives every row its prompt's keys and values: `rows` (rows,) are the prompts' places."""

    store_of_rows: KeyValueStore
    rows: Tensor

    @property
    def places(self) -> int:
        """As many as the rows'."""
        return self.store_of_rows.places

    def store(self, layer: int, keys: Tensor, values: Tensor) -> None:
        """Keys and values (prompts, kv heads, places, width)."""
        self.store_of_rows.store(layer, keys.index_select(0, self.rows), values.index_select(0, self.rows))


def first_places(copies: Tensor, num_distinct: int) -> Tensor:
    """(distinct,): the first token of the whole stream that is each of the distinct ones."""
    places = torch.arange(len(copies))
    return torch.full((num_distinct,), len(copies)).scatter_reduce(0, copies, places, "amin")
