"""Learning by gradient: one batched forward and backward for many organisms, gradients for adapters only.

The loss is minus the advantage-weighted log-probability of an organism's own answers, averaged over its answer tokens:
with group-relative advantages it is the policy gradient of GRPO (Shao et al. 2024, without its KL term and with one
on-policy step, so that the importance ratio is 1), with advantages of 1 the cross-entropy of supervised fine-tuning.
Adam (Kingma & Ba 2015) runs per organism: own moments, own step count, own rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evolora.host.bank import Bank, BankHooks, adapted_sites, stack_factors
from evolora.host.deltas import StackedFactors
from evolora.host.lessons import micro_batches, pack, pages
from evolora.host.likelihood import surprise
from evolora.organism.genome import Factors, Genome, OptimizerState, SiteShape
from evolora.organism.learning import Learner, Learnt, Lesson

BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True)
class PolicyGradient:
    """Adam on the weighted likelihood of own answers.

    `max_batch_tokens` bounds the tokens of one backward pass, and so memory: a lesson that is longer is cut between
    its answers, so that only one prompt with one answer can ever exceed it.
    """

    model: nn.Module
    hooks: BankHooks
    sites: Sequence[SiteShape]
    max_gradient_norm: float
    max_batch_tokens: int

    def learn(self, learners: Mapping[int, Learner], lessons: Sequence[Lesson]) -> dict[int, Learnt]:
        """One Adam step of every organism with a non-zero advantage and a site to adapt; the others come back
        unchanged."""
        learnt = {
            identity: Learnt(learner.genome, learner.optimizer, loss=0.0, gradient_norm=0.0)
            for identity, learner in learners.items()
        }
        # parents without a site in common can have a child without any: nothing of it has a gradient
        useful = [lesson for lesson in lessons if learners[lesson.organism_id].genome.factors]
        for page in pages(useful, self.max_batch_tokens):
            learnt |= self._learn_page({i: learners[i] for i in page}, page)
        return learnt

    def _learn_page(self, learners: Mapping[int, Learner], page: Mapping[int, list[Lesson]]) -> dict[int, Learnt]:
        """Update the organisms of one page together."""
        device = next(self.model.parameters()).device
        genomes = [learner.genome for learner in learners.values()]
        weights = _Weights.of(genomes, adapted_sites(genomes, self.sites), device)
        scalings = torch.tensor([genome.scaling for genome in genomes], device=device)
        tokens = torch.tensor(
            [sum(len(a) for lesson in own for a in lesson.answers) for own in page.values()], device=device
        )
        losses = torch.zeros(len(genomes), device=device)
        with torch.enable_grad():
            for batch in micro_batches(page, self.max_batch_tokens):
                batch_losses = self._losses(batch, weights, scalings) / tokens
                batch_losses.sum().backward()  # type: ignore[no-untyped-call]
                losses += batch_losses.detach()
        return weights.step(learners, losses, self.max_gradient_norm)

    def _losses(self, batch: list[tuple[int, Lesson]], weights: "_Weights", scalings: Tensor) -> Tensor:
        """Summed policy-gradient loss of each organism of the page (organisms,) over one micro-batch."""
        device = scalings.device
        packed = pack(batch, len(scalings), device, self.hooks.common_layers)
        bank = Bank(
            len(scalings),
            {n: StackedFactors(s.a, s.b * scalings[:, None, None], s.ranks) for n, s in weights.sites.items()},
        )
        logits = self.hooks.read(
            self.model, bank, packed.counts, packed.ids, packed.positions, packed.tree, packed.sources
        )
        losses = surprise(logits, packed.source_of_target, packed.targets, packed.temperatures)
        return torch.zeros_like(scalings).index_add(0, packed.owners, packed.advantages * losses)


@dataclass(frozen=True)
class _Weights:
    """The stacked float32 factors of a page as autograd leaves, by site."""

    sites: dict[str, StackedFactors]
    shapes: Sequence[SiteShape]
    rank: int
    device: torch.device

    @classmethod
    def of(cls, genomes: Sequence[Genome], shapes: Sequence[SiteShape], device: torch.device) -> "_Weights":
        rank = max(genome.traits.rank for genome in genomes)
        sites = {}
        for site in shapes:
            whole = stack_factors([genome.factors.get(site.name) for genome in genomes], site, rank)
            a, b = (factor.to(device).requires_grad_() for factor in (whole.a, whole.b))
            sites[site.name] = StackedFactors(a, b, whole.ranks)
        return cls(sites, shapes, rank, device)

    @torch.no_grad()
    def step(self, learners: Mapping[int, Learner], losses: Tensor, max_gradient_norm: float) -> dict[int, Learnt]:
        """Clip each organism's gradient to `max_gradient_norm`, take one Adam step each, unstack."""
        gradients = {name: (_gradient(site.a), _gradient(site.b)) for name, site in self.sites.items()}
        # In float64, so that rounding to float32 hides in which order numbers were added: that depends on the others.
        wide = torch.float64 if self.device.type != "mps" else torch.float32
        squares = [g.square().sum((1, 2), dtype=wide) for pair in gradients.values() for g in pair]
        norms = torch.stack(squares).sum(0).sqrt().float()  # (organisms,)
        clip = (max_gradient_norm / norms.clamp(min=max_gradient_norm))[:, None, None]
        steps = [1 + (0 if learner.optimizer is None else learner.optimizer.step) for learner in learners.values()]
        rates = torch.tensor([learner.genome.traits.learning_rate for learner in learners.values()], device=self.device)
        schedule = _Schedule.of(rates, steps)
        new: list[tuple[dict[str, Factors], dict[str, Factors], dict[str, Factors]]] = [({}, {}, {}) for _ in learners]
        finite = torch.isfinite(losses) & torch.isfinite(norms)  # (organisms,)
        for shape in self.shapes:
            weights = self.sites[shape.name]
            first, second = (
                stack_factors(_moments(learners, shape.name, which), shape, self.rank) for which in ("first", "second")
            )
            updated = [
                schedule.update(w, g * clip, m.to(self.device), v.to(self.device))
                for w, g, m, v in zip(
                    (weights.a, weights.b),
                    gradients[shape.name],
                    (first.a, first.b),
                    (second.a, second.b),
                    strict=True,
                )
            ]
            for weight, _, _ in updated:
                finite &= torch.isfinite(weight).flatten(1).all(1)
            for i, learner in enumerate(learners.values()):
                if shape.name in learner.genome.factors:
                    for kind in range(3):
                        new[i][kind][shape.name] = _unstack(
                            updated[0][kind][i], updated[1][kind][i], learner.genome.traits.rank
                        )
        return {
            identity: self._conclude(learner, new[i], steps[i], float(losses[i]), float(norms[i]), bool(finite[i]))
            for i, (identity, learner) in enumerate(learners.items())
        }

    @staticmethod
    def _conclude(
        learner: Learner,
        new: tuple[dict[str, Factors], dict[str, Factors], dict[str, Factors]],
        step: int,
        loss: float,
        norm: float,
        finite: bool,
    ) -> Learnt:
        if not finite:
            return Learnt(
                learner.genome,
                learner.optimizer,
                loss,
                norm,
                fault="learning gave weights that are not finite",
            )
        genome = learner.genome.with_factors(new[0])
        return Learnt(genome, OptimizerState(step, new[1], new[2]), loss, norm)


@dataclass(frozen=True)
class _Schedule:
    """Adam's per-organism step sizes and bias corrections, each (organisms, 1, 1)."""

    rates: Tensor
    first_correction: Tensor
    second_correction: Tensor

    @classmethod
    def of(cls, rates: Tensor, steps: list[int]) -> "_Schedule":
        count = torch.tensor(steps, dtype=torch.float64)
        corrections = [(1 - beta**count).float().to(rates.device)[:, None, None] for beta in BETAS]
        return cls(rates[:, None, None], *corrections)

    def update(self, weight: Tensor, gradient: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """New weight and moments."""
        first = BETAS[0] * first + (1 - BETAS[0]) * gradient
        second = BETAS[1] * second + (1 - BETAS[1]) * gradient.square()
        size = first / self.first_correction / ((second / self.second_correction).sqrt() + EPSILON)
        return weight - self.rates * size, first, second


def _gradient(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def _moments(learners: Mapping[int, Learner], site: str, which: str) -> list[Factors | None]:
    states = [learner.optimizer for learner in learners.values()]
    return [None if s is None else (s.first if which == "first" else s.second).get(site) for s in states]


def _unstack(a: Tensor, b: Tensor, rank: int) -> Factors:
    """One organism's (stack rank, in) and (stack rank, out) back to factors of its own rank, on the CPU."""
    return Factors(a[:rank].contiguous().cpu(), b[:rank].T.contiguous().cpu())
