"""The world file: every setting with its meaning, unit and default. Nothing below `build` reads these models."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from evolora.config.archive import ArchiveConfig, axis_problems
from evolora.config.change import (
    ArrivalsConfig,
    DifficultyConfig,
    ExtinctionConfig,
    OpeningConfig,
    SeasonConfig,
    ShockConfig,
    first_shut,
)
from evolora.config.colonies import ColoniesConfig
from evolora.config.exams import ExamConfig
from evolora.config.section import Count, Fraction, NonNegative, Positive, Section
from evolora.config.traits import TraitsConfig


class HostConfig(Section):
    """The frozen language model that all organisms share."""

    name: str = Field(
        "smollm2-135m",
        description="A name from `evolora host list`, a local directory, a GGUF file or a hub id.",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto", description="Where the host computes; auto takes the fastest present."
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Number format of the host; auto takes bfloat16 where the device is fast in it."
    )
    threads: int | None = Field(None, ge=1, description="CPU threads; None leaves the choice to torch.")
    max_batch_tokens: int = Field(8192, ge=64, description="Tokens in one forward pass at most: bounds memory.")
    max_learning_tokens: int = Field(
        4096, ge=64, description="Tokens in one backward pass at most: bounds the memory of learning."
    )
    system_prompt: str = Field(
        "Answer only.", description="System message of every prompt, paid for like any other token."
    )


class GenomeConfig(Section):
    """Where adapters sit, and what their weights mean."""

    modules: list[str] = Field(
        ["q_proj", "v_proj", "o_proj", "up_proj", "down_proj"],
        min_length=1,
        description="Linear modules of a layer that carry an adapter.",
    )
    layers: Literal["all", "upper_half", "upper_third"] | list[int] = Field(
        "all", description="Layers that carry adapters."
    )
    scaling: Positive = Field(
        2.0, description="delta = scaling · B A (LoRA's alpha / rank), one constant for the world."
    )
    decay: Fraction = Field(0.0, description="Share of a child's delta lost at birth, toward the host.")


class NicheConfig(Section):
    """A kind of task with a finite stock of energy."""

    family: str = Field(description="A family name, `reasoning_gym:NAME`, or `module:Class` of your own.")
    name: str | None = Field(None, description="Name of the niche; None takes the family's.")
    settings: dict[str, int | float | str | bool | list[int | float | str]] = Field(
        {}, description="Difficulty settings handed to the family."
    )
    levels: list[dict[str, int | float | str | bool | list[int | float | str]]] = Field(
        [],
        description="Difficulty levels, easiest first: settings that replace some of `settings`; empty: one level.",
    )
    level: int = Field(0, ge=0, description="Level at the start, counted from 0; held-out tests stay at it.")
    price: Positive = Field(1.0, description="Energy for a full-score answer.")
    inflow: NonNegative = Field(20.0, description="Energy that flows into the stock each generation.")
    outflow: Fraction = Field(0.1, description="Share of the stock lost each generation.")
    capacity: Positive = Field(100.0, description="Most energy the stock holds.")
    stock: NonNegative | None = Field(None, description="Energy in stock at the start; None takes one inflow.")
    open: OpeningConfig | None = Field(None, description="When it feeds and can be visited; None: always.")
    pay: Literal["exact", "partial"] = Field(
        "exact",
        description="exact: only a score of 1 earns; partial: the family's partial credit counts, above the floor.",
    )
    pay_floor: Fraction = Field(
        0.2, description="Partial scores up to here count 0, so that consolation scores earn nothing."
    )

    @model_validator(mode="after")
    def _level_exists(self) -> "NicheConfig":
        if self.level >= max(1, len(self.levels)):
            raise ValueError(
                f"expected a level below {max(1, len(self.levels))} (levels count from 0), got {self.level}"
            )
        return self


class SharingConfig(Section):
    """What answers claim from a niche's stock; where the stock is too small all claims are cut alike."""

    rule: Literal["chemostat", "competition"] = Field(
        "chemostat",
        description="chemostat: price times score; competition: divided by (sum of scores at that task) ** alpha.",
    )
    alpha: Annotated[float, Field(ge=0, le=2)] = Field(
        1.0, description="Strength of competition; 0 is the chemostat, 1 pays a task's price once in all."
    )


class EncountersConfig(Section):
    """What an organism meets in one generation, and how it chooses where to go."""

    visits: Count = Field(4, description="Tasks an organism meets each generation.")
    answers_per_task: Count = Field(4, description="Answers it samples to each of them.")
    tasks_per_niche: Count = Field(
        4, description="Different tasks a niche offers in one generation, the same to all its visitors."
    )
    preference_weight: NonNegative = Field(1.0, description="Weight of heritable preference in foraging.")
    profit_weight: NonNegative = Field(1.0, description="Weight of what an organism learnt of each niche's profit.")
    scent_weight: NonNegative = Field(
        0.0, description="Weight of how full each niche is (stock / capacity): what nobody eats draws visitors."
    )
    choice: Literal["own", "even"] = Field(
        "own", description="own: organisms choose by those weights; even: nobody chooses, visits are dealt evenly."
    )


class PopulationConfig(Section):
    """How many there are."""

    founders: Count = Field(28, description="Organisms the world begins with.")
    capacity: Count = Field(32, description="Most organisms alive at once; death.crowding says who makes room.")
    founder_energy: Positive = Field(6.0, description="Energy each founder starts with, out of the source.")
    founder_mutations: int = Field(
        1, ge=0, description="Weight mutations applied to each founder, so that they differ."
    )
    immigrants: list[str] = Field(
        [], description="Folders of PEFT LoRA adapters for this host that live from the start, beside the founders."
    )
    arrivals: ArrivalsConfig | None = Field(None, description="Naive newcomers in the course of the run; None: nobody.")


class EnergyConfig(Section):
    """What living costs; 1 energy is a full-score answer at base price."""

    cost_per_prompt_token: NonNegative = Field(
        0.001,
        description="Energy per prompt token processed; the answers of one encounter share their prompt.",
    )
    cost_per_generated_token: NonNegative = Field(
        0.004, description="Energy per generated token, the stop token included."
    )
    cost_per_learning_token: NonNegative = Field(0.0005, description="Energy per token processed in learning.")
    cost_per_gigaparameter_token: NonNegative = Field(
        0.1, description="Energy per 10^9 (adapter parameters · tokens processed)."
    )
    upkeep: NonNegative = Field(0.5, description="Energy each organism pays to live one generation.")
    remains: Literal["commons", "sink"] = Field("commons", description="Where a dead organism's energy goes.")
    commons_release: Fraction = Field(
        0.5, description="Share of the commons handed to the niches, evenly, each generation."
    )


class DeathConfig(Section):
    """What organisms die of."""

    insolvency: bool = Field(True, description="An organism that cannot pay dies.")
    victims: Literal["insolvent", "random"] = Field(
        "insolvent", description="random: as many die as cannot pay, but chance says who (an ablation)."
    )
    max_age: int | None = Field(None, ge=1, description="Generations after which an organism dies of age; None: never.")
    crowding: Literal["poorest", "oldest", "random", "none"] = Field(
        "poorest", description="Who makes room for a birth at capacity; none: the birth waits."
    )


class ReproductionConfig(Section):
    """Who has children, what they cost, and how they differ."""

    enabled: bool = Field(True, description="Whether there are births at all.")
    threshold: Positive = Field(8.0, description="Energy above which an organism reproduces.")
    endowment: Positive = Field(4.0, description="Energy a child is given by its parent, or by both halves in a merge.")
    max_births_per_generation: Count = Field(8, description="Births in one generation at most, richest first.")
    merge_prob: Fraction = Field(0.3, description="Chance that a parent looks for a partner instead of cloning itself.")
    mate: Literal["complementary", "attraction", "random"] = Field(
        "complementary",
        description="complementary: the partner that is most better where the parent is worse; attraction: chances in "
        "proportion to that.",
    )
    merging: dict[Literal["weighted_sum", "concatenation", "ties", "dare", "spherical", "crossover"], NonNegative] = (
        Field({"weighted_sum": 1.0}, description="Merge operators with their weights.")
    )
    mutation: dict[str, NonNegative] = Field(
        {"gaussian": 1.0},
        description="Weight-mutation operators of a clone with their weights; `evolora world` files name them.",
    )


class LearningConfig(Section):
    """What an organism learns from its own scored answers."""

    method: Literal["reinforce", "imitate_self", "imitate", "evolution", "none"] = Field(
        "reinforce",
        description="reinforce: group-relative policy gradient on the organism's own scored answers; imitate_self: "
        "cross-entropy on its own best answers; imitate: on the tasks' reference answers (gold, rewards unused); "
        "evolution: it tries its generation again with noise on its weights, and steps to where that paid.",
    )
    pairs: Count = Field(4, description="Pairs of opposite perturbations that evolution tries each generation.")
    perturbation_scale: Positive = Field(
        0.01, description="Standard deviation of evolution's perturbations, in the unit of the weights."
    )
    max_gradient_norm: Positive = Field(1.0, description="Gradient clipping per organism.")
    inheritance: Literal["lamarckian", "darwinian"] = Field(
        "lamarckian", description="Whether learnt weights are inherited."
    )
    inherit_optimizer: bool = Field(
        True, description="Whether a clone in a lamarckian world keeps its parent's Adam moments."
    )
    averaged: Count = Field(
        1,
        description="About how many of an organism's last versions, one an update, are averaged in what an archive "
        "keeps of it and children inherit (adapters trained in an experiment alike); 1: the last one as it is.",
    )


class RecordConfig(Section):
    """What is kept on disk."""

    checkpoint_every: Count = Field(5, description="Generations between checkpoints.")
    keep_checkpoints: Count = Field(2, description="Checkpoints kept besides the founders'.")
    ecology_every: Count = Field(
        10, description="Generations between costly measures of ecology (null models, adapter similarity)."
    )
    portfolio_every: int = Field(
        0,
        ge=0,
        description="Generations between exams of the living on held-out tasks, into portfolio.jsonl (and one in the "
        "last); 0: none.",
    )
    portfolio: ExamConfig = ExamConfig()
    elites: int = Field(4, ge=0, description="Organisms exported as PEFT adapters to elites/ when the run ends.")


class WorldConfig(Section):
    """One world."""

    format: Literal[1] = Field(1, description="Version of this file format.")
    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", description="Name of the world; run folders start with it."
    )
    seed: int = Field(1, ge=0, description="Everything random follows from it.")
    generations: Count = Field(30, description="How long to run.")
    selection: Literal["energy", "neutral"] = Field(
        "energy",
        description="neutral: every generation chance deals out among the living what they own and owe (drift).",
    )
    workers: int = Field(
        0,
        ge=0,
        description="Ray processes that answer and learn, each with the host and host.threads (default 1) threads; "
        "0: this process alone, without Ray.",
    )
    host: HostConfig = HostConfig()
    genome: GenomeConfig = GenomeConfig()
    traits: TraitsConfig = TraitsConfig()
    population: PopulationConfig = PopulationConfig()
    niches: list[NicheConfig] = Field(min_length=1, description="Where energy comes from.")
    economy: bool = Field(
        True,
        description="false: answers earn and cost nothing, births go free to the generation's best mean scores "
        "(an ablation).",
    )
    sharing: SharingConfig = SharingConfig()
    difficulty: DifficultyConfig = DifficultyConfig()
    seasons: list[SeasonConfig] = Field([], description="Cycles of a niche's inflow.")
    shocks: list[ShockConfig] = Field([], description="Sudden changes of a niche's price or inflow.")
    extinctions: list[ExtinctionConfig] = Field([], description="Mass extinctions.")
    encounters: EncountersConfig = EncountersConfig()
    energy: EnergyConfig = EnergyConfig()
    death: DeathConfig = DeathConfig()
    reproduction: ReproductionConfig = ReproductionConfig()
    colonies: ColoniesConfig = ColoniesConfig()
    archive: ArchiveConfig = ArchiveConfig()
    learning: LearningConfig = LearningConfig()
    record: RecordConfig = RecordConfig()

    @model_validator(mode="after")
    def _consistent(self) -> "WorldConfig":
        names = [niche.name or niche.family.replace(":", "_") for niche in self.niches]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(
                f"niches: expected different names, got {', '.join(repeated)} twice; give one of them a name"
            )
        for kind, named in (
            ("seasons", {entry.niche for entry in self.seasons}),
            ("shocks", {entry.niche for entry in self.shocks}),
            ("extinctions", {entry.niche for entry in self.extinctions if entry.niche is not None}),
        ):
            unknown = sorted(named - set(names))
            if unknown:
                raise ValueError(f"{kind}: expected names of niches ({', '.join(names)}), got {', '.join(unknown)}")
        openings = [niche.open for niche in self.niches]
        if (shut := first_shut(openings, self.generations)) is not None:
            raise ValueError(f"niches: expected one that is open in every generation, got none in generation {shut}")
        if self.selection == "neutral" and not self.economy:
            raise ValueError("selection: expected economy: true where it is neutral (it deals out fortunes), got false")
        if self.colonies.enabled and (self.selection == "neutral" or not self.economy):
            raise ValueError(
                "colonies: expected selection: energy and economy: true where they are enabled (a colony shares what "
                f"its members earn), got selection {self.selection}, economy {str(self.economy).lower()}"
            )
        if self.archive.enabled and (problems := axis_problems(self.archive, names)):
            raise ValueError(f"archive.axes: {problems[0]}")
        first = self.population.founders + len(self.population.immigrants)
        if first > self.population.capacity:
            who = "founders and immigrants" if self.population.immigrants else "founders"
            raise ValueError(f"population: expected {who} <= capacity, got {first} > {self.population.capacity}")
        return self
