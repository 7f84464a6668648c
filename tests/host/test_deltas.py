"""Adapters' products: each organism's own rows, alone or in company, with and without gradients."""

import pytest
import torch

from evolora.host import widening
from evolora.host.deltas import StackedFactors, add_deltas, added_one_by_one
from evolora.host.layout import make_grid

COUNTS = (3, 0, 17, 1)
RANKS = (2, 1, 2, 0)  # the last one has no adapter here


@pytest.fixture
def stacked():
    generator = torch.Generator().manual_seed(5)
    a, b = (torch.randn(len(COUNTS), 2, size, generator=generator) for size in (6, 5))
    for i, rank in enumerate(RANKS):
        a[i, rank:], b[i, rank:] = 0, 0
    inputs, outputs = (torch.randn(sum(COUNTS), size, generator=generator) for size in (6, 5))
    return inputs, outputs, StackedFactors(a, b, RANKS), make_grid(COUNTS, torch.device("cpu"))


def by_hand(inputs, outputs, factors):
    """x · aᵀ · b added row by row."""
    owners = [i for i, count in enumerate(COUNTS) for _ in range(count)]
    return torch.stack(
        [out + x @ factors.a[i].T @ factors.b[i] for x, out, i in zip(inputs, outputs, owners, strict=True)]
    )


@pytest.mark.parametrize(
    ("dtype", "in_software"), [(torch.float32, False), (torch.bfloat16, False), (torch.bfloat16, True)]
)
@pytest.mark.parametrize("learning", [False, True])
def test_every_row_gets_its_own_organisms_delta(stacked, monkeypatch, dtype, in_software, learning):
    monkeypatch.setattr(widening, "multiplies_in_software", lambda: in_software)
    inputs, outputs, factors, grid = stacked
    expected = by_hand(inputs, outputs, factors)
    with torch.set_grad_enabled(learning):
        stack = StackedFactors(factors.a.to(dtype), factors.b.to(dtype), RANKS)
        given = outputs.to(dtype).clone()
        got = add_deltas(inputs.to(dtype), given, stack, grid)
    assert learning or got.data_ptr() == given.data_ptr()  # a part of wider numbers may be meant
    torch.testing.assert_close(got.float(), expected, rtol=0, atol=1e-5 if dtype == torch.float32 else 0.2)


def test_an_organisms_numbers_are_the_same_bits_in_any_company(stacked):
    inputs, outputs, factors, grid = stacked
    together = add_deltas(inputs, outputs.clone(), factors, grid)
    start = 0
    for i, count in enumerate(COUNTS):
        own = slice(start, start + count)
        if count:
            alone = add_deltas(
                inputs[own],
                outputs[own].clone(),
                StackedFactors(factors.a[i : i + 1], factors.b[i : i + 1], RANKS[i : i + 1]),
                make_grid([count], torch.device("cpu")),
            )
            assert torch.equal(alone, together[own])
        start += count


def test_gradients_of_products_made_one_by_one_are_the_numerical_ones(stacked):
    inputs, outputs, factors, _ = stacked
    leaves = [t.double().requires_grad_() for t in (inputs, outputs, factors.a, factors.b)]
    assert torch.autograd.gradcheck(lambda *given: added_one_by_one(*given, RANKS, COUNTS), leaves)


def test_spread_tokens_stand_where_placed_ones_do_and_what_is_not_finite_stays_in_its_group():
    counts = (2, 4, 1)
    grid, tokens = make_grid(counts, torch.device("cpu")), torch.arange(14.0).view(7, 2)
    tokens[2] = torch.nan  # the second group's first token, which its empty cells would repeat
    assert torch.equal(grid.take(grid.spread(tokens)).nan_to_num(-1), tokens.nan_to_num(-1))
    assert grid.spread(tokens)[:, :, 0].nan_to_num(-1).tolist() == [[0, 2, 0, 0], [-1, 6, 8, 10], [12, 12, 12, 12]]


def test_spread_of_full_groups_is_a_view():
    grid, tokens = make_grid((2, 2), torch.device("cpu")), torch.randn(4, 3)
    assert grid.spread(tokens).data_ptr() == tokens.data_ptr()
