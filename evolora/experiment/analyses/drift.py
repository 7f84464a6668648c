"""`drift`: are excess activity, Price's selection term and heritability zero where they should be, and positive else?

Arms: `selection`, and `neutral`, in which chance deals out what is earned and paid.
"""

from evolora.experiment.claims import about, above, arms_table, exact_books
from evolora.experiment.findings import Claim, Findings
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results

# measure -> (key, words, unit)
MEASURES = {
    "excess": ("last.activity_lineage_excess", "Excess activity of lineages", "ratio"),
    "price": ("mean.price_score_selection", "Price's selection term of the score", "score per generation"),
}
HERITABILITY = "last.heritability_score"
FOSTER = "chance.foster_heritability_score"


@analysis("drift")
def drift(results: Results) -> Findings:
    """Each measure under neutral selection, under selection, and the difference."""
    claims: list[Claim] = []
    for key, words, unit in MEASURES.values():
        selected = results.values("selection", key)
        margin = margin_of(results, key)
        claims += [
            about(f"{words} is about 0 where selection is neutral", unit, results.values("neutral", key), margin),
            above(f"{words} is positive under selection", unit, selected),
            above(
                f"{words} is higher under selection than where it is neutral",
                f"{unit}, difference",
                results.difference("selection", "neutral", key),
            ),
        ]
    claims += [
        above("Scores are inherited under selection", "slope", results.values("selection", HERITABILITY)),
        exact_books(results),
    ]
    rows = [(words, key) for key, words, _ in MEASURES.values()]
    rows += [
        ("Heritability of the score", HERITABILITY),
        ("the same, parents dealt by chance", FOSTER),
        ("Heritability of tokens per answer", "last.heritability_tokens"),
        ("effective lineages, last generation", "last.lineage_hill_1"),
        ("mean score, first generation", "first.mean_score"),
        ("mean score, last generations", "tail.mean_score"),
        ("organisms alive", "tail.num_living"),
    ]
    note = (
        "Neutral selection does not end inheritance: a child still resembles its parents there. What has no "
        "heritability is a child dealt to other parents: the mean slope of 200 deals, near 0 whatever the data, is a "
        "check of the computation."
    )
    return Findings(claims, [arms_table("Selection and drift", results, rows, note)])


def margin_of(results: Results, key: str) -> float:
    """What counts as about 0: half the mean under selection, which is stated with every claim that uses it."""
    known = [value for value in results.values("selection", key).tolist() if value == value]
    return abs(sum(known) / len(known)) / 2 if known else 0.0
