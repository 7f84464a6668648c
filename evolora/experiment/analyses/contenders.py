"""`contenders`: every arm under every shift, and the first arm's portfolio against each of the others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evolora.errors import RunFolderError
from evolora.experiment.findings import Claim, Entry, Findings, Table, Verdict
from evolora.experiment.procedures.contender import ROUTED
from evolora.experiment.registry import analysis
from evolora.experiment.results import Results
from evolora.portfolio.comparison import Effect, Pairs, compare, forgetting
from evolora.portfolio.statistics import LEVEL, holm

PORTFOLIO, ALONE, HOST = "routed", "best single", "host"
OR_ANCESTOR = "best or ancestor"
SHOWN = ("best single", OR_ANCESTOR, "routed", "top two", "vote", "oracle")
OUT_OF_DISTRIBUTION = "out of distribution"
SHIFTED = ("difficulty", "family", "surface")


@analysis("contenders")
def contenders(results: Results) -> Findings:
    """The first arm, routed, against every other arm: routed where that has several members, else its best single."""
    first, *others = results.arms
    found = judged(results, [(first, other) for other in others])
    return Findings(
        [claim for claim, _ in found.values()], [*level_tables(results), family_table(results), token_table(results)]
    )


def judged(results: Results, sides: Sequence[tuple[str, str]]) -> dict[tuple[str, str, str], tuple[Claim, Effect]]:
    """(arm, other, split) -> whether the arm, routed, is above the other in its usual mode; `sides` are (arm, other).

    p is corrected for the number of comparisons there are; where the experiment names primary arms, within the
    comparisons with these and within the others apart. Those without a common seed are left out.
    """
    found = {
        (arm, other, split): compare(list(pairs.values()), f"{arm} {other} {split}")
        for arm, other in sides
        for split in (*splits_of(results), OUT_OF_DISTRIBUTION)
        if (pairs := pairs_of(results, (other, usual_mode(results, other)), (arm, PORTFOLIO), split))
    }
    families: dict[str, list[tuple[str, str, str]]] = {}
    for key in found:
        families.setdefault(_family_of_claims(results, key[1]), []).append(key)
    claims = {
        key: claim_of(
            f"{key[0]}, routed, above {key[1]} ({usual_mode(results, key[1])}): {key[2]}", found[key], p, name
        )
        for name, keys in families.items()
        for key, p in zip(keys, holm([found[key].p for key in keys]), strict=True)
    }
    return {key: (claims[key], effect) for key, effect in found.items()}


def _family_of_claims(results: Results, other: str) -> str:
    if not results.primary:
        return "all"
    return "primary" if other in results.primary else "secondary"


def claim_of(text: str, effect: Effect, adjusted: float, family: str = "all") -> Claim:
    """A claim that a difference is above 0; undecided too where p, `adjusted` within its `family`, is large."""
    verdict: Verdict = "undecided"
    if adjusted < 1 - LEVEL:
        verdict = "yes" if effect.low > 0 else "no" if effect.high < 0 else "undecided"
    notes = [f"p {effect.p:.3g} alone", f"McNemar p {effect.mcnemar:.3g}", f"{effect.num_questions} questions"]
    if effect.carried_by:
        notes.append(f"carried by {', '.join(effect.carried_by)} alone")
    interval = (effect.low, effect.high)
    quantity = f"difference of mean scores, families alike; p two-sided, Holm over {family} claims"
    return Claim(text, verdict, quantity, effect.difference, interval, adjusted, effect.num_seeds, "; ".join(notes))


def splits_of(results: Results) -> list[str]:
    """Names of the splits, as the first finished cell has them."""
    for arm in results.arms:
        for seed in results.seeds:
            splits = results.value(arm, seed, "splits")
            if isinstance(splits, Mapping):
                return list(splits)
    return []


def usual_mode(results: Results, arm: str) -> str:
    """How an arm is meant to answer: by its router, or by its best single where it is one adapter's checkpoints, with
    an ancestor for what it does not recognise if it has one."""
    params = _params(results, arm)
    if params.get("kind") == "alone" and params.get("ancestor") is not None:
        return OR_ANCESTOR
    return PORTFOLIO if params.get("kind") in ROUTED else ALONE


def pairs_of(results: Results, first: tuple[str, str], second: tuple[str, str], split: str) -> dict[int, Pairs]:
    """Seed -> (arm, mode) against (arm, mode), where both are finished; families that may carry a claim only."""
    pairs = {}
    for seed in results.seeds:
        one, other = (_questions(results, arm, mode, seed, split) for arm, mode in (first, second))
        if one.families and other.families:
            if one.questions != other.questions or one.families != other.families:
                raise RunFolderError(
                    f"{first[0]} and {second[0]}, seed {seed}, {split}: expected the same questions, got others; "
                    "were they made by the same version?"
                )
            pairs[seed] = Pairs(one.second, other.second, one.families, one.questions)
    return pairs


def _questions(results: Results, arm: str, mode: str, seed: int, split: str) -> Pairs:
    """A cell's scores, as `second` against zeros; those of the shifted splits together for "out of distribution"."""
    families: list[str] = []
    digests: list[str] = []
    scores: list[float] = []
    for name in SHIFTED if split == OUT_OF_DISTRIBUTION else (split,):
        kept: Any = results.value(arm, seed, f"splits.{name}")
        if not isinstance(kept, Mapping):
            continue
        if "digests" not in kept:
            raise RunFolderError(
                f"{results.folder(arm, seed)}: expected which questions were asked, got a cell of an earlier version; "
                "delete its folder and run the experiment again"
            )
        allowed = headline_families(results, name)
        for family, digest, score in zip(kept["families"], kept["digests"], kept["scores"][mode], strict=True):
            if family in allowed:
                families.append(f"{name}: {family}" if split == OUT_OF_DISTRIBUTION else family)
                digests.append(digest)
                scores.append(score)
    return Pairs(np.zeros(len(scores)), np.array(scores, dtype=np.float64), tuple(families), tuple(digests))


def headline_families(results: Results, split: str) -> set[str]:
    """Families that may carry a claim: with many answers, in every cell."""
    allowed: dict[str, bool] = {}
    for arm, seed in results.finished:
        notes: Any = results.value(arm, seed, f"notes.{split}")
        for family, note in (notes or {}).items():
            allowed[family] = allowed.get(family, True) and note["headline"]
    return {family for family, good in allowed.items() if good}


def level_tables(results: Results) -> list[Table]:
    """A table for every split, and one for the shifted ones together."""
    return [_level_table(results, split) for split in (*splits_of(results), OUT_OF_DISTRIBUTION)]


def _level_table(results: Results, split: str) -> Table:
    """Mean score of every arm and mode, with its interval, tokens a correct answer, and what was forgotten."""
    rows: list[tuple[Entry, ...]] = []
    for arm in results.arms:
        usual = usual_mode(results, arm)
        for mode in SHOWN if usual == PORTFOLIO else (usual,):
            if mode == OR_ANCESTOR and _params(results, arm).get("ancestor") is None:
                continue
            own = [_questions(results, arm, mode, seed, split) for seed in results.seeds]
            pairs = [one for one in own if one.families]
            if not pairs:
                continue
            level = compare(pairs, f"level {arm} {mode} {split}", leave_out=False)
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
    head = ("arm, mode", "score", "95 % interval", "tokens a correct answer", "forgotten of the host's", "questions")
    note = "Families with few answers or a telling constant answer are left out; every family weighs the same."
    return Table(split, head, tuple(rows), note)


def _params(results: Results, arm: str) -> Mapping[str, Any]:
    """An arm's own, the same for all its seeds."""
    return next((cell.params for (name, _), cell in results.cells.items() if name == arm), {})


def _cost(results: Results, arm: str, mode: str, split: str) -> Entry:
    if split == OUT_OF_DISTRIBUTION:
        return None
    tokens = [results.value(arm, seed, f"splits.{split}.tokens_per_question.{mode}") for seed in results.seeds]
    scores: list[Any] = [results.value(arm, seed, f"splits.{split}.scores.{mode}") for seed in results.seeds]
    given = [
        (float(t), float(np.mean(s))) for t, s in zip(tokens, scores, strict=True) if isinstance(t, (int, float)) and s
    ]
    right = sum(score for _, score in given)
    return round(sum(t for t, _ in given) / right, 1) if right else None


def _forgotten(results: Results, arm: str, mode: str, split: str) -> Entry:
    lost = []
    for seed in results.seeds:
        own = _questions(results, arm, mode, seed, split)
        if own.families:
            lost.append(forgetting(_questions(results, arm, HOST, seed, split).second, own.second))
    known = [share for share in lost if not np.isnan(share)]
    return round(float(np.mean(known)), 4) if known else None


def family_table(results: Results) -> Table:
    """Every family by itself; those that reward constant answers are marked, and have their balanced accuracy below."""
    rows: list[tuple[Entry, ...]] = []
    for split in splits_of(results):
        notes = _notes(results, split)
        for family, note in notes.items():
            mark = "" if note["headline"] else " (no claim)"
            means = [_family_mean(results, arm, split, family) for arm in results.arms]
            rows.append((f"{split}: {family}{mark}", note["constant"], *means))
            if not note["headline"]:
                fair = [_balanced(results, arm, split, family) for arm in results.arms]
                rows.append((f"{split}: {family}, balanced accuracy", round(1 / note["kinds"], 4), *fair))
    return Table("families", ("family", "constant answer", *results.arms), tuple(rows), "Each arm in its usual mode.")


def _notes(results: Results, split: str) -> Mapping[str, Any]:
    for arm, seed in results.finished:
        notes: Any = results.value(arm, seed, f"notes.{split}")
        if notes:
            return dict(notes)
    return {}


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
