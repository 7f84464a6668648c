"""`ablations`: what each part of the world adds to held-out scores.

Arms: `full` and any others; each is compared with `full`, paired by seed.
"""

from evolora.experiment.claims import ALPHA, arms_table, exact_books, with_interval
from evolora.experiment.findings import Claim, Findings, Table, Verdict, shown
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results
from evolora.experiment.statistics import estimate
from evolora.portfolio.statistics import holm

FULL = "full"
SCORE = "held_out.final.mean"
BEST = "held_out.best_final.mean"


@analysis("ablations")
def ablations(results: Results) -> Findings:
    """Differences of the final population's held-out scores, two-sided tests corrected for their number."""
    others = [arm for arm in results.arms if arm != FULL]
    found = {arm: estimate(results.difference(FULL, arm, SCORE), direction="different") for arm in others}
    ps = dict(zip(others, holm([1.0 if (p := found[arm].p) is None else p for arm in others]), strict=True))
    claims = [
        Claim(
            f"The whole world ends with higher held-out scores than {arm}",
            _verdict(found[arm].mean, found[arm].interval, ps[arm]),
            "difference of mean held-out score",
            found[arm].mean if found[arm].n else None,
            found[arm].interval,
            ps[arm] if found[arm].n else None,
            found[arm].n,
            f"p two-sided, corrected for {len(others)} (Holm)",
        )
        for arm in others
    ]
    rows = [
        (
            arm,
            with_interval(results.values(arm, "held_out.founders.mean")),
            with_interval(results.values(arm, SCORE)),
            None if arm == FULL else with_interval(results.difference(FULL, arm, SCORE)),
            with_interval(results.values(arm, BEST)),
            with_interval(results.values(arm, "last.num_living")),
            None if arm == FULL else shown(ps[arm]),
        )
        for arm in results.arms
    ]
    head = ("arm", "founders", "final", "full less it", "best of each niche", "alive", "p (Holm)")
    table = Table(
        "Held-out scores", head, tuple(rows),
        "every organism answers the same tasks of every niche greedily; mean over organisms and niches [95 % interval "
        "over seeds]; a world that died out has none",
    )  # fmt: skip
    lives = arms_table(
        "While they lived",
        results,
        [
            ("mean score, first generation", "first.mean_score"),
            ("mean score, last generations", "tail.mean_score"),
            ("effective lineages", "last.lineage_hill_1"),
            ("effective phenotypes", "tail.phenotype_hill_1"),
        ],
    )
    return Findings([*claims, exact_books(results)], [table, lives])


def _verdict(mean: float, interval: tuple[float, float] | None, p: float) -> Verdict:
    if interval is None or p >= ALPHA or interval[0] <= 0 <= interval[1]:
        return "undecided"
    return "yes" if mean > 0 else "no"
