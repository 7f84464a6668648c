"""Ways of learning within a lifetime: each a file, behind `method.LearningMethod`."""

from evolora.lifecycle.learning.evolution import Evolution
from evolora.lifecycle.learning.imitate import Imitate
from evolora.lifecycle.learning.imitate_self import ImitateSelf
from evolora.lifecycle.learning.method import LearningMethod, Trial, Tried
from evolora.lifecycle.learning.reinforce import Reinforce

__all__ = ["Evolution", "Imitate", "ImitateSelf", "LearningMethod", "Reinforce", "Trial", "Tried"]
