"""`router_x_lifecycle`: what the router adds, what the lifecycle adds, and whether each needs the other."""

from evolora.experiment.analyses.contenders import OUT_OF_DISTRIBUTION, contenders, pairs_of, splits_of
from evolora.experiment.findings import Claim, Findings, Verdict
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results
from evolora.portfolio.comparison import Effect, Pairs, compare

EVOLVED, STILL = "lifecycle", "no_lifecycle"
ROUTED, ALONE = "routed", "best single"


@analysis("router_x_lifecycle")
def router_x_lifecycle(results: Results) -> Findings:
    """Two main effects and their interaction, for every split: arms `lifecycle` and `no_lifecycle`."""
    claims = []
    for split in (*splits_of(results), OUT_OF_DISTRIBUTION):
        for text, effect in effects(results, split).items():
            claims.append(_claim(f"{split}: {text}", effect))
    return Findings(claims, contenders(results).tables)


def effects(results: Results, split: str) -> dict[str, Effect]:
    """The router's effect (mean of both rows), the lifecycle's (mean of both columns), and the interaction."""
    evolved = pairs_of(results, (EVOLVED, ALONE), (EVOLVED, ROUTED), split)
    still = pairs_of(results, (STILL, ALONE), (STILL, ROUTED), split)
    both = list(zip(evolved, still, strict=False))
    if not both:
        return {}
    router = [Pairs((e.first + s.first) / 2, (e.second + s.second) / 2, e.families) for e, s in both]
    cycle = [Pairs((s.first + s.second) / 2, (e.first + e.second) / 2, e.families) for e, s in both]
    needs = [Pairs(s.second - s.first, e.second - e.first, e.families) for e, s in both]
    return {
        "the router adds": compare(router, f"router {split}", leave_out=False),
        "the lifecycle adds": compare(cycle, f"lifecycle {split}", leave_out=False),
        "the router adds more with the lifecycle than without": compare(needs, f"both {split}", leave_out=False),
    }


def _claim(text: str, effect: Effect) -> Claim:
    verdict: Verdict = "yes" if effect.low > 0 else "no" if effect.high < 0 else "undecided"
    interval, n = (effect.low, effect.high), effect.num_seeds
    quantity = "difference of mean scores, families alike; p two-sided"

    return Claim(text, verdict, quantity, effect.difference, interval, effect.p, n)
