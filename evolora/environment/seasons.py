"""Seasons and shocks: what changes a niche's inflow and price, as pure functions of the generation."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Quantity = Literal["price", "inflow"]


@dataclass(frozen=True)
class Season:
    """A cycle of one niche's inflow. `period` and `phase` are in generations, `amplitude` is in [0, 1]."""

    niche: str
    period: int
    amplitude: float
    phase: int = 0

    def factor(self, generation: int) -> float:
        """1 + amplitude · sin(2π (generation + phase) / period); 1 on average over a period."""
        turn = ((generation + self.phase) % self.period) / self.period
        return max(0.0, 1.0 + self.amplitude * math.sin(2 * math.pi * turn))


@dataclass(frozen=True)
class Shock:
    """From generation `at`, for `duration` generations, a niche's price or inflow is times `factor`."""

    niche: str
    at: int
    factor: float
    duration: int = 1
    quantity: Quantity = "inflow"

    def factor_at(self, generation: int) -> float:
        """`factor` while the shock lasts, else 1."""
        return self.factor if self.at <= generation < self.at + self.duration else 1.0


def inflow_factor(niche: str, generation: int, seasons: Iterable[Season], shocks: Iterable[Shock]) -> float:
    """The product of the seasons and inflow shocks of `niche` at `generation`."""
    seasonal = math.prod(season.factor(generation) for season in seasons if season.niche == niche)
    return seasonal * _shock_factor(niche, generation, shocks, "inflow")


def price_factor(niche: str, generation: int, shocks: Iterable[Shock]) -> float:
    """The product of the price shocks of `niche` at `generation`."""
    return _shock_factor(niche, generation, shocks, "price")


def _shock_factor(niche: str, generation: int, shocks: Iterable[Shock], quantity: Quantity) -> float:
    hits = (shock for shock in shocks if shock.niche == niche and shock.quantity == quantity)
    return math.prod((shock.factor_at(generation) for shock in hits), start=1.0)
