"""`equal_budgets`: every evolved arm against the arms that spent what it spent, along budgets or hosts."""

from dataclasses import replace
from itertools import pairwise

from evolora.experiment.analyses.asked import (
    OUT_OF_DISTRIBUTION,
    PORTFOLIO,
    groups_of,
    pairs_of,
    rests_on,
    splits_of,
    usual_mode,
)
from evolora.experiment.analyses.contenders import claim_about, claim_of, corrected_ps, effects_of, tables_of
from evolora.experiment.findings import Entry, Findings, Table, shown, shown_interval
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results
from evolora.portfolio.comparison import Effect, compare


@analysis("equal_budgets")
def equal_budgets(results: Results) -> Findings:
    """Each arm against the one named as its `budget_of`, under every split; and each difference against the next."""
    sides = [(spent_by, arm) for arm in results.arms if (spent_by := _budget_of(results, arm)) is not None]
    effects = effects_of(results, sides)
    steps = [
        (f"{one[0]} gains more over {one[1]} than {other[0]} over {other[1]}", split, _step(results, one, other, split))
        for one, other in pairwise(sides)
        for split in (*splits_of(results), OUT_OF_DISTRIBUTION)
    ]
    adjusted = corrected_ps([*effects.values(), *(step for _, _, step in steps)])
    known = {
        key: (claim_about(results, key, effect, p), effect)
        for (key, effect), p in zip(effects.items(), adjusted[: len(effects)], strict=True)
        if effect is not None
    }
    trend = [
        claim_of(f"{text}: {split}", step, p, rests_on=rests_on(results, split))
        for (text, split, step), p in zip(steps, adjusted[len(effects) :], strict=True)
        if step is not None
    ]
    rows: list[tuple[Entry, ...]] = [
        (
            f"{arm} against {other}: {split}",
            _passes(results, arm),
            effect.first,
            effect.second,
            f"{shown(effect.difference)} {shown_interval((effect.low, effect.high))}",
        )
        for (arm, other, split), (_, effect) in known.items()
    ]
    head = ("arms, split", "token passes", "the other's score", "its own", "difference, 95 % interval")
    table = Table(
        "at equal budgets", head, tuple(rows), "Families that may carry a claim, every family weighing the same."
    )
    tables = [table, *tables_of(results)]
    return Findings([*(claim for claim, _ in known.values()), *trend], tables)


def _step(results: Results, one: tuple[str, str], other: tuple[str, str], split: str) -> Effect | None:
    """How much more the two arms of `one` differ than those of `other`; None where they were asked other questions."""
    gains = [
        pairs_of(results, (beside, usual_mode(results, beside)), (arm, PORTFOLIO), split)
        for arm, beside in (one, other)
    ]
    both = [
        (mine, theirs)
        for mine, theirs in (
            (gains[0][seed].sorted(), gains[1][seed].sorted()) for seed in gains[0] if seed in gains[1]
        )
        if (mine.families, mine.questions) == (theirs.families, theirs.questions)
    ]
    if not both:
        return None
    changes = [replace(m, first=t.second - t.first, second=m.second - m.first) for m, t in both]
    return compare(changes, f"step {one} {other} {split}", left_out_with=groups_of(split), single_answers=False)


def _budget_of(results: Results, arm: str) -> str | None:
    named = next((cell.params.get("budget_of") for (name, _), cell in results.cells.items() if name == arm), None)
    return named if isinstance(named, str) else None


def _passes(results: Results, arm: str) -> Entry:
    """Mean total of an arm's passes over its seeds."""
    spent = [results.value(arm, seed, "tokens.total") for seed in results.seeds]
    known = [float(total) for total in spent if isinstance(total, (int, float))]
    return round(sum(known) / len(known)) if known else None
