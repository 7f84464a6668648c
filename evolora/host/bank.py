"""The bank: a population's adapters stacked, so that all organisms answer in one batch of the frozen host.

For every adapted site the bank holds `a` (organisms, rank, in) and `b` (organisms, rank, out) in compute dtype,
with `scaling` folded into `b`. Absent sites and what is missing to the highest rank (and that to whole panels) are
zeros, which add exactly nothing. A forward hook on each adapted linear layer adds x · a · b to the rows of each
organism; the host's weights are never copied.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from evolora.host.deltas import StackedFactors, add_deltas
from evolora.host.layout import Grid, Kept, make_grid
from evolora.host.panels import whole_panels
from evolora.organism.genome import Factors, Genome, SiteShape

Listener = Callable[[str, Tensor], None]  # a site's name and its inputs (tokens, in)


@dataclass(frozen=True, eq=False)
class Bank:
    """Stacked adapters of `num_organisms` organisms; organism i of the stack owns the i-th group of tokens.

    All factors are finite: where those of a `sick` organism are not, zeros stand for them, and nobody asks it.
    """

    num_organisms: int
    sites: Mapping[str, StackedFactors]
    sick: frozenset[int] = frozenset()

    def select(self, organisms: Tensor) -> "Bank":
        """The bank of some organisms only, in the order of the index (organisms',)."""
        numbers = organisms.tolist()
        chosen = {
            name: StackedFactors(
                site.a.index_select(0, organisms), site.b.index_select(0, organisms), [site.ranks[i] for i in numbers]
            )
            for name, site in self.sites.items()
        }
        return Bank(len(organisms), chosen)


def stack_factors(factors: Sequence[Factors | None], site: SiteShape, rank: int) -> StackedFactors:
    """Stack one site's factors in float32, zero-padded to `rank`, and each to whole panels; None: the organism does not
    adapt it."""
    rank = whole_panels(rank)
    a = torch.zeros(len(factors), rank, site.in_features)
    b = torch.zeros(len(factors), rank, site.out_features)
    for i, own in enumerate(factors):
        if own is not None:
            a[i, : own.rank] = own.a
            b[i, : own.rank] = own.b.T
    return StackedFactors(a, b, [0 if own is None else whole_panels(own.rank) for own in factors])


def adapted_sites(genomes: Sequence[Genome], sites: Sequence[SiteShape]) -> list[SiteShape]:
    """The sites that at least one of `genomes` adapts."""
    return [site for site in sites if any(site.name in genome.factors for genome in genomes)]


def stack_genomes(
    genomes: Sequence[Genome], sites: Sequence[SiteShape], dtype: torch.dtype, device: torch.device
) -> Bank:
    """The bank of `genomes`, in their order. Sites that nobody adapts are left out."""
    rank = max(genome.traits.rank for genome in genomes)
    scalings = torch.tensor([genome.scaling for genome in genomes])[:, None, None]
    stacked, sick = {}, torch.zeros(len(genomes), dtype=torch.bool)
    for site in adapted_sites(genomes, sites):
        whole = stack_factors([genome.factors.get(site.name) for genome in genomes], site, rank)
        a, b = whole.a.to(dtype), (whole.b * scalings).to(dtype)
        broken = ~(torch.isfinite(a).flatten(1).all(1) & torch.isfinite(b).flatten(1).all(1))
        a[broken], b[broken], sick = 0, 0, sick | broken
        stacked[site.name] = StackedFactors(a.to(device), b.to(device), whole.ranks)
    return Bank(len(genomes), stacked, frozenset(sick.nonzero()[:, 0].tolist()))


class BankHooks:
    """Hooks on the host's adapted sites. Nothing happens outside `applied(...)`, where one bank is in force.

    `sites` are their names; the lowest `common_layers` layers have none of them and can run on distinct tokens only.
    """

    def __init__(self, model: nn.Module, sites: Sequence[SiteShape]) -> None:
        self.sites = frozenset(site.name for site in sites)
        self.common_layers = 0  # until layers are fused that can do that
        self.narrows = False  # likewise: whether the last layer hands on only the tokens that are kept
        self._bank: Bank | None = None
        self._grid: Grid | None = None
        self._listener: Listener | None = None
        for site in sites:
            model.get_submodule(site.name).register_forward_hook(self._make_hook(site.name))

    @contextmanager
    def applied(self, bank: Bank | None, grid: Grid) -> Iterator[None]:
        """Within this context every forward pass adds `bank`'s deltas; `grid` groups the tokens by organism."""
        self._bank, self._grid = bank, grid
        try:
            yield
        finally:
            self._bank, self._grid = None, None

    @contextmanager
    def heard_by(self, listener: Listener) -> Iterator[None]:
        """Within this context `listener` is told each site's name and inputs (tokens, in), as they come."""
        self._listener = listener
        try:
            yield
        finally:
            self._listener = None

    @property
    def in_force(self) -> bool:
        """Whether this is inside `applied(...)`."""
        return self._grid is not None

    def adapts(self, site: str) -> bool:
        """Whether somebody wants the inputs of `site`: the bank in force, or a listener."""
        return self._listener is not None or (self._bank is not None and site in self._bank.sites)

    def add(self, site: str, inputs: Tensor, outputs: Tensor) -> Tensor:
        """`outputs` (tokens, out) with the deltas that the bank in force has for `site` applied to `inputs`."""
        if self._listener is not None:
            self._listener(site, inputs)
        if self._bank is None or self._grid is None or site not in self._bank.sites:
            return outputs
        return add_deltas(inputs, outputs, self._bank.sites[site], self._grid)

    def narrow(self, kept: Kept, *streams: Tensor) -> list[Tensor]:
        """Of `streams` (tokens, ...) those that are `kept`; from here on tokens are grouped as these are."""
        assert self._grid is not None
        self._grid = make_grid(kept.counts, self._grid.device)
        return [stream.index_select(0, kept.index) for stream in streams]

    def read(
        self,
        model: Any,
        bank: Bank | None,
        counts: Sequence[int],
        ids: Tensor,
        positions: Tensor,
        stream: Any,
        kept: Kept | None = None,
    ) -> Tensor:
        """Logits (tokens, vocabulary) of a packed `stream` with `counts` tokens of each of the bank's organisms, or of
        those `kept` alone. `ids` and rotary `positions` are by token."""
        to_keep = 0 if kept is None or self.narrows else kept.index
        with self.applied(bank, make_grid(counts, ids.device)):
            out = model(
                input_ids=ids[None],
                position_ids=positions[None],
                logits_to_keep=to_keep,
                use_cache=False,
                stream=stream,
                kept=kept,
            )
        return out.logits[0]  # type: ignore[no-any-return]

    def _make_hook(self, name: str):  # type: ignore[no-untyped-def]  # torch's own hook type is Any
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
            x = inputs[0]
            if self._listener is not None:
                self._listener(name, x.reshape(-1, x.shape[-1]))
            if self._bank is None or self._grid is None or name not in self._bank.sites:
                return None
            flat = add_deltas(
                x.reshape(-1, x.shape[-1]),
                output.reshape(-1, output.shape[-1]),
                self._bank.sites[name],
                self._grid,
            )
            return flat.view_as(output)

        return hook
