"""The part of a world file that speaks of colonies."""

from pydantic import Field, model_validator

from evolora.config.section import Count, Fraction, NonNegative, Section


class ColoniesConfig(Section):
    """Groups that pass tasks to the member who bids best, and share a pot. Off unless enabled."""

    enabled: bool = Field(False, description="Whether organisms may form colonies; needs selection: energy, economy.")
    founding_size: int = Field(4, ge=2, description="Members a colony begins with.")
    max_size: int = Field(12, ge=2, description="Most members of a colony.")
    forwarding_cost: NonNegative = Field(
        0.02, description="Energy that a member burns for each task it passes on, whatever comes of it."
    )
    forwarding_margin: Fraction = Field(
        0.1, description="Score by which the best bid must exceed a member's own for its task to be passed on."
    )
    doubt: NonNegative = Field(
        4.0, description="Tasks' worth of the group's mean that a bid is drawn toward it by: luck is no skill."
    )
    finder_share: Fraction = Field(
        0.5, description="Share of a passed-on task's profit (meal less tokens) that goes to who passed it on."
    )
    pot_share: Fraction = Field(0.1, description="Share of a member's income that it pays into the pot.")
    stake: NonNegative = Field(0.2, description="Energy that each pays into the pot when it signs up.")
    trial_tasks: Count = Field(4, description="Fresh tasks that each member meets in a paired trial.")
    trial_errors: NonNegative = Field(
        1.0, description="Standard errors by which a trial's mean gain per member must exceed 0 for anybody to sign up."
    )
    trials_per_generation: Count = Field(3, description="Groups of newcomers that are tried each generation at most.")
    audit_every: Count = Field(6, description="Generations between a colony's own paired trials, paid out of its pot.")
    patience: Count = Field(
        2,
        description="Trials in a row whose gain is looked at, or that its pot cannot pay for, before it ends; and "
        "generations in a row in which its pot may fail to cover members.",
    )
    window: Count = Field(6, description="Generations over which what a member pays in and draws out is added up.")
    bud_pot: NonNegative = Field(2.0, description="Energy per member in the pot from which a colony is rich.")
    free_riders: int = Field(
        0, ge=0, description="Founders that cheat: as members they pay nothing in and let the pot pay all their upkeep."
    )

    @model_validator(mode="after")
    def _room_for_founders(self) -> "ColoniesConfig":
        if self.max_size < self.founding_size:
            raise ValueError(f"expected founding_size <= max_size, got {self.founding_size} > {self.max_size}")
        return self
