"""Made-up generation reports, for tests of what is shown."""

from collections.abc import Mapping

from evolora.generation import GenerationReport, OrganismSummary

NICHES = ("count_bits", "reasoning_gym_base_conversion", "word_order", "spell_backward")


def make_summary(number: int) -> OrganismSummary:
    return OrganismSummary(
        id=100 + number,
        lineage=number,
        age=3 * number,
        energy=20.0 - number,
        niche=NICHES[number % len(NICHES)],
        score=0.9 / (number + 1),
        kind=("founder", "clone", "merge")[number % 3],
        rank=8,
        num_examples=number % 3,
    )


def make_report(
    generation: int = 1,
    niche_scores: Mapping[str, float] | None = None,
    num_best: int = 8,
    num_living: int = 28,
) -> GenerationReport:
    """A lively generation; `niche_scores` leaves out the niches where nobody came."""
    scores = dict.fromkeys(NICHES, 0.25) if niche_scores is None else niche_scores
    return GenerationReport(
        generation=generation,
        num_living=num_living,
        num_lineages=9,
        births={"clone": 3, "merge": 1},
        deaths={"insolvency": 2, "crowding": 1},
        energy={"organisms": 123.4, "niches": 80.0, "commons": 12.1},
        flows={},
        residual=0,
        mean_score=0.25,
        niche_scores=scores,
        niche_visitors=dict.fromkeys(scores, 7),
        niche_stocks={},
        num_answers=448,
        num_tokens=2480,
        num_learners=0,
        learning_tokens=0,
        faults={},
        traits={},
        best=tuple(make_summary(number) for number in range(num_best)),
    )
