"""The experiment file: one question, the arms that answer it, and the seeds they are replicated over."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from evolora.config.section import Count, Section

ARM_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Settings = dict[str, JsonValue]


class SeedRange(Section):
    """Seeds that follow each other."""

    first: int = Field(1, ge=0, description="The first seed.")
    count: Count = Field(description="How many seeds.")


Seeds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | SeedRange


class ArmConfig(Section):
    """One arm: what is done in it that is not done in the others."""

    world: str | None = Field(None, description="A world file or name; None takes the experiment's.")
    set: Settings = Field({}, description="Settings of the world that this arm changes; keys as --set takes them.")
    procedure: str | None = Field(None, description="What is done for every seed; None takes the experiment's.")
    params: Settings = Field({}, description="What the procedure is told, laid over the experiment's params.")
    after: list[str] = Field(
        [], description="Arms whose cell of the same seed must be finished first, and that the procedure may read."
    )


class QuickConfig(Section):
    """What --quick replaces, so that the experiment can be tried out in minutes."""

    seeds: Seeds | None = Field(None, description="Seeds instead of the experiment's; None keeps them.")
    set: Settings = Field({}, description="Settings of every arm's world, laid over all others.")
    params: Settings = Field({}, description="Params of every arm, laid over all others.")


class ExperimentConfig(Section):
    """One experiment."""

    experiment: Literal[1] = Field(1, description="Version of this file format.")
    name: str = Field(pattern=ARM_NAME, description="Name of the experiment; its folder is called so.")
    question: str = Field(min_length=1, description="What the experiment is to find out, in a sentence.")
    world: str = Field(description="A world file (beside this one, or a path) or the name of a world.")
    set: Settings = Field(
        {}, description="Settings of all arms' worlds; keys as --set takes them, sections are laid over key by key."
    )
    seeds: Seeds = Field(description="A list of seeds, or first and count: the replicates.")
    arms: dict[Annotated[str, Field(pattern=ARM_NAME)], ArmConfig] = Field(
        min_length=1, description="What is compared, by name, in the order of the tables."
    )
    procedure: str = Field("simulate", description="What is done for every arm and seed; or module:function.")
    params: Settings = Field({}, description="What the procedure is told.")
    analysis: str | None = Field(
        None, description="What is made of the results; or module:function. None: tables only."
    )
    primary: list[str] = Field(
        [],
        description="Arms that the question is about, named before anything is run: where an analysis holds the first "
        "arm against the others, p is corrected within the claims against these, and within all other claims apart. "
        "None named: within all claims.",
    )
    quick: QuickConfig = QuickConfig()

    @model_validator(mode="after")
    def _seeds_differ(self) -> "ExperimentConfig":
        for key, seeds in (("seeds", self.seeds), ("quick.seeds", self.quick.seeds)):
            if isinstance(seeds, list) and len(set(seeds)) < len(seeds):
                raise ValueError(f"{key}: expected every seed once, got {seeds}; remove the repeated ones")
        return self

    @model_validator(mode="after")
    def _arms_can_wait(self) -> "ExperimentConfig":
        for name, arm in self.arms.items():
            unknown = [other for other in arm.after if other not in self.arms or other == name]
            if unknown:
                known = ", ".join(other for other in self.arms if other != name)
                raise ValueError(f"arms.{name}.after: expected other arms ({known}), got {', '.join(unknown)}")
        if strangers := [other for other in self.primary if other not in self.arms]:
            raise ValueError(f"primary: expected arms ({', '.join(self.arms)}), got {', '.join(strangers)}")
        if circle := _waiting_in_a_circle(self.arms):
            raise ValueError(
                f"arms: expected arms that can be done one after the other, got {', '.join(circle)} waiting in a circle"
            )
        return self


def arms_in_order(arms: dict[str, ArmConfig]) -> list[str]:
    """Names of arms, each behind those it waits for, else in the file's order; arms in a circle are left out."""
    done: list[str] = []
    while ready := [name for name, arm in arms.items() if name not in done and set(arm.after) <= set(done)]:
        done.append(ready[0])
    return done


def _waiting_in_a_circle(arms: dict[str, ArmConfig]) -> list[str]:
    return [name for name in arms if name not in arms_in_order(arms)]


def seed_list(seeds: "list[int] | SeedRange") -> list[int]:
    """The seeds one by one."""
    return seeds if isinstance(seeds, list) else list(range(seeds.first, seeds.first + seeds.count))
