"""How a niche's stock grows and drains, in whole millionths of energy, the ledger's unit.

R' = R · (1 - outflow) + inflow, up to a capacity: the resource equation of Avida's limited resources.
"""

MICRO_PER_ENERGY = 1_000_000


def to_micro(energy: float) -> int:
    """`energy` in millionths, to the nearest whole one."""
    return round(energy * MICRO_PER_ENERGY)


def inflow_amount(stock: int, inflow: float, capacity: float, factor: float = 1.0) -> int:
    """Millionths that flow in: `inflow` (energy) times `factor` (seasons, shocks), as far as there is room.

    `stock` is in millionths, `capacity` in energy. A stock above capacity gets and loses nothing here.
    """
    room = max(0, to_micro(capacity) - stock)
    return min(room, max(0, to_micro(inflow * factor)))


def outflow_amount(stock: int, outflow: float) -> int:
    """Millionths of `stock` (millionths) that are lost: the share `outflow` in [0, 1], rounded down."""
    return min(stock, max(0, int(stock * outflow)))
