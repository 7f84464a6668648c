"""Rows of unequal lengths in several rectangles, not one: attention takes time by the square of a row's length."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from evolora.host.layout import Cells, Grid, aligned

_WORTHWHILE = 1 << 13  # pairs of places (query, key) that a rectangle of its own must save


@dataclass(frozen=True)
class Buckets:
    """`cells` are what each rectangle shows, `taken` (tokens,) is where each token of the stream is in the flattened
    rectangles, one behind the other."""

    cells: Sequence[Cells]
    taken: Tensor

    @classmethod
    def of(cls, grid: Grid) -> "Buckets":
        """The groups of a grid by length. A row's rectangle is as `grid` would show it, without most of its padding."""
        counts = torch.tensor(grid.counts)
        cells, starts, end = [], torch.zeros(grid.groups, dtype=torch.long), 0
        for width, rows in _divided(grid):
            cells.append(Cells(grid.cells(width).table[torch.tensor(rows, device=grid.device)]))
            starts[torch.tensor(rows)] = end + width * torch.arange(len(rows))
            end += width * len(rows)
        within = torch.arange(int(counts.sum())) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
        return cls(cells, (torch.repeat_interleave(starts, counts) + within).to(grid.device))

    def take(self, rectangles: Sequence[Tensor]) -> Tensor:
        """Each rectangle (rows, width, ...) back to one stream (tokens, ...)."""
        return torch.cat([rectangle.flatten(0, 1) for rectangle in rectangles]).index_select(0, self.taken)


def _divided(grid: Grid) -> list[tuple[int, list[int]]]:
    """(width, rows), narrow ones first; a GPU, which fills in one call what it would wait for in several, gets one."""
    widths = [aligned(length) if grid.device.type == "cpu" else grid.width for length in grid.counts]
    found: list[tuple[int, list[int]]] = []
    waiting: list[int] = []
    for width, wider in pairwise([*sorted(set(widths)), 0]):
        waiting += [row for row, own in enumerate(widths) if own == width]
        if not wider or len(waiting) * (wider**2 - width**2) >= _WORTHWHILE:
            found.append((width, sorted(waiting)))
            waiting = []
    return found
