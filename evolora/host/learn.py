"""Learning within a lifetime: one batched forward and backward for many organisms, gradients for adapters only.

The learner is group-relative policy gradient (GRPO, Shao et al. 2024, without its KL term and with one on-policy
step, so that the importance ratio is 1): minus the advantage-weighted log-probability of an organism's own answers,
averaged over its answer tokens. Adam (Kingma & Ba 2015) runs per organism: own moments, own step count, own rate.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evolora.host.attention import Tree
from evolora.host.bank import Bank, BankHooks, StackedFactors, adapted_sites, stack_factors
from evolora.host.layout import make_grid
from evolora.organism.genome import Factors, Genome, OptimizerState, SiteShape
from evolora.organism.learning import Learner, Learnt, Lesson

BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True)
class PolicyGradient:
    """Reinforcement of an organism's own answers. `max_batch_tokens` bounds one backward pass, and so memory."""

    model: nn.Module
    hooks: BankHooks
    sites: Sequence[SiteShape]
    max_gradient_norm: float
    max_batch_tokens: int

    def learn(self, learners: Mapping[int, Learner], lessons: Sequence[Lesson]) -> dict[int, Learnt]:
        """One Adam step of every organism with a non-zero advantage; the others come back unchanged."""
        learnt = {
            identity: Learnt(learner.genome, learner.optimizer, loss=0.0, gradient_norm=0.0)
            for identity, learner in learners.items()
        }
        for page in _pages(lessons, self.max_batch_tokens):
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
            for batch in _micro_batches(page, self.max_batch_tokens):
                batch_losses = self._losses(batch, weights, scalings) / tokens
                batch_losses.sum().backward()  # type: ignore[no-untyped-call]
                losses += batch_losses.detach()
        return weights.step(learners, losses, self.max_gradient_norm)

    def _losses(self, batch: list[tuple[int, Lesson]], weights: "_Weights", scalings: Tensor) -> Tensor:
        """Summed policy-gradient loss of each organism of the page (organisms,) over one micro-batch."""
        device = scalings.device
        packed = _pack(batch, len(scalings), device)
        bank = Bank(
            len(scalings),
            {n: StackedFactors(s.a, s.b * scalings[:, None, None]) for n, s in weights.sites.items()},
        )
        with self.hooks.applied(bank, make_grid(packed.counts, device)):
            out = self.model(
                input_ids=packed.ids[None],
                position_ids=packed.positions[None],
                logits_to_keep=packed.sources,
                use_cache=False,
                stream=packed.tree,
            )
        logits = out.logits[0].index_select(0, packed.source_of_target).float() / packed.temperatures[:, None]
        surprise = F.cross_entropy(logits, packed.targets, reduction="none")  # (answer tokens,)
        return torch.zeros_like(scalings).index_add(0, packed.owners, packed.advantages * surprise)


def _pages(lessons: Sequence[Lesson], max_tokens: int) -> Iterator[dict[int, list[Lesson]]]:
    """Group useful lessons by organism, then organisms into pages of at most `max_tokens` (or one organism)."""
    own: dict[int, list[Lesson]] = {}
    for lesson in lessons:
        if any(lesson.advantages) and all(lesson.answers):
            own.setdefault(lesson.organism_id, []).append(lesson)
    page: dict[int, list[Lesson]] = {}
    size = 0
    for identity in sorted(own):
        need = sum(lesson.num_tokens for lesson in own[identity])
        if page and size + need > max_tokens:
            yield page
            page, size = {}, 0
        page[identity] = own[identity]
        size += need
    if page:
        yield page


def _micro_batches(page: Mapping[int, list[Lesson]], max_tokens: int) -> Iterator[list[tuple[int, Lesson]]]:
    """Cut a page into batches of (row of the page, lesson); several only where an organism exceeds the limit alone."""
    batch: list[tuple[int, Lesson]] = []
    size = 0
    for row, lessons in enumerate(page.values()):
        for lesson in lessons:
            if batch and size + lesson.num_tokens > max_tokens:
                yield batch
                batch, size = [], 0
            batch.append((row, lesson))
            size += lesson.num_tokens
    yield batch


@dataclass(frozen=True)
class _Packed:
    """Lessons as one stream. `sources` are the stream positions whose logits are needed, `source_of_target` (answer
    tokens,) says which of them predicts each target; `owners`, `advantages`, `temperatures` are per answer token."""

    ids: Tensor
    positions: Tensor
    counts: list[int]
    tree: Tree
    sources: Tensor
    source_of_target: Tensor
    targets: Tensor
    owners: Tensor
    advantages: Tensor
    temperatures: Tensor


def _pack(batch: list[tuple[int, Lesson]], num_organisms: int, device: torch.device) -> _Packed:
    ids: list[int] = []
    positions: list[int] = []
    branches: list[int] = []
    sources: list[int] = []
    per_target: list[tuple[int, int, int, float, float]] = []  # source, target, owner, advantage, temperature
    counts, lengths = [0] * num_organisms, []
    for owner, lesson in batch:
        start, prompt = len(ids), lesson.prompt_ids
        ids += prompt
        positions += range(len(prompt))
        branches += [0] * len(prompt)
        sources.append(len(ids) - 1)
        first = len(sources) - 1
        for branch, (answer, advantage) in enumerate(zip(lesson.answers, lesson.advantages, strict=True), start=1):
            source = first
            for place, token in enumerate(answer):
                per_target.append((source, token, owner, advantage, lesson.temperature))
                if place + 1 < len(answer):  # the last token predicts nothing that is scored
                    ids.append(token)
                    positions.append(len(prompt) + place)
                    branches.append(branch)
                    sources.append(len(ids) - 1)
                    source = len(sources) - 1
        lengths.append(len(ids) - start)
        counts[owner] += len(ids) - start
    grid = make_grid(lengths, device)
    predictors, target, owner_of, advantage_of, temperature_of = zip(*per_target, strict=True)
    position_tensor = torch.tensor(positions, device=device)
    branch_cells = grid.place(torch.tensor(branches, device=device) + 1) - 1  # empty cells become -1
    return _Packed(
        torch.tensor(ids, device=device),
        position_tensor,
        counts,
        Tree(grid, grid.place(position_tensor), branch_cells),
        torch.tensor(sources, device=device),
        torch.tensor(predictors, device=device),
        torch.tensor(target, device=device),
        torch.tensor(owner_of, device=device),
        torch.tensor(advantage_of, device=device),
        torch.tensor(temperature_of, device=device),
    )


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
            sites[site.name] = StackedFactors(whole.a.to(device).requires_grad_(), whole.b.to(device).requires_grad_())
        return cls(sites, shapes, rank, device)

    @torch.no_grad()
    def step(self, learners: Mapping[int, Learner], losses: Tensor, max_gradient_norm: float) -> dict[int, Learnt]:
        """Clip each organism's gradient to `max_gradient_norm`, take one Adam step each, unstack."""
        gradients = {name: (_gradient(site.a), _gradient(site.b)) for name, site in self.sites.items()}
        squares = torch.stack([g.square().sum((1, 2)) for pair in gradients.values() for g in pair]).sum(0)
        norms = squares.sqrt()  # (organisms,)
        clip = (max_gradient_norm / norms.clamp(min=max_gradient_norm))[:, None, None]
        steps = [1 + (0 if learner.optimizer is None else learner.optimizer.step) for learner in learners.values()]
        rates = torch.tensor([learner.genome.traits.learning_rate for learner in learners.values()], device=self.device)
        schedule = _Schedule.of(rates, steps)
        new: list[tuple[dict[str, Factors], dict[str, Factors], dict[str, Factors]]] = [({}, {}, {}) for _ in learners]
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
            for i, learner in enumerate(learners.values()):
                if shape.name in learner.genome.factors:
                    for kind in range(3):
                        new[i][kind][shape.name] = _unstack(
                            updated[0][kind][i], updated[1][kind][i], learner.genome.traits.rank
                        )
        return {
            identity: self._conclude(learner, new[i], steps[i], float(losses[i]), float(norms[i]))
            for i, (identity, learner) in enumerate(learners.items())
        }

    @staticmethod
    def _conclude(
        learner: Learner,
        new: tuple[dict[str, Factors], dict[str, Factors], dict[str, Factors]],
        step: int,
        loss: float,
        norm: float,
    ) -> Learnt:
        genome = learner.genome.with_factors(new[0])
        if not (torch.isfinite(torch.tensor([loss, norm])).all() and genome.is_finite()):
            return Learnt(
                learner.genome,
                learner.optimizer,
                loss,
                norm,
                fault="learning gave weights that are not finite",
            )
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
