"""Chemostats, seasons and shocks are exact functions of their arguments."""

import math

import pytest

from evolora.environment.chemostat import inflow_amount, outflow_amount, to_micro
from evolora.environment.seasons import Season, Shock, inflow_factor, price_factor


@pytest.mark.parametrize("period", [1, 2, 5, 12])
@pytest.mark.parametrize("amplitude", [0.0, 0.5, 1.0])
def test_a_season_takes_nothing_away_on_average_and_repeats(period: int, amplitude: float) -> None:
    season = Season("meadow", period, amplitude, phase=3)
    factors = [season.factor(generation) for generation in range(period)]
    assert sum(factors) / period == pytest.approx(1.0)
    assert min(factors) >= 0
    assert [season.factor(generation + 7 * period) for generation in range(period)] == factors


def test_a_season_follows_the_sine_of_its_phase() -> None:
    season = Season("meadow", period=8, amplitude=0.5, phase=1)
    assert season.factor(1) == pytest.approx(1.5)
    assert season.factor(5) == pytest.approx(0.5)
    assert season.factor(0) == pytest.approx(1 + 0.5 * math.sin(math.pi / 4))


def test_a_shock_lasts_as_long_as_it_says_and_touches_only_its_niche_and_quantity() -> None:
    shocks = [
        Shock("meadow", at=3, factor=0.0, duration=2),
        Shock("meadow", at=4, factor=2.0, quantity="price"),
    ]
    assert [inflow_factor("meadow", generation, [], shocks) for generation in range(7)] == [
        1,
        1,
        1,
        0,
        0,
        1,
        1,
    ]
    assert [price_factor("meadow", generation, shocks) for generation in range(7)] == [1, 1, 1, 1, 2, 1, 1]
    assert all(inflow_factor("forest", generation, [], shocks) == 1 for generation in range(7))


def test_seasons_and_shocks_multiply() -> None:
    seasons = [Season("meadow", period=4, amplitude=1.0), Season("forest", period=4, amplitude=1.0)]
    assert inflow_factor("meadow", 1, seasons, [Shock("meadow", at=1, factor=0.5)]) == pytest.approx(1.0)


def test_inflow_stops_at_capacity_and_never_takes_away() -> None:
    assert inflow_amount(0, inflow=20, capacity=100) == 20_000_000
    assert inflow_amount(0, inflow=20, capacity=100, factor=1.5) == 30_000_000
    assert inflow_amount(to_micro(95), inflow=20, capacity=100) == 5_000_000
    assert inflow_amount(to_micro(120), inflow=20, capacity=100) == 0
    assert inflow_amount(0, inflow=20, capacity=100, factor=0) == 0


@pytest.mark.parametrize("stock", [0, 1, 9, 10, 999_999, 123_456_789_012])
@pytest.mark.parametrize("outflow", [0.0, 0.1, 0.3333, 1.0])
def test_outflow_is_a_whole_amount_between_nothing_and_everything(stock: int, outflow: float) -> None:
    lost = outflow_amount(stock, outflow)
    assert isinstance(lost, int)
    assert 0 <= lost <= stock
    assert lost == pytest.approx(stock * outflow, abs=1)
    assert outflow_amount(stock, 1.0) == stock


def test_a_stock_nobody_eats_settles_at_inflow_over_outflow() -> None:
    stock = 0
    for _ in range(400):
        stock -= outflow_amount(stock, 0.1)
        stock += inflow_amount(stock, inflow=5, capacity=100)
    assert stock / 1_000_000 == pytest.approx(50, abs=1e-3)
