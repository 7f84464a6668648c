"""`contender`: one side of the claim. Trains or evolves, chooses, routes, and is tested under every shift."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, JsonValue, model_validator

from evolora.config.section import Count, Fraction, Positive, Section
from evolora.environment.families.family import SettingValue
from evolora.errors import ConfigError
from evolora.experiment.cell import Cell
from evolora.experiment.procedures.simulate import RUN, live, thin_out
from evolora.experiment.registry import procedure

if TYPE_CHECKING:
    from evolora.organism.genome import Genome
    from evolora.portfolio.baselines.contender import Arena
    from evolora.portfolio.splits import Split
    from evolora.routing.tokens import TokenMeter


ROUTED = frozenset({"evolved", "snapshots", "specialists"})  # kinds that answer by their router


class ContenderParams(Section):
    """Params of `contender`."""

    kind: Literal["evolved", "host", "single", "snapshots", "specialists", "alone", "soup", "mixture"] = Field(
        "evolved",
        description="evolved: lives the world; host: the bare host, with examples; single: one adapter on all niches; "
        "snapshots: what that adapter was whenever other niches opened; specialists: `size` adapters; alone: whom "
        "selection likes best of the arm `budget_of`, unrouted (of snapshots, the single adapter); soup, mixture: the "
        "evolved organisms of the arm `budget_of` as one adapter, whose living is counted (a mixture spends its search "
        "besides: more than the others).",
    )
    regime: Literal["rewards", "gold"] = Field("rewards", description="What trained adapters learn from.")
    budget_of: str | None = Field(None, description="Arm (in `after`) whose total token passes are this one's budget.")
    size: Count = Field(6, description="Members of the portfolio.")
    router: Literal["ridge", "recogniser", "centroid", "arrow", "fixed"] = Field(
        "ridge", description="How it is routed."
    )
    rivals: tuple[Literal["ridge", "recogniser", "centroid", "arrow", "fixed"], ...] = Field(
        (),
        description="Other routers for the same members, fitted on the same answers: told beside, and paid by nobody.",
    )
    samples: int = Field(
        0, ge=0, description="Answers that members sample to a test question besides, for self-consistency."
    )
    ancestor: int | None = Field(
        None,
        ge=0,
        le=8,
        description="Worked examples shown to the bare host as one more member of routed portfolios, for what nobody "
        "recognises; None: it is no member.",
    )
    source: Literal["living", "archive"] = Field(
        "living", description="Where the evolved candidates come from: the last checkpoint's living, or its archive."
    )
    foresight: bool = Field(
        False,
        description="Whether trained adapters see all niches at all times, also those that are shut in the world.",
    )
    candidates: Count = Field(16, description="Organisms, best in life first, that answer selection questions.")
    selection: Count = Field(24, description="Selection tasks of each niche: the same for every arm.")
    tests: Count = Field(80, description="Test tasks of each family, at most.")
    unseen: dict[str, dict[str, SettingValue]] | None = Field(
        None,
        description="Families of the family shift, with their settings; None: all of ours that nobody lives on.",
    )
    unseen_examples: int = Field(0, ge=0, le=8, description="Worked examples that all are shown on the family shift.")
    tasks_per_step: Count = Field(16, description="Tasks of one update of a trained adapter.")
    answers_per_task: Count = Field(4, description="Answers that a trained adapter samples to a task (rewards).")
    learning_rate: Positive | None = Field(None, description="Of trained adapters; None: the founders' mean.")
    checkpoints: Count = Field(3, description="Checkpoints of a single adapter that selection chooses from.")
    generalist_share: Fraction = Field(0.0, description="Share of the budget that specialists learn as one adapter.")
    rounds: Count = Field(12, description="Rounds of a mixture's search for weights.")
    brood: Count = Field(6, description="Weightings tried in a round.")

    @model_validator(mode="after")
    def _recognises(self) -> "ContenderParams":
        if self.ancestor is not None and self.router != "recogniser":
            raise ValueError(f"ancestor: expected router recogniser, which alone sends it questions, got {self.router}")
        return self

    @model_validator(mode="after")
    def _remembers(self) -> "ContenderParams":
        if self.foresight and self.kind == "snapshots":
            raise ValueError(
                "foresight: expected kind single or specialists; who sees all at all times has one snapshot"
            )
        return self

    @model_validator(mode="after")
    def _answers_by_several(self) -> "ContenderParams":
        if self.samples == 1:
            raise ValueError("samples: expected 0, or at least 2 to agree with each other, got 1")
        if (self.rivals or self.samples) and self.kind not in ROUTED:
            raise ValueError(
                f"rivals, samples: expected a kind with several members ({', '.join(sorted(ROUTED))}), got {self.kind}"
            )
        return self

    @property
    def siblings(self) -> Mapping[str, str | None]:
        """The arm that is read, by the param that names it."""
        return {} if self.kind in ("evolved", "host") else {"budget_of": self.budget_of}

    @property
    def has_ancestor(self) -> bool:
        """Whether the bare host is a member besides."""
        return self.ancestor is not None and self.kind in ROUTED


@procedure("contender", ContenderParams)
def contender(cell: Cell, folder: Path) -> Mapping[str, JsonValue]:
    """What it spent by purpose, and every mode's score on every question of every split."""
    from evolora.blueprint import build_rules
    from evolora.build import build_evaluator
    from evolora.portfolio.baselines.contender import Arena
    from evolora.portfolio.examine import bare_host
    from evolora.portfolio.portfolio import ANCESTOR
    from evolora.portfolio.splits import check_disjoint, make_splits
    from evolora.routing.tokens import TokenMeter

    params, meter = ContenderParams.model_validate(cell.params), TokenMeter()
    if params.kind == "alone":
        return _alone(cell, params)
    _check_regime(cell, params)
    rules = build_rules(cell.world)
    splits = make_splits(
        rules.niches, rules.tasks, params.tests, cell.world.seed, params.unseen, params.unseen_examples
    )
    extinct = _live(cell, folder / RUN, splits, meter) if params.kind == "evolved" else _extinct_sibling(cell, params)
    evaluator = build_evaluator(cell.world)
    arena = Arena.open(cell.world, rules, evaluator, params.selection, params.unseen, params.unseen_examples)
    for split in splits:
        check_disjoint(arena.chosen_or_shown(split), split)
    candidates = _candidates(cell, params, folder, arena, meter, extinct)
    if params.has_ancestor:
        candidates = {**candidates, ANCESTOR: bare_host(cell.world, evaluator.sites, params.ancestor)}
    portfolio, rivals = arena.portfolio(candidates, params.size, params.router, meter, params.rivals)
    spent = {name: int(tokens) for name, tokens in meter.by_purpose.items()}
    return {
        "extinct": extinct,
        "members": [int(identity) for identity in portfolio.members],
        "tokens": {**spent, "total": int(meter.total)},
        "splits": {
            examined.shift: _kept(examined) for examined in arena.test(portfolio, params.tests, rivals, params.samples)
        },
        "notes": _notes(arena, params.tests),
    }


def _check_regime(cell: Cell, params: ContenderParams) -> None:
    """Refuse organisms that are told more, or less, than the regime says of trained adapters."""
    method = cell.world.learning.method
    if params.kind == "evolved" and method != "none" and (method == "imitate") != (params.regime == "gold"):
        raise ConfigError(
            f"regime: expected gold with learning.method imitate and rewards with any other, got {params.regime} with "
            f"{method}; nobody may be told more than the others"
        )


def _alone(cell: Cell, params: ContenderParams) -> Mapping[str, JsonValue]:
    """What the arm `budget_of` returned: its best single member is among its modes.

    Raises:
        ConfigError: it is to leave the unknown to an ancestor that the other arm has not.
    """
    from evolora.portfolio.portfolio import ANCESTOR

    values = cell.sibling(params.budget_of or "").values
    members = values["members"]
    assert isinstance(members, list)  # what this procedure itself returned
    if params.ancestor is not None and ANCESTOR not in members:
        raise ConfigError(
            f"ancestor: expected null, or an ancestor in the arm {params.budget_of} too, got {params.ancestor}"
        )
    return dict(values)


def _live(cell: Cell, run: Path, splits: "Sequence[Split]", meter: "TokenMeter") -> bool:
    """Live the cell's world, count its passes, and say whether it died out.

    Raises:
        TaskError: somebody met a task of the `splits`.
    """
    from evolora.portfolio.splits import check_disjoint
    from evolora.record.encounters import tasks_met
    from evolora.record.run_dir import METRICS, RunDir
    from evolora.routing.tokens import passes_of_run

    end = live(cell.world, run)
    meter.by_purpose["living"] += passes_of_run(RunDir.open(run).read(METRICS), cell.world.learning.method)
    met = tasks_met(run)  # nothing of a run that is thinned out already, which comes after this
    for split in splits:
        check_disjoint(met, split)
    thin_out(run, "lean")
    return end == "extinct"


def _extinct_sibling(cell: Cell, params: ContenderParams) -> bool:
    """Whether the evolved arm that this one is made of died out."""
    return params.kind in ("soup", "mixture") and bool(cell.sibling(params.budget_of or "").values["extinct"])


def _candidates(
    cell: Cell, params: ContenderParams, folder: Path, arena: "Arena", meter: "TokenMeter", extinct: bool
) -> "dict[int, Genome]":
    """Who may enter the portfolio, by id: of a world that died out, the bare host alone."""
    from evolora.portfolio.archived import candidates_of_archive
    from evolora.portfolio.baselines.contender import host_with_examples, mixture
    from evolora.portfolio.baselines.mixtures import soup
    from evolora.portfolio.examine import bare_host, candidates_of_run

    match params.kind:
        case "evolved" if extinct:
            return {0: bare_host(arena.config, arena.evaluator.sites)}
        case "evolved" if params.source == "archive":
            return candidates_of_archive(folder / RUN, params.candidates)
        case "evolved":
            return candidates_of_run(folder / RUN, params.candidates)
        case "host":
            return host_with_examples(arena)
        case "soup" | "mixture" if extinct:
            meter.by_purpose["living"] += _budget(cell, params)
            return {0: bare_host(arena.config, arena.evaluator.sites)}
        case "soup" | "mixture":
            sibling = cell.sibling(params.budget_of or "")
            source = candidates_of_archive if params.source == "archive" else candidates_of_run
            genomes = list(source(sibling.folder / RUN, params.candidates).values())
            meter.by_purpose["living"] += _budget(cell, params)
            if params.kind == "soup":
                return {0: soup(genomes)}
            return {0: mixture(arena, genomes[: params.size], params.rounds, params.brood, 48, meter)}
        case _:
            return _trained(cell, params, arena, meter)


def _trained(cell: Cell, params: ContenderParams, arena: "Arena", meter: "TokenMeter") -> "dict[int, Genome]":
    from evolora.portfolio.baselines.timetable import always, timetable
    from evolora.portfolio.baselines.trained import Lessons, train_single, train_specialists
    from evolora.portfolio.baselines.training import School
    from evolora.portfolio.splits import check_disjoint

    school = School(
        arena.evaluator,
        arena.rules.tasks,
        cell.seed,
        params.regime,
        params.tasks_per_step,
        params.answers_per_task,
        cell.world.learning.averaged,
    )
    niches, snapshots = arena.rules.niches, params.kind == "snapshots"
    terms = always(niches) if params.foresight else timetable(niches, cell.world.generations)
    lessons = Lessons(params.learning_rate, None if snapshots else params.checkpoints)
    many = {"specialists": params.size, "snapshots": len(terms)}.get(params.kind, params.checkpoints)
    exam = arena.exam_cost(many) + (arena.answers_cost(1, params.ancestor or 0) if params.has_ancestor else 0)
    budget = max(0, _budget(cell, params) - exam)
    if params.kind != "specialists":
        trained = train_single(cell.world, school, terms, budget, lessons, meter)
    else:
        share = params.generalist_share
        trained = train_specialists(cell.world, school, terms, params.size, share, budget, lessons, meter)
    for split in arena.splits(params.tests):
        check_disjoint(school.taught, split)
    return trained


def _budget(cell: Cell, params: ContenderParams) -> int:
    """Passes to spend in all: those of the arm it is compared with.

    Raises:
        RunFolderError: that arm is not named in `after`.
    """
    tokens = cell.sibling(params.budget_of or "").values["tokens"]
    assert isinstance(tokens, dict)  # what this procedure itself returned
    return int(str(tokens["total"]))


def _kept(examined: object) -> JsonValue:
    """Scores of every mode, question by question, its tokens and balanced accuracies, the questions' families, and
    coverage(N)."""
    from evolora.portfolio.examine import Examined

    assert isinstance(examined, Examined)
    return {
        "families": list(examined.families),
        "coverage": [round(value, 4) for value in examined.coverage],
        "digests": [question.task.digest for question in examined.questions],
        "scores": {
            mode: [round(float(score), 4) for score in answered.scores] for mode, answered in examined.answered.items()
        },
        "tokens_per_question": {
            mode: round(float(answered.tokens.mean()), 3) for mode, answered in examined.answered.items()
        },
        "balanced": {
            mode: {family: round(value, 4) for family, value in examined.balanced(mode).items()}
            for mode in examined.answered
        },
    }


def _notes(arena: "Arena", tests: int) -> JsonValue:
    """What every family's numbers can mean, by split: how many answers it has, and its constant-answer line."""
    from evolora.portfolio.splits import family_notes

    return {
        split.shift: {
            name: {"kinds": note.kinds, "constant": round(note.constant.score, 4)}
            for name, note in family_notes(split).items()
        }
        for split in arena.splits(tests)
    }
