"""Weights averaged along a life: what learning wanders around is better than any place it has been at."""

from dataclasses import dataclass

from evolora.organism.genome import Factors, Genome


@dataclass(frozen=True, eq=False)
class Average:
    """The mean of `updates` versions of a genome, each with the factors of one organism: the same sites and ranks."""

    genome: Genome
    updates: int

    def after(self, now: Genome, span: int) -> "Average":
        """With one more version: the plain mean of the first few, then the exponential one with weight 2 / (span + 1)
        on the newest, which is about as old as the mean of the last `span`.

        Averages of a learner's versions generalise better than its last one (Polyak & Juditsky 1992; stochastic weight
        averaging: Izmailov et al. 2018). Factors are averaged, not deltas: versions are steps apart, so B A of the
        means is the mean of B A up to second order.
        """
        updates = self.updates + 1
        share = max(1 / updates, 2 / (span + 1))
        factors = {
            site: Factors(old.a.lerp(now.factors[site].a, share), old.b.lerp(now.factors[site].b, share))
            for site, old in self.genome.factors.items()
        }
        return Average(now.with_factors(factors), updates)


def average(before: Average | None, now: Genome, span: int) -> Average | None:
    """The average with version `now`; None where nothing is averaged (a `span` of 1)."""
    if span == 1:
        return None
    return Average(now, 1) if before is None else before.after(now, span)
