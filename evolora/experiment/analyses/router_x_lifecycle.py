"""`router_x_lifecycle`: what the router adds, what the lifecycle adds, and whether each needs the other."""

from dataclasses import replace

from evolora.experiment.analyses.asked import ALONE, OUT_OF_DISTRIBUTION, PORTFOLIO, pairs_of, rests_on, splits_of
from evolora.experiment.analyses.contenders import claim_of, contenders
from evolora.experiment.findings import Findings
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results
from evolora.portfolio.comparison import Effect, compare
from evolora.portfolio.statistics import holm

EVOLVED, STILL = "lifecycle", "no_lifecycle"


@analysis("router_x_lifecycle")
def router_x_lifecycle(results: Results) -> Findings:
    """Two main effects and their interaction, for every split: arms `lifecycle` and `no_lifecycle`."""
    found = [
        (split, text, effect)
        for split in (*splits_of(results), OUT_OF_DISTRIBUTION)
        for text, effect in effects(results, split).items()
    ]
    adjusted = holm([effect.p for _, _, effect in found])
    claims = [
        claim_of(f"{split}: {text}", effect, p, rests_on=rests_on(results, split))
        for (split, text, effect), p in zip(found, adjusted, strict=True)
    ]
    return Findings(claims, contenders(results).tables)


def effects(results: Results, split: str) -> dict[str, Effect]:
    """The router's effect (mean of both rows), the lifecycle's (mean of both columns), and the interaction."""
    evolved = pairs_of(results, (EVOLVED, ALONE), (EVOLVED, PORTFOLIO), split)
    still = pairs_of(results, (STILL, ALONE), (STILL, PORTFOLIO), split)
    both = [(evolved[seed], still[seed]) for seed in evolved if seed in still]
    if not both:
        return {}
    router = [replace(e, first=(e.first + s.first) / 2, second=(e.second + s.second) / 2) for e, s in both]
    cycle = [replace(e, first=(s.first + s.second) / 2, second=(e.first + e.second) / 2) for e, s in both]
    needs = [replace(e, first=s.second - s.first, second=e.second - e.first) for e, s in both]
    parts = {
        "the router adds": (router, "router"),
        "the lifecycle adds": (cycle, "lifecycle"),
        "the router adds more with the lifecycle than without": (needs, "both"),
    }
    return {
        text: compare(pairs, f"{purpose} {split}", leave_out=False, single_answers=False)
        for text, (pairs, purpose) in parts.items()
    }
