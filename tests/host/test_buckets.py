"""Attention over rows of unequal lengths in several rectangles is attention over each row alone."""

import pytest
import torch

from evolora.host.attention import Prefill, Scoring
from evolora.host.buckets import Buckets
from evolora.host.layout import attention_grid

CPU = torch.device("cpu")
LENGTHS = [100, 3, 17, 90, 16, *[5] * 40, 64, 33, 128, 1, *[30] * 12]


def test_every_token_is_shown_once_and_found_again():
    grid = attention_grid(LENGTHS, CPU)
    buckets = Buckets.of(grid)
    assert [cells.table.shape[1] for cells in buckets.cells] == sorted({c.table.shape[1] for c in buckets.cells})
    assert len(buckets.cells) > 2
    assert sum(cells.table.shape[0] for cells in buckets.cells) == len(LENGTHS)
    assert sum(cells.table.numel() for cells in buckets.cells) < 0.5 * grid.groups * grid.width
    tokens = torch.arange(sum(LENGTHS) * 4).view(-1, 2, 2)
    shown = [cells.show(tokens).transpose(1, 2) for cells in buckets.cells]
    assert torch.equal(buckets.take(shown), tokens)


def test_rows_that_are_hardly_shorter_stay_in_one_rectangle():
    assert len(Buckets.of(attention_grid([60, 64, 50, 40], CPU)).cells) == 1
    assert len(Buckets.of(attention_grid([39] * 64, CPU)).cells) == 1
    assert [c.table.shape[1] for c in Buckets.of(attention_grid([20] * 8 + [96], CPU)).cells] == [32, 96]


class _Store:
    places = 160

    def store(self, layer, keys, values):
        self.keys, self.values = keys, values


@pytest.mark.parametrize("scoring", [Scoring(0.3), Scoring(0.3, window=9), Scoring(0.3, softcap=2.0)])
@pytest.mark.parametrize("lengths", [LENGTHS, [32] * 5, [39] * 5])
def test_rows_see_what_they_see_alone(lengths, scoring):
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(sum(lengths), heads, 8, generator=generator) for heads in (4, 2, 2))
    store = _Store()
    for cache in (None, store):
        together = Prefill(attention_grid(lengths, CPU), cache).attend(0, q, k, v, scoring)
        rows = zip(*(t.split(lengths) for t in (q, k, v)), strict=True)
        alone = [Prefill(attention_grid([len(row[0])], CPU)).attend(0, *row, scoring) for row in rows]
        torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-6)
    for row, (keys, values) in enumerate(zip(k.split(lengths), v.split(lengths), strict=True)):
        assert torch.equal(store.keys[row, :, : len(keys)], keys.transpose(0, 1))
        assert torch.equal(store.values[row, :, : len(keys)], values.transpose(0, 1))
