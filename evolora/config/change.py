"""The part of a world file that speaks of change from outside: openings, seasons, arrivals, and the like."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from evolora.calendar import Opening
from evolora.config.section import Count, Fraction, NonNegative, Section

LOOKED_AT = 10_000  # generations in which something must be open: a stranger's world must not keep its reader waiting


class OpeningConfig(Section):
    """When a niche is open; shut, it takes nothing in and nobody can visit it."""

    at: Count = Field(description="Generation in which it opens first.")
    duration: Count = Field(description="Generations that it stays open.")
    every: int | None = Field(None, ge=1, description="Generations from one opening to the next; None: only one.")

    @model_validator(mode="after")
    def _shuts(self) -> "OpeningConfig":
        if self.every is not None and self.every <= self.duration:
            raise ValueError(f"expected duration < every, got {self.duration} and {self.every}; it would never shut")
        return self

    @property
    def rule(self) -> Opening:
        """The same as the environment has it."""
        return Opening(self.at, self.duration, self.every)


class ArrivalsConfig(Section):
    """Newcomers in the course of the run: drawn, and given energy, as founders are."""

    at: Count = Field(description="Generation in which the first come.")
    every: int | None = Field(None, ge=1, description="Generations between arrivals; None: only one.")
    number: Count = Field(1, description="How many come; in a full world death.crowding says who makes room.")


def first_shut(openings: Sequence[OpeningConfig | None], generations: int) -> int | None:
    """The first generation up to `generations` in which nothing is open; None: there is none, as far as is looked."""
    rules = [one.rule for one in openings if one is not None]
    if len(rules) < len(openings):
        return None
    looked_at = range(1, min(generations, LOOKED_AT) + 1)
    return next((g for g in looked_at if not any(rule.includes(g) for rule in rules)), None)


class SeasonConfig(Section):
    """A cycle of one niche's inflow: inflow · (1 + amplitude · sin(2π (generation + phase) / period))."""

    niche: str = Field(description="Name of the niche.")
    period: Count = Field(description="Generations from one peak to the next.")
    amplitude: Fraction = Field(description="How far the inflow swings, as a share of it.")
    phase: int = Field(0, description="Generations by which the cycle is ahead.")


class ShockConfig(Section):
    """At one generation a niche's price or inflow is multiplied by `factor` for `duration` generations."""

    niche: str = Field(description="Name of the niche.")
    at: int = Field(ge=0, description="Generation in which it begins.")
    duration: Count = Field(1, description="Generations that it lasts.")
    quantity: Literal["price", "inflow"] = Field("inflow", description="What is multiplied.")
    factor: NonNegative = Field(description="What it is multiplied by.")


class ExtinctionConfig(Section):
    """A mass extinction: at one generation, and every so many from then on, a share of the living dies."""

    at: Count = Field(description="Generation in which it strikes first.")
    every: int | None = Field(None, ge=1, description="Generations between extinctions; None: only one.")
    share: Fraction = Field(description="Share of the living (by niche: of those at home there) that dies.")
    by: Literal["random", "poorest", "richest", "clade", "niche"] = Field(
        "random", description="Who dies; clade: whole founder lineages, the last as far as the share goes."
    )
    niche: str | None = Field(None, description="With by: niche, whose visitors die; else None.")

    @model_validator(mode="after")
    def _niche_given_where_needed(self) -> "ExtinctionConfig":
        if (self.by == "niche") != (self.niche is not None):
            raise ValueError(f"expected a niche with `by: niche` and only there, got by {self.by}, niche {self.niche}")
        return self


class DifficultyConfig(Section):
    """How the levels of niches that have several follow success."""

    rule: Literal["fixed", "success", "progress"] = Field(
        "fixed",
        description="success: harder above one score, easier below another; progress: where scores change most.",
    )
    harder_above: Fraction = Field(0.7, description="Smoothed mean score above which a niche goes one level up.")
    easier_below: Fraction = Field(0.3, description="Smoothed mean score below which a niche goes one level down.")
    smoothing: Annotated[float, Field(gt=0, le=1)] = Field(
        0.3, description="Weight of a generation's mean score in the smoothed one."
    )
    rest: Count = Field(3, description="Generations with answers that a niche stays at a level at least.")
    explore: Fraction = Field(0.1, description="With rule progress: chance of any level instead of the best.")

    @model_validator(mode="after")
    def _ordered(self) -> "DifficultyConfig":
        if self.easier_below >= self.harder_above:
            raise ValueError(f"expected easier_below < harder_above, got {self.easier_below} >= {self.harder_above}")
        return self
