"""`coexistence`: do limited niches keep several kinds alive, and is it their limits that do?

Arms: `evolved`; `continued` and `unlimited`, its community under the same and under unlimited supply (`go_on`);
`invaded` and `settled`, each of its kinds taken out and brought back when rare (`invade`): at once, into the niche that
it left open, and after the others had some generations to take that over, which is what mutual invasibility asks for.
"""

import numpy as np

from evolora.experiment.claims import above, arms_table, below, corrected, exact_books, with_interval, within
from evolora.experiment.findings import Claim, Findings, Table
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results

FEWEST = 5  # replicates with a kind from which something is said about it
NEAR_ONE = 1.5  # effective kinds: of two, one has more than 86 %
WHEN = {"invaded": "brought back at once", "settled": "brought back when the others have settled"}


@analysis("coexistence")
def coexistence(results: Results) -> Findings:
    """Partition against shuffled tables, collapse against the continued community, growth when rare."""
    tried = [arm for arm in WHEN if arm in results.arms]
    tables = [community_table(results), *(invasion_table(results, arm) for arm in tried)]
    rare = [claim for arm in tried for claim in invasion(results, arm)]
    return Findings([*partition(results), *collapse(results), *rare, exact_books(results)], tables)


def partition(results: Results) -> list[Claim]:
    """More specialised, and more kinds, than tables with the same sums of rows and columns."""

    def beyond_null(name: str) -> np.ndarray:
        return results.values("evolved", f"last.{name}") - results.values("evolved", f"last.{name}_null")

    return [
        above(
            "Limited niches are partitioned: H2' of tasks solved above its shuffled null",
            "H2' less the mean of 199 shuffles",
            beyond_null("tasks_h2_prime"),
            note=_clear_replicates(results, "tasks_h2_prime"),
        ),
        above(
            "Limited niches keep kinds apart: effective phenotypes of tasks solved above their shuffled null",
            "effective phenotypes less the mean of 199 shuffles",
            beyond_null("tasks_phenotype_hill_1"),
            note=_clear_replicates(results, "tasks_phenotype_hill_1"),
        ),
    ]


def collapse(results: Results) -> list[Claim]:
    """The same community with unlimited supply, against the same community as it was."""
    claims = [
        below(
            f"The same community, given unlimited supply, has fewer {kind}s than if it goes on as it was",
            f"effective {kind}s, unlimited less continued",
            results.difference("unlimited", "continued", f"tail.{kind}_hill_1"),
        )
        for kind in ("phenotype", "lineage")
    ]
    return [
        *claims,
        within(
            "Given unlimited supply, one kind is left",
            f"effective phenotypes, at most {NEAR_ONE}",
            results.values("unlimited", "tail.phenotype_hill_1"),
            NEAR_ONE,
        ),
    ]


def invasion(results: Results, arm: str) -> list[Claim]:
    """Growth of each kind when rare; kinds seen in few replicates are counted in the mean alone."""
    when = WHEN[arm]
    kinds = [kind for kind in kind_names(results, arm) if growth_of(results, arm, kind).size >= FEWEST]
    each = [
        above(f"{kind} specialists, {when}, grow when rare", "growth per generation", growth_of(results, arm, kind))
        for kind in kinds
    ]
    rare = results.values(arm, "growth")
    return [
        above(f"Specialists, {when}, grow when rare, mean over kinds", "growth per generation", rare),
        above(
            f"Specialists, {when}, grow faster than the rest of the community in the same trials",
            "growth when rare less the others'",
            rare - results.values(arm, "others_growth"),
        ),
        above(
            f"Specialists, {when}, grow more than residents copied into the whole community",
            "growth when rare less the copies'",
            rare - results.values(arm, "control.growth"),
        ),
        *corrected(each),
    ]


def kind_names(results: Results, arm: str) -> list[str]:
    """Kinds that were brought back in some replicate."""
    names: dict[str, None] = {}
    for seed in results.seeds:
        kinds = results.value(arm, seed, "kinds")
        names |= dict.fromkeys(kinds if isinstance(kinds, dict) else ())
    return sorted(names)


def growth_of(results: Results, arm: str, kind: str) -> np.ndarray:
    """Growth per generation of a kind in the replicates that had it, `(replicates,)`."""
    values = results.values(arm, f"kinds.{kind}.growth")
    return values[~np.isnan(values)]


def community_table(results: Results) -> Table:
    """What the three communities are like."""
    return arms_table(
        "Communities",
        results,
        [
            ("effective phenotypes", "tail.phenotype_hill_1"),
            ("effective lineages", "tail.lineage_hill_1"),
            ("H2' of tasks solved, last generation", "last.tasks_h2_prime"),
            ("its shuffled null", "last.tasks_h2_prime_null"),
            ("effective phenotypes of tasks solved, last generation", "last.tasks_phenotype_hill_1"),
            ("their shuffled null", "last.tasks_phenotype_hill_1_null"),
            ("mean score", "tail.mean_score"),
            ("organisms alive", "tail.num_living"),
            ("share of niches that a visitor profits from", "tail.niche_occupancy"),
        ],
        note="means of the last generations; in continued and unlimited, of those since the fork",
    )


def invasion_table(results: Results, arm: str) -> Table:
    """Growth when rare, kind by kind."""
    rows = []
    for kind in kind_names(results, arm):
        growth = growth_of(results, arm, kind)
        residents = results.values(arm, f"kinds.{kind}.residents")
        rows.append((kind, with_interval(growth), int((growth > 0).sum()), growth.size, with_interval(residents)))
    control = results.values(arm, "control.growth")
    known = control[~np.isnan(control)]
    rows.append(("residents copied in (control)", with_interval(known), int((known > 0).sum()), known.size, None))
    return Table(
        f"Growth when rare, {WHEN[arm]}",
        ("kind", "growth per generation", "grew", "replicates", "residents before"),
        tuple(rows),
    )


def _clear_replicates(results: Results, name: str) -> str:
    ps = results.values("evolved", f"last.{name}_p")
    known = ps[~np.isnan(ps)]
    return f"{int((known < 0.01).sum())} of {known.size} replicates have p < 0.01 by themselves"
