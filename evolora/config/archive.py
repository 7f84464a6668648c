"""The part of a world file that speaks of its quality-diversity archive."""

from math import prod
from typing import Literal

from pydantic import Field, model_validator

from evolora.config.section import Count, Fraction, Range, Section

TRAITS = ("rank", "mutation_scale", "learning_rate", "temperature", "answer_limit", "num_examples")
BY_NICHE = ("score", "share", "preference")  # written score:NICHE
NICHES = ("trade", "home")  # one bin a niche
PLAIN = (*NICHES, "breadth", "answer_tokens", *TRAITS)
MOST_CELLS = 4096  # each may hold an adapter, in memory and in every checkpoint


class AxisConfig(Section):
    """One axis of behaviour, cut into bins of equal width; what lies outside its bounds counts in the outermost."""

    behaviour: str = Field(
        description="trade (niche in which it remembers to score best), home (niche it visited most this generation, "
        "or with objective home each that it visited), "
        "breadth (0: one niche, 1: all alike), answer_tokens (mean generated tokens of an answer), share:NICHE (of the "
        "score it remembers), score:NICHE (mean), preference:NICHE, or a trait (rank, num_examples, ...).",
    )
    bounds: Range | None = Field(
        None,
        description="Lowest and highest value; None: all it can be (not with preference:NICHE, which has no end).",
    )
    bins: int | None = Field(None, ge=1, description="Bins; None only for trade and home, which have one a niche.")

    @model_validator(mode="after")
    def _complete(self) -> "AxisConfig":
        kind = self.behaviour.partition(":")[0]
        if kind in NICHES:
            if self.bounds is not None or self.bins is not None:
                raise ValueError(f"expected no bounds and no bins with {kind}, which has a bin a niche; leave them out")
            return self
        if not (self.behaviour in PLAIN or kind in BY_NICHE):
            return self  # nobody knows it, which `axis_problems` says
        if self.bins is None:
            raise ValueError(f"expected bins with {self.behaviour}, got none; set how many")
        if self.bounds is None and kind == "preference":
            raise ValueError(f"expected bounds with {self.behaviour}, got none; a log-weight has no end")
        if self.bounds is not None and not self.bounds[0] < self.bounds[1]:
            raise ValueError(f"expected bounds[0] < bounds[1], got {self.bounds}")
        return self


class ArchiveConfig(Section):
    """Elites by behaviour: the best adapter ever seen in each cell of a grid, kept when its organism is dead."""

    enabled: bool = Field(False, description="Whether there is an archive.")
    axes: list[AxisConfig] = Field(
        [AxisConfig(behaviour="trade"), AxisConfig(behaviour="breadth", bins=8)],
        min_length=1,
        description="Axes of behaviour; the archive has a cell for each combination of their bins.",
    )
    objective: Literal["all", "home"] = Field(
        "all",
        description="What elites are compared by, the mean score over tasks they remember: all of them, or those of "
        "a niche (for worlds that change): an organism is then compared in every niche it visited this generation.",
    )
    least_tasks: Count = Field(
        8, description="Tasks an organism must remember before it can become an elite: few are mostly luck."
    )
    parents: Fraction = Field(
        0.0,
        description="Chance that a birth which one organism can pay alone brings in an elite: as the mate where the "
        "payer looks for one, else as the only parent. The payer pays all of it, the elite nothing.",
    )


def axis_problems(config: ArchiveConfig, niches: list[str]) -> list[str]:
    """What is wrong with the axes in a world with these `niches`."""
    problems = []
    names = [axis.behaviour for axis in config.axes]
    for name in names:
        kind, colon, niche = name.partition(":")
        if colon and kind in BY_NICHE and niche not in niches:
            problems.append(f"expected {kind}: and a niche ({', '.join(niches)}), got {name}")
        elif name not in PLAIN and not (colon and kind in BY_NICHE):
            known = ", ".join([*PLAIN, *(f"{kind}:NICHE" for kind in BY_NICHE)])
            problems.append(f"expected a behaviour ({known}), got {name}")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        problems.append(f"expected different behaviours, got {', '.join(repeated)} twice")
    cells = prod(len(niches) if axis.bins is None else axis.bins for axis in config.axes)
    if cells > MOST_CELLS:
        problems.append(f"expected at most {MOST_CELLS:,} cells, got {cells:,}; take fewer bins or axes")
    return problems
