"""Decay: what every child loses toward the host."""

from evolora.errors import GenomeError
from evolora.organism.genome import Factors, Genome


def decay(genome: Genome, share: float) -> Genome:
    """The genome with every delta multiplied by 1 - `share`; A is kept, so its directions stay learnable.

    Raises:
        GenomeError: `share` is outside [0, 1].
    """
    if not 0.0 <= share <= 1.0:
        raise GenomeError(f"decay: expected a share in [0, 1], got {share}")
    return genome.with_factors({site: Factors(a=f.a, b=f.b * (1.0 - share)) for site, f in genome.factors.items()})
