"""Adapters on their way between machines: packed in one array, known by their content, kept for the next time."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evolora.organism.genome import Factors
from evolora.organism.perturbation import Noise
from evolora.organism.traits import Traits

SiteFactors = Mapping[str, Factors]


@dataclass(frozen=True, eq=False)
class Parcel:
    """The factors of all sites in one float32 array, site after site, A before B.

    `layout` has (site, rank, in, out) for each; their order is the genome's, which operators draw in.
    """

    layout: tuple[tuple[str, int, int, int], ...]
    values: NDArray[np.float32]

    @property
    def digest(self) -> str:
        """32 hex digits of BLAKE2b over layout and values: equal for equal content, wherever it was made."""
        state = hashlib.blake2b(repr(self.layout).encode(), digest_size=16)
        state.update(self.values.data)
        return state.hexdigest()


@dataclass(frozen=True)
class GenomeTicket:
    """A genome without its weights: `digest` stands for them."""

    digest: str
    traits: Traits
    scaling: float


@dataclass(frozen=True)
class OptimizerTicket:
    """Adam's state without its moments: `first` and `second` are their digests."""

    step: int
    first: str
    second: str


@dataclass(frozen=True)
class BodyTicket:
    """A body to answer with: an organism's genome, or (with `noise`) what organism `organism_id` would be with it."""

    genome: GenomeTicket
    organism_id: int
    noise: Noise | None


@dataclass(frozen=True)
class LearnerTicket:
    """A learner without its weights."""

    genome: GenomeTicket
    optimizer: OptimizerTicket | None


@dataclass(frozen=True)
class LearntTicket:
    """What became of a learner, without the weights."""

    genome: GenomeTicket
    optimizer: OptimizerTicket | None
    loss: float
    gradient_norm: float
    fault: str


def pack(factors: SiteFactors) -> Parcel:
    """The parcel of some factors; their tensors are copied."""
    layout = tuple((site, own.rank, own.a.shape[1], own.b.shape[0]) for site, own in factors.items())
    flat = [tensor.reshape(-1) for own in factors.values() for tensor in (own.a, own.b)]
    return Parcel(layout, torch.cat(flat).numpy() if flat else np.zeros(0, dtype=np.float32))


def unpack(parcel: Parcel) -> dict[str, Factors]:
    """The factors of a parcel, each tensor in memory of its own: what arrives over Ray is read-only and shared."""
    factors, start = {}, 0
    for site, rank, width_in, width_out in parcel.layout:
        a = _copied(parcel.values, start, rank, width_in)
        b = _copied(parcel.values, start + rank * width_in, width_out, rank)
        factors[site] = Factors(a, b)
        start += rank * (width_in + width_out)
    return factors


def _copied(values: NDArray[np.float32], start: int, rows: int, columns: int) -> Tensor:
    return torch.from_numpy(values[start : start + rows * columns].reshape(rows, columns).copy())


class Shelf:
    """Factors by digest, at most `most_bytes` of them: those not used for longest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: OrderedDict[str, SiteFactors] = OrderedDict()
        self._bytes = 0

    def __contains__(self, digest: str) -> bool:
        return digest in self._held

    def __getitem__(self, digest: str) -> SiteFactors:
        self._held.move_to_end(digest)
        return self._held[digest]

    def put(self, digest: str, factors: SiteFactors) -> None:
        """Keep `factors`, and let others go for it; what alone is larger than the shelf is not kept."""
        if digest in self._held:
            self._held.move_to_end(digest)
            return
        self._held[digest] = factors
        self._bytes += _num_bytes(factors)
        while self._bytes > self._most_bytes:
            _, gone = self._held.popitem(last=False)
            self._bytes -= _num_bytes(gone)


def _num_bytes(factors: SiteFactors) -> int:
    return sum(own.a.nbytes + own.b.nbytes for own in factors.values())
