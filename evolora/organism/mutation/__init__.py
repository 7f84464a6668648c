"""Mutation of weights. Importing this package registers the operators it ships with.

To add one: write `@mutation("name") def name(genome, rng) -> Genome` in a file of this folder
and import it here.
"""

from evolora.organism.mutation import noise, structure
from evolora.organism.mutation.decay import decay
from evolora.organism.mutation.registry import MUTATIONS, Mutation, mutate, mutation
from evolora.organism.mutation.structure import resize

__all__ = ["MUTATIONS", "Mutation", "decay", "mutate", "mutation", "noise", "resize", "structure"]
