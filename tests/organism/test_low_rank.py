import pytest
import torch

from evolora.organism.genome import Factors
from evolora.organism.low_rank import (
    inner_product,
    normal,
    resized,
    revive,
    squared_norm,
    truncate,
    truncate_dense,
)
from evolora.rng import stream


def dense_best(matrix: torch.Tensor, rank: int) -> torch.Tensor:
    u, s, vh = torch.linalg.svd(matrix.double(), full_matrices=False)
    return (u[:, :rank] * s[:rank]) @ vh[:rank]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("rank", [1, 3, 6, 9])
def test_truncation_is_the_best_of_its_rank_and_states_its_error(seed: int, rank: int) -> None:
    rng = stream(seed, "truncate")
    b, a = normal((30, 6), rng), normal((6, 20), rng)
    dense = b.double() @ a.double()
    result = truncate(b, a, rank)
    got = result.factors.product().double()
    assert result.factors.rank == rank
    best = dense_best(dense, rank)
    assert (got - best).norm() <= 1e-4 * dense.norm()
    assert abs((got - dense).norm() - (best - dense).norm()) <= 1e-4 * dense.norm()
    assert result.squared_norm == pytest.approx(float(dense.norm()) ** 2, rel=1e-4)
    rounding = 1e-5 * float(dense.norm())
    assert result.squared_error**0.5 == pytest.approx(float((got - dense).norm()), rel=1e-4, abs=rounding)


def test_truncated_factors_share_the_singular_values_evenly() -> None:
    rng = stream(1)
    f = truncate(normal((30, 6), rng), normal((6, 20), rng), 4).factors
    torch.testing.assert_close(f.a.norm(dim=1), f.b.norm(dim=0))


@pytest.mark.parametrize("shape", [(3, 40), (40, 3), (3, 3)])
def test_truncation_works_where_the_stack_is_wider_than_the_matrix(shape: tuple[int, int]) -> None:
    rng = stream(2)
    b, a = normal((shape[0], 8), rng), normal((8, shape[1]), rng)
    result = truncate(b, a, 5)
    torch.testing.assert_close(result.factors.product(), b @ a, atol=1e-4, rtol=1e-4)
    assert result.factors.rank == 5 and result.squared_error < 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_dense_truncation_is_near_the_best_and_measures_its_error(seed: int) -> None:
    rng = stream(seed, "dense")
    signal = normal((60, 5), rng) @ normal((5, 80), rng)
    matrix = signal + 0.3 * normal((60, 80), rng)
    result = truncate_dense(matrix, normal((2, 80), rng), 5, rng)
    lost = float((matrix - result.factors.product()).norm())
    assert result.squared_error**0.5 == pytest.approx(lost, rel=1e-4)
    assert lost <= 1.001 * float((matrix - dense_best(matrix, 5)).norm())


def test_dense_truncation_of_zeros_is_zero() -> None:
    result = truncate_dense(torch.zeros(9, 7), torch.zeros(0, 7), 2, stream(0))
    assert result.squared_norm == 0.0 and result.squared_error == 0.0
    assert not result.factors.product().any()


@pytest.mark.parametrize("seed", range(5))
def test_norms_and_inner_products_match_dense_ones(seed: int) -> None:
    rng = stream(seed)
    first = Factors(a=normal((3, 20), rng), b=normal((30, 3), rng))
    second = Factors(a=normal((5, 20), rng), b=normal((30, 5), rng))
    dense = float((first.product().double() * second.product().double()).sum())
    assert inner_product(first, second) == pytest.approx(dense, rel=1e-4, abs=1e-3)
    assert squared_norm(first) == pytest.approx(float(first.product().norm()) ** 2, rel=1e-4)


def test_resizing_up_and_back_keeps_the_matrix() -> None:
    rng = stream(3)
    f = Factors(a=normal((3, 20), rng), b=normal((30, 3), rng))
    wide = resized(f, 6).factors
    assert wide.rank == 6
    torch.testing.assert_close(wide.product(), f.product())
    torch.testing.assert_close(resized(wide, 3).factors.product(), f.product(), atol=1e-5, rtol=1e-4)


def test_a_dead_direction_is_revived_without_changing_the_matrix() -> None:
    rng = stream(4)
    f = resized(Factors(a=normal((3, 20), rng), b=normal((30, 3), rng)), 5).factors
    alive = revive(f, rng)
    assert (alive.a.abs().sum(dim=1) > 0).all()
    assert torch.equal(alive.product(), f.product())
    assert revive(alive, rng) is alive
