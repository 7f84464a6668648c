"""`contenders`: every arm under every shift, and the first arm's portfolio against each of the others."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from evolora.experiment.analyses.asked import (
    HOST,
    OR_ANCESTOR,
    OUT_OF_DISTRIBUTION,
    PORTFOLIO,
    SHIFTED,
    constant_lines,
    first_to_ask,
    groups_of,
    headline_families,
    num_asked,
    pairs_of,
    params_of,
    rests_on,
    scores_of,
    splits_of,
    usual_mode,
)
from evolora.experiment.analyses.routing_tables import coverage_table, routing_table, seed_table, ways_table
from evolora.experiment.findings import Claim, Entry, Findings, Table, Verdict
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results
from evolora.portfolio.comparison import Effect, compare, forgetting
from evolora.portfolio.statistics import LEVEL, holm

SHOWN = ("best single", OR_ANCESTOR, "routed", "top two", "most confident", "vote", "random", "oracle")
LEAST_SEEDS = 2  # one says nothing about others

Compared = tuple[str, str, str]  # an arm, another, a split
Effects = dict[Compared, Effect | None]


@analysis("contenders")
def contenders(results: Results) -> Findings:
    """The first arm, routed, against every other arm: routed where that has several members, else its best single."""
    first, *others = results.arms
    found = judged(results, [(first, other) for other in others])
    return Findings([claim for claim, _ in found.values()], tables_of(results))


def tables_of(results: Results) -> list[Table]:
    """All that is shown besides the claims."""
    between = [routing_table(results), ways_table(results), coverage_table(results)]
    told = [table for table in between if table is not None]
    return [*level_tables(results), *told, family_table(results), seed_table(results), token_table(results)]


def judged(results: Results, sides: Sequence[tuple[str, str]]) -> dict[Compared, tuple[Claim, Effect]]:
    """(arm, other, split) -> whether the arm, routed, is above the other in its usual mode; `sides` are (arm, other).

    p is corrected for the number of comparisons there are to be, whether they are finished or not; where the experiment
    names primary arms, within the comparisons with these and within the others apart. Those without a common seed are
    left out.
    """
    families: dict[str, Effects] = {}
    effects = effects_of(results, sides)
    for key, effect in effects.items():
        families.setdefault(_family_of_claims(results, key[1]), {})[key] = effect
    found = {}
    for name, own in families.items():
        for (key, effect), p in zip(own.items(), corrected_ps(own.values()), strict=True):
            if effect is not None:
                found[key] = (claim_about(results, key, effect, p, name), effect)
    return {key: found[key] for key in effects if key in found}


def effects_of(results: Results, sides: Sequence[tuple[str, str]]) -> Effects:
    """What each comparison found under every split; None without a common seed."""
    splits = (*splits_of(results), OUT_OF_DISTRIBUTION)
    return {(arm, other, split): _effect(results, arm, other, split) for arm, other in sides for split in splits}


def corrected_ps(effects: Iterable[Effect | None]) -> list[float]:
    """p of each, corrected by Holm's method for all of them: those yet to be computed count as well."""
    return holm([1.0 if effect is None else effect.p for effect in effects])


def claim_about(results: Results, key: Compared, effect: Effect, adjusted: float, family: str = "all") -> Claim:
    """The claim that an arm, routed, is above another in its usual mode; `key` is (arm, other, split)."""
    arm, other, split = key
    text = f"{arm}, routed, above {other} ({usual_mode(results, other)}): {split}"
    return claim_of(text, effect, adjusted, family, rests_on(results, split))


def _effect(results: Results, arm: str, other: str, split: str) -> Effect | None:
    """The arm, routed, against the other in its usual mode; None without a common seed."""
    pairs = pairs_of(results, (other, usual_mode(results, other)), (arm, PORTFOLIO), split)
    if not pairs:
        return None
    return compare(list(pairs.values()), f"{arm} {other} {split}", left_out_with=groups_of(split))


def _family_of_claims(results: Results, other: str) -> str:
    if not results.primary:
        return "all"
    return "primary" if other in results.primary else "secondary"


def claim_of(text: str, effect: Effect, adjusted: float, family: str = "all", rests_on: tuple[str, ...] = ()) -> Claim:
    """A claim that a difference is above 0; undecided too where p, `adjusted` within its `family`, is large, and with a
    single seed. `rests_on`: the families of tasks it is about."""
    verdict: Verdict = "undecided"
    if adjusted < 1 - LEVEL and effect.num_seeds >= LEAST_SEEDS:
        verdict = "yes" if effect.low > 0 else "no" if effect.high < 0 else "undecided"
    exact = [] if effect.mcnemar is None else [f"McNemar p {effect.mcnemar:.3g}"]
    notes = [f"p {effect.p:.3g} alone", *exact, f"{effect.num_questions} questions"]
    if effect.bootstrap is not None:
        notes.append(f"hierarchical bootstrap [{effect.bootstrap[0]:.3f}, {effect.bootstrap[1]:.3f}]")
    if effect.carried_by:
        notes.append(f"carried by {', '.join(effect.carried_by)} alone")
    interval = (effect.low, effect.high)
    quantity = f"difference of mean scores, families alike; p two-sided, Holm over {family} claims"
    note = "; ".join(notes)
    return Claim(text, verdict, quantity, effect.difference, interval, adjusted, effect.num_seeds, note, rests_on)


def level_tables(results: Results) -> list[Table]:
    """A table for every split, and one for the shifted ones together."""
    return [_level_table(results, split) for split in (*splits_of(results), OUT_OF_DISTRIBUTION)]


def _level_table(results: Results, split: str) -> Table:
    """Mean score of every arm and mode, with its interval, tokens a correct answer, and what was forgotten."""
    rows: list[tuple[Entry, ...]] = []
    for arm in results.arms:
        usual = usual_mode(results, arm)
        for mode in SHOWN if usual == PORTFOLIO else (usual,):
            if mode == OR_ANCESTOR and params_of(results, arm).get("ancestor") is None:
                continue
            own = [scores_of(results, arm, mode, seed, split) for seed in results.seeds]
            pairs = [one for one in own if one.families]
            if not pairs:
                continue
            level = compare(pairs, leave_out=False)
            rows.append(
                (
                    f"{arm}, {mode}",
                    level.second,
                    f"[{level.low:.3f}, {level.high:.3f}]",
                    _cost(results, arm, mode, split),
                    _forgotten(results, arm, mode, split),
                    level.num_questions,
                )
            )
    head = ("arm, mode", "score", "95 % interval", "tokens a correct answer*", "forgotten of the host's", "questions")
    note = (
        "Families with few answers or a telling constant answer are left out (*not here); every family weighs the "
        "same. Forgotten: the share lost of what the bare host answered fully, with the examples that the first arm "
        "of the same questions shows it."
    )
    return Table(split, head, tuple(rows), note)


def _cost(results: Results, arm: str, mode: str, split: str) -> Entry:
    """Tokens of all questions over correct answers; of all shifted splits for "out of distribution"."""
    tokens = right = 0.0
    for seed in results.seeds:
        for name in SHIFTED if split == OUT_OF_DISTRIBUTION else (split,):
            kept: Any = results.value(arm, seed, f"splits.{name}")
            if isinstance(kept, Mapping):
                scores = kept["scores"][mode]
                tokens += kept["tokens_per_question"][mode] * len(scores)
                right += sum(scores)
    return round(tokens / right, 1) if right else None


def _forgotten(results: Results, arm: str, mode: str, split: str) -> Entry:
    """Mean over seeds of what was lost of the bare host's answers, to the first arm that asked them: arms show it
    other numbers of examples."""
    lost = []
    for seed in results.seeds:
        own = scores_of(results, arm, mode, seed, split)
        if own.families:
            first = first_to_ask(results, arm, seed, split)
            lost.append(forgetting(scores_of(results, first, HOST, seed, split).second, own.second))
    known = [share for share in lost if not np.isnan(share)]
    return round(float(np.mean(known)), 4) if known else None


def family_table(results: Results) -> Table:
    """Every family by itself; those that reward constant answers are marked, and have their balanced accuracy below."""
    rows: list[tuple[Entry, ...]] = []
    for split in splits_of(results):
        allowed = headline_families(results, split)
        for family, line in constant_lines(results, split).items():
            mark = "" if family in allowed else " (no claim)"
            means = [_family_mean(results, arm, split, family) for arm in results.arms]
            rows.append((f"{split}: {family}{mark}", line.score, *means, num_asked(results, split, family)))
            if family not in allowed:
                fair = [_balanced(results, arm, split, family) for arm in results.arms]
                rows.append((f"{split}: {family}, balanced accuracy", line.balanced, *fair, None))
    head = ("family", "constant answer", *results.arms, "questions")
    note = f"Each arm in its usual mode, means over {len(results.seeds)} seeds; different questions that these asked."
    return Table("families", head, tuple(rows), note)


def _family_mean(results: Results, arm: str, split: str, family: str) -> Entry:
    means = []
    for seed in results.seeds:
        kept: Any = results.value(arm, seed, f"splits.{split}")
        if isinstance(kept, Mapping):
            mine = np.array([own == family for own in kept["families"]])
            means.append(float(np.array(kept["scores"][usual_mode(results, arm)])[mine].mean()))
    return round(float(np.mean(means)), 4) if means else None


def _balanced(results: Results, arm: str, split: str, family: str) -> Entry:
    """Mean over seeds of the balanced accuracy of an arm's usual mode."""
    path = f"splits.{split}.balanced.{usual_mode(results, arm)}.{family}"
    found = [results.value(arm, seed, path) for seed in results.seeds]
    known = [value for value in found if isinstance(value, (int, float))]
    return round(float(np.mean(known)), 4) if known else None


def token_table(results: Results) -> Table:
    """What every arm spent before its test, in token passes, as means over seeds."""
    rows: list[tuple[Entry, ...]] = []
    for arm in results.arms:
        spent: list[Any] = [results.value(arm, seed, "tokens") for seed in results.seeds]
        known = [tokens for tokens in spent if isinstance(tokens, Mapping)]
        purposes = ("living", "training", "selection", "routing", "search", "total")
        if known:
            rows.append((arm, *(round(float(np.mean([one.get(p, 0) for one in known]))) for p in purposes)))
    head = ("arm", "living", "training", "selection", "routing", "search", "total")
    lost = [f"{arm} with seed {seed}" for arm, seed in results.finished if results.value(arm, seed, "extinct")]
    note = f"Died out, so that the bare host answers: {', '.join(lost)}." if lost else ""
    return Table("token passes before the test (forward and backward)", head, tuple(rows), note)
