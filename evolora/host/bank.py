"""The bank: a population's adapters stacked, so that all organisms answer in one batch of the frozen host.

For every adapted site the bank holds `a` (organisms, rank, in) and `b` (organisms, rank, out) in compute dtype,
with `scaling` folded into `b`. Lower ranks and absent sites are zero-padded, which adds exactly nothing. A forward
hook on each adapted linear layer adds x · a · b to the rows of each organism; the host's weights are never copied.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evolora.host.layout import Grid
from evolora.organism.genome import Factors, Genome, SiteShape

_LONG_RUN = 24  # mean tokens per organism from which products run by run beat one padded product


@dataclass(frozen=True, eq=False)
class StackedFactors:
    """One site's adapters: `a` (organisms, rank, in) and `b` (organisms, rank, out)."""

    a: Tensor
    b: Tensor


@dataclass(frozen=True, eq=False)
class Bank:
    """Stacked adapters of `num_organisms` organisms; organism i of the stack owns the i-th group of tokens."""

    num_organisms: int
    sites: Mapping[str, StackedFactors]

    def select(self, organisms: Tensor) -> "Bank":
        """The bank of some organisms only, in the order of the index (organisms',)."""
        chosen = {
            name: StackedFactors(site.a.index_select(0, organisms), site.b.index_select(0, organisms))
            for name, site in self.sites.items()
        }
        return Bank(len(organisms), chosen)


def stack_factors(factors: Sequence[Factors | None], site: SiteShape, rank: int) -> StackedFactors:
    """Stack one site's factors in float32, zero-padded to `rank`; None: the organism does not adapt it."""
    a = torch.zeros(len(factors), rank, site.in_features)
    b = torch.zeros(len(factors), rank, site.out_features)
    for i, own in enumerate(factors):
        if own is not None:
            a[i, : own.rank] = own.a
            b[i, : own.rank] = own.b.T
    return StackedFactors(a, b)


def adapted_sites(genomes: Sequence[Genome], sites: Sequence[SiteShape]) -> list[SiteShape]:
    """The sites that at least one of `genomes` adapts."""
    return [site for site in sites if any(site.name in genome.factors for genome in genomes)]


def stack_genomes(
    genomes: Sequence[Genome], sites: Sequence[SiteShape], dtype: torch.dtype, device: torch.device
) -> Bank:
    """The bank of `genomes`, in their order. Sites that nobody adapts are left out."""
    rank = max(genome.traits.rank for genome in genomes)
    scalings = torch.tensor([genome.scaling for genome in genomes])[:, None, None]
    stacked = {}
    for site in adapted_sites(genomes, sites):
        whole = stack_factors([genome.factors.get(site.name) for genome in genomes], site, rank)
        stacked[site.name] = StackedFactors(whole.a.to(device, dtype), (whole.b * scalings).to(device, dtype))
    return Bank(len(genomes), stacked)


def add_deltas(inputs: Tensor, outputs: Tensor, factors: StackedFactors, grid: Grid) -> Tensor:
    """`outputs` (tokens, out) plus each organism's delta applied to its own rows of `inputs` (tokens, in)."""
    a, b = factors.a.to(inputs.dtype), factors.b.to(inputs.dtype)
    if not torch.is_grad_enabled() and grid.index is not None and len(inputs) >= _LONG_RUN * grid.groups:
        return _add_in_runs(inputs, outputs, a, b, grid.counts)
    hidden = torch.bmm(grid.place(inputs), a.transpose(1, 2))  # (organisms, width, rank)
    if grid.index is not None:
        return outputs + grid.take(torch.bmm(hidden, b))
    placed = outputs.view(grid.groups, grid.width, -1)
    if torch.is_grad_enabled():
        return torch.baddbmm(placed, hidden, b).view_as(outputs)
    return placed.baddbmm_(hidden, b).view_as(outputs)  # in place: saves writing the wide outputs twice


def _add_in_runs(inputs: Tensor, outputs: Tensor, a: Tensor, b: Tensor, counts: Sequence[int]) -> Tensor:
    """The same, one organism's run of tokens after the other: for long uneven runs cheaper than a padded rectangle."""
    start = 0
    for organism, count in enumerate(counts):
        if count:
            run = slice(start, start + count)
            outputs[run].addmm_(inputs[run] @ a[organism].T, b[organism])
            start += count
    return outputs


class BankHooks:
    """Hooks on the host's adapted sites. Nothing happens outside `applied(...)`, where one bank is in force."""

    def __init__(self, model: nn.Module, sites: Sequence[SiteShape]) -> None:
        self._bank: Bank | None = None
        self._grid: Grid | None = None
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

    def _make_hook(self, name: str):  # type: ignore[no-untyped-def]  # torch's own hook type is Any
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
            if self._bank is None or self._grid is None or name not in self._bank.sites:
                return None
            x = inputs[0]
            flat = add_deltas(
                x.reshape(-1, x.shape[-1]),
                output.reshape(-1, output.shape[-1]),
                self._bank.sites[name],
                self._grid,
            )
            return flat.view_as(output)

        return hook
