"""`equal_budgets`: every evolved arm against the arms that spent what it spent, along budgets or hosts."""

from evolora.experiment.analyses.contenders import family_table, judged, level_tables, token_table
from evolora.experiment.findings import Entry, Findings, Table, shown, shown_interval
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results


@analysis("equal_budgets")
def equal_budgets(results: Results) -> Findings:
    """Each arm against the arm named as its `budget_of`, under every split; and all the differences in one table."""
    sides = [(spent_by, arm) for arm in results.arms if (spent_by := _budget_of(results, arm)) is not None]
    found = judged(results, sides)
    rows: list[tuple[Entry, ...]] = [
        (
            f"{arm} against {other}: {split}",
            _passes(results, arm),
            effect.first,
            effect.second,
            f"{shown(effect.difference)} {shown_interval((effect.low, effect.high))}",
        )
        for (arm, other, split), (_, effect) in found.items()
    ]
    head = ("arms, split", "token passes", "the other's score", "its own", "difference, 95 % interval")
    table = Table(
        "at equal budgets", head, tuple(rows), "Families that may carry a claim, every family weighing the same."
    )
    tables = [table, *level_tables(results), family_table(results), token_table(results)]
    return Findings([claim for claim, _ in found.values()], tables)


def _budget_of(results: Results, arm: str) -> str | None:
    named = next((cell.params.get("budget_of") for (name, _), cell in results.cells.items() if name == arm), None)
    return named if isinstance(named, str) else None


def _passes(results: Results, arm: str) -> Entry:
    """Mean total of an arm's passes over its seeds."""
    spent = [results.value(arm, seed, "tokens.total") for seed in results.seeds]
    known = [float(total) for total in spent if isinstance(total, (int, float))]
    return round(sum(known) / len(known)) if known else None
