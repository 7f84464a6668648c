"""The part of a world file that speaks of traits: heritable numbers beside the weights."""

from typing import Annotated, Generic, TypeVar

from pydantic import Field, model_validator

from evolora.config.section import NonNegative, Section

# Floats, as every range is: resolved worlds write 8.0.
FromOne = Annotated[float, Field(ge=1, multiple_of=1, allow_inf_nan=False)]
UpToPool = Annotated[float, Field(ge=0, le=24, multiple_of=1)]  # a niche has so many worked examples
Bound = TypeVar("Bound", bound=float)


class TraitConfig(Section, Generic[Bound]):
    """One trait: founders are drawn uniformly from `founders`; mutation keeps it inside `bounds`."""

    founders: tuple[Bound, Bound] = Field(description="Range that founders are drawn from, evenly.")
    bounds: tuple[Bound, Bound] = Field(description="Range that mutation keeps it in.")
    step: NonNegative = Field(description="Standard deviation of one mutation (of the logarithm for scales and rates).")

    @model_validator(mode="after")
    def _ordered(self) -> "TraitConfig[Bound]":
        low, high = self.bounds
        if not low <= self.founders[0] <= self.founders[1] <= high:
            raise ValueError(
                f"expected bounds[0] <= founders[0] <= founders[1] <= bounds[1], "
                f"got founders {self.founders}, bounds {self.bounds}"
            )
        return self


class CountTrait(TraitConfig[FromOne]):
    """A trait in whole numbers from 1."""


class ExamplesTrait(TraitConfig[UpToPool]):
    """A number of worked examples."""


class AmountTrait(TraitConfig[NonNegative]):
    """A trait from 0 on."""


class FactorTrait(TraitConfig[NonNegative]):
    """A scale or rate: it mutates by a factor, so that a 0 stays 0."""

    @model_validator(mode="after")
    def _positive_or_none(self) -> "FactorTrait":
        if self.founders[0] == 0 < self.founders[1]:
            raise ValueError(
                f"expected founders above 0, or [0, 0] for none at all (a 0 cannot mutate), got {self.founders}"
            )
        return self


class TraitsConfig(Section):
    """Heritable numbers beside the weights: drawn at founding, mutated at birth."""

    rank: CountTrait = Field(CountTrait(founders=(8, 8), bounds=(2, 16), step=1.0), description="LoRA rank.")
    mutation_scale: FactorTrait = Field(
        FactorTrait(founders=(0.02, 0.05), bounds=(0.001, 0.5), step=0.2),
        description="Relative size of weight mutation; founders and bounds [0, 0]: none.",
    )
    learning_rate: FactorTrait = Field(
        FactorTrait(founders=(1e-3, 1e-3), bounds=(1e-5, 1e-2), step=0.2),
        description="Adam step size; founders and bounds [0, 0]: none.",
    )
    temperature: AmountTrait = Field(
        AmountTrait(founders=(0.8, 1.0), bounds=(0.3, 1.5), step=0.1),
        description="Sampling temperature while foraging.",
    )
    answer_limit: CountTrait = Field(
        CountTrait(founders=(8, 16), bounds=(2, 32), step=2.0), description="Most generated tokens per answer."
    )
    num_examples: ExamplesTrait = Field(
        ExamplesTrait(founders=(0, 2), bounds=(0, 4), step=0.5), description="Worked examples in the prompt."
    )
    niche_preference_step: NonNegative = Field(
        0.3,
        description="Standard deviation of a niche preference (log-weight), at founding and per mutation.",
    )
