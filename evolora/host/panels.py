"""Products of a few rows on a CPU whose sums do not depend on how many rows there are.

In float32 a run is to be the same whoever shares a batch with whom. MKL's kernels take four rows at a time; fewer,
which are left over of a product or of a thread's share of it, are summed in another order. So a few rows are filled up,
and so are ranks, which are rows of the products that give an adapter's gradient.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_PANEL = 4
_MANY = 64  # from so many rows on, those left over were seen to be summed as the others, on up to 16 threads


def is_exact(x: Tensor) -> bool:
    """Whether what is computed of x is to be the same to the last bit in any company, on any number of threads."""
    return x.dtype == torch.float32 and x.device.type == "cpu"


def in_panels(product: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """`product` of x (rows, in), each row of which gives the same bits in any company if x is float32 on a CPU."""
    return product(filled(x))[: len(x)] if is_exact(x) else product(x)


def filled(x: Tensor) -> Tensor:
    """x (rows, in) with rows of zeros behind a few that leave some over; as it is where there are many."""
    missing = _missing(len(x))
    return F.pad(x, (0, 0, 0, missing)) if missing else x


@dataclass(frozen=True)
class Panels:
    """Consecutive groups of a stream's tokens, of which those with a few are filled up by their first, repeated.

    `sizes` are the filled `groups`' numbers of rows, `shown` (rows,) says which token each row shows, `taken` (tokens,)
    in which row each of those `tokens` (tokens,) stands.
    """

    groups: Sequence[int]
    sizes: Sequence[int]
    shown: Tensor
    tokens: Tensor
    taken: Tensor

    @classmethod
    def of(cls, counts: Sequence[int], device: torch.device) -> "Panels | None":
        """For groups of `counts` tokens; None where no group needs it."""
        groups, sizes = list[int](), list[int]()
        shown, tokens, taken = list[int](), list[int](), list[int]()
        first = 0
        for group, count in enumerate(counts):
            if missing := _missing(count):
                groups.append(group)
                sizes.append(count + missing)
                own = range(first, first + count)
                taken += range(len(shown), len(shown) + count)
                tokens += own
                shown += [*own, *[first] * missing]
            first += count
        if not groups:
            return None
        return cls(groups, sizes, *(torch.tensor(places, device=device) for places in (shown, tokens, taken)))

    def fill(self, stream: Tensor) -> Tensor:
        """Of a stream (tokens, ...) the filled groups' rows (rows, ...)."""
        return stream.index_select(0, self.shown)

    def put_back(self, filled: Tensor, stream: Tensor) -> None:
        """Let the groups' tokens in `stream` be what their rows in `filled` are."""
        stream.index_copy_(0, self.tokens, filled.index_select(0, self.taken))


def whole_panels(rows: int) -> int:
    """The next number of rows that leaves none over."""
    return rows + -rows % _PANEL


def _missing(rows: int) -> int:
    return -rows % _PANEL if rows < _MANY else 0
