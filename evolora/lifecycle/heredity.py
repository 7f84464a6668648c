"""What a child is born with: mutation of one parent, or a merge of two."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evolora.lifecycle.reproduction import BirthPlan, Conceive, Conception
from evolora.organism.genome import Genome, OptimizerState
from evolora.organism.merging import child_rank, merge, merge_traits
from evolora.organism.mutation import decay, mutate
from evolora.organism.organism import Organism
from evolora.organism.population import Population
from evolora.organism.trait_mutation import mutate_traits
from evolora.organism.traits import TraitRange


@dataclass(frozen=True)
class Heredity:
    """Draws an operator by weight and applies it.

    `mutations` and `merges` map operator names to weights; `decay` is the share of a child's delta lost toward
    the host. A child inherits what the parent's weights are now (`lamarckian`) or were at its birth; with
    `inherit_optimizer` a lamarckian clone keeps its parent's Adam moments where they still fit.
    """

    mutations: Mapping[str, float]
    merges: Mapping[str, float]
    trait_ranges: Mapping[str, TraitRange]
    preference_step: float
    decay: float
    lamarckian: bool
    inherit_optimizer: bool

    def conceiver(self, population: Population) -> Conceive:
        """The function that makes a child's genome, for parents in `population`."""

        def conceive(plan: BirthPlan, _child_id: int, rng: np.random.Generator) -> Conception:
            parents = [plan.parent(identity, population) for identity in plan.parents]
            return self.clone(parents[0], rng) if plan.kind == "clone" else self.merge(parents[0], parents[1], rng)

        return conceive

    def clone(self, parent: Organism, rng: np.random.Generator) -> Conception:
        """The parent with one weight mutation, of its own scale, and then mutated traits: the child's scale is for
        its children."""
        operator = _draw(self.mutations, rng)
        genome = self._grow_up(mutate(operator, self.heritable(parent), self.trait_ranges["rank"], rng), rng)
        return Conception(genome, self._inherited_optimizer(parent, genome), operator)

    def merge(self, first: Organism, second: Organism, rng: np.random.Generator) -> Conception:
        """An even merge of both parents' deltas, with recombined and mutated traits."""
        operator = _draw(self.merges, rng)
        one, other = self.heritable(first), self.heritable(second)
        rank = child_rank(operator, one.traits.rank, other.traits.rank, self.trait_ranges["rank"], rng)
        merged = merge(operator, one, other, 0.5, rank, rng)
        traits = merge_traits(one.traits, other.traits, 0.5, rank, rng)
        return Conception(self._grow_up(Genome(merged.factors, traits, merged.scaling), rng), None, operator)

    def heritable(self, parent: Organism) -> Genome:
        """The weights a child inherits."""
        return parent.settled if self.lamarckian else parent.genome

    def is_fertile(self, parent: Organism) -> bool:
        """Whether a child can be made of what it would inherit."""
        return self.heritable(parent).is_finite()

    def _grow_up(self, genome: Genome, rng: np.random.Generator) -> Genome:
        traits = mutate_traits(genome.traits, self.trait_ranges, self.preference_step, rng)
        decayed = decay(genome, self.decay) if self.decay else genome
        return decayed.with_traits(traits).validated()

    def _inherited_optimizer(self, parent: Organism, genome: Genome) -> OptimizerState | None:
        state = parent.optimizer
        keep = self.lamarckian and self.inherit_optimizer and state is not None and state.fits(genome)
        return state if keep else None


def _draw(weights: Mapping[str, float], rng: np.random.Generator) -> str:
    """A name with probability in proportion to its weight; names in sorted order, so that files may reorder them."""
    names = sorted(weights)
    shares = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]
