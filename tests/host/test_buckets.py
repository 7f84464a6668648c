"""Attention over rows of unequal lengths in several rectangles is attention over each row alone."""

import pytest
import torch

from evolora.host.attention import Prefill, Scoring
from evolora.host.buckets import Buckets, by_length
from evolora.host.layout import attention_grid

CPU = torch.device("cpu")
LENGTHS = [100, 3, 17, 90, 16, *[5] * 40, 64, 33, 128, 1, *[30] * 12]


def test_every_token_is_shown_once_and_found_again():
    buckets = by_length(LENGTHS, CPU)
    assert [cells.table.shape[1] for cells in buckets.cells] == sorted({c.table.shape[1] for c in buckets.cells})
    assert len(buckets.cells) > 2
    assert sum(cells.table.shape[0] for cells in buckets.cells) == len(LENGTHS)
    assert sum(cells.table.numel() for cells in buckets.cells) < 0.5 * len(LENGTHS) * 128
    tokens = torch.arange(sum(LENGTHS) * 4).view(-1, 2, 2)
    assert torch.equal(buckets.take([rows.transpose(1, 2) for rows in buckets.show(tokens)]), tokens)
    assert torch.equal(buckets.take(buckets.place(tokens)), tokens)
    assert sum(int(rows.sum()) for rows in buckets.place(tokens)) == int(tokens.sum())


def test_a_gradient_goes_where_its_token_went():
    generator = torch.Generator().manual_seed(0)
    lengths = [3, 20, 1, 18]
    tokens = torch.randn(sum(lengths), 2, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    buckets = Buckets.of(lengths, [(16, [2, 0]), (32, [1, 3])], CPU)

    def there_and_back(tokens):
        return buckets.take([torch.sin(rows).transpose(1, 2) for rows in buckets.show(tokens)])

    torch.testing.assert_close(there_and_back(tokens), torch.sin(tokens))
    assert torch.autograd.gradcheck(there_and_back, tokens)


def test_rows_that_are_hardly_shorter_stay_in_one_rectangle():
    assert len(by_length([60, 64, 50, 40], CPU).cells) == 1
    assert len(by_length([39] * 64, CPU).cells) == 1
    assert [c.table.shape[1] for c in by_length([20] * 8 + [96], CPU).cells] == [32, 96]


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
