"""What was asked of the arms of a comparison, what each scored, and which families may carry claims."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evolora.errors import RunFolderError
from evolora.experiment.procedures.contender import ROUTED
from evolora.experiment.results import Results
from evolora.portfolio.comparison import Pairs, by_itself
from evolora.portfolio.splits import may_carry_claims

PORTFOLIO, ALONE, HOST = "routed", "best single", "host"
OR_ANCESTOR = "best or ancestor"
OUT_OF_DISTRIBUTION = "out of distribution"
SHIFTED = ("difficulty", "family", "surface")
REWORDED, ORIGINALS = "surface", "in distribution"


def splits_of(results: Results) -> list[str]:
    """Names of the splits, as the first finished cell has them."""
    for arm in results.arms:
        for seed in results.seeds:
            splits = results.value(arm, seed, "splits")
            if isinstance(splits, Mapping):
                return list(splits)
    return []


def params_of(results: Results, arm: str) -> Mapping[str, Any]:
    """An arm's own, the same for all its seeds."""
    return next((cell.params for (name, _), cell in results.cells.items() if name == arm), {})


def usual_mode(results: Results, arm: str) -> str:
    """How an arm is meant to answer: by its router, or by its best single where it is one adapter's checkpoints, with
    an ancestor for what it does not recognise if it has one."""
    params = params_of(results, arm)
    if params.get("kind") == "alone" and params.get("ancestor") is not None:
        return OR_ANCESTOR
    return PORTFOLIO if params.get("kind") in ROUTED else ALONE


def pairs_of(results: Results, first: tuple[str, str], second: tuple[str, str], split: str) -> dict[int, Pairs]:
    """Seed -> (arm, mode) against (arm, mode), where both are finished; families that may carry a claim only."""
    pairs = {}
    for seed in results.seeds:
        one, other = (scores_of(results, arm, mode, seed, split) for arm, mode in (first, second))
        if one.families and other.families:
            if _asked(results, first[0], seed, split) != _asked(results, second[0], seed, split):
                raise RunFolderError(
                    f"{first[0]} and {second[0]}, seed {seed}, {split}: expected the same questions, got others; "
                    "were they made by the same version?"
                )
            pairs[seed] = Pairs(one.second, other.second, one.families, one.questions)
    return pairs


def scores_of(results: Results, arm: str, mode: str, seed: int, split: str) -> Pairs:
    """A cell's scores, as `second` against zeros; those of the shifted splits together for "out of distribution"."""
    families: list[str] = []
    digests: list[str] = []
    scores: list[float] = []
    for name in SHIFTED if split == OUT_OF_DISTRIBUTION else (split,):
        kept: Any = results.value(arm, seed, f"splits.{name}")
        if not isinstance(kept, Mapping):
            continue
        allowed = headline_families(results, name)
        for family, digest, score in zip(
            kept["families"], _identities(results, arm, seed, name), kept["scores"][mode], strict=True
        ):
            if family in allowed:
                families.append(_label(name, family) if split == OUT_OF_DISTRIBUTION else family)
                digests.append(digest)
                scores.append(score)
    return Pairs(np.zeros(len(scores)), np.array(scores, dtype=np.float64), tuple(families), tuple(digests))


def _asked(results: Results, arm: str, seed: int, split: str) -> list[tuple[str, str]]:
    """The questions as they were put: the families and digests of one split, or of all shifted ones."""
    asked: list[tuple[str, str]] = []
    for name in SHIFTED if split == OUT_OF_DISTRIBUTION else (split,):
        kept: Any = results.value(arm, seed, f"splits.{name}")
        if isinstance(kept, Mapping):
            asked += zip(kept["families"], kept["digests"], strict=True)
    return asked


def first_to_ask(results: Results, arm: str, seed: int, split: str) -> str:
    """The first arm that put the same questions to the same host: `arm` itself, or one before it."""
    asked, host = _asked(results, arm, seed, split), _host_of(results, arm, seed)
    return next(
        one
        for one in results.arms
        if _asked(results, one, seed, split) == asked and _host_of(results, one, seed) == host
    )


def _host_of(results: Results, arm: str, seed: int) -> str | None:
    cell = results.cells.get((arm, seed))
    return None if cell is None else cell.world.host.name


def _identities(results: Results, arm: str, seed: int, split: str) -> list[str]:
    """What makes a question the same in several seeds: its digest. A reworded one, which every seed words in its own
    way, goes by the one that it was made from: they stand in the same places in distribution."""
    kept: Any = results.value(arm, seed, f"splits.{split}")
    originals: Any = results.value(arm, seed, f"splits.{ORIGINALS}")
    if split == REWORDED and isinstance(originals, Mapping) and originals["families"] == kept["families"]:
        kept = originals
    if "digests" not in kept:
        raise RunFolderError(
            f"{results.folder(arm, seed)}: expected which questions were asked, got a cell of an earlier version; "
            "delete its folder and run the experiment again"
        )
    return list(kept["digests"])


def num_asked(results: Results, split: str, family: str) -> int:
    """How many different questions of a family the seeds asked, in all."""
    asked: set[str] = set()
    for arm, seed in results.finished:
        kept: Any = results.value(arm, seed, f"splits.{split}")
        if isinstance(kept, Mapping):
            named = zip(kept["families"], _identities(results, arm, seed, split), strict=True)
            asked |= {digest for own, digest in named if own == family}
    return len(asked)


def headline_families(results: Results, split: str) -> list[str]:
    """Families that may carry a claim, in order: decided once for all seeds, by the questions of all."""
    return [
        family for family, line in constant_lines(results, split).items() if may_carry_claims(line.kinds, line.score)
    ]


@dataclass(frozen=True)
class ConstantLine:
    """What answering the same to a whole family brings: `score`, and `balanced` accuracy, means over all cells; `kinds`
    is the largest number of different answers that a cell's questions have."""

    kinds: int
    score: float
    balanced: float


def constant_lines(results: Results, split: str) -> dict[str, ConstantLine]:
    """Family -> its constant line, by all finished cells that were asked about it."""
    known: dict[str, list[tuple[int, float]]] = {}
    for arm, seed in results.finished:
        notes: Any = results.value(arm, seed, f"notes.{split}")
        for family, note in (notes or {}).items():
            known.setdefault(family, []).append((int(note["kinds"]), float(note["constant"])))
    return {
        family: ConstantLine(
            max(kinds for kinds, _ in own),
            round(float(np.mean([score for _, score in own])), 4),
            round(float(np.mean([1 / kinds for kinds, _ in own])), 4),
        )
        for family, own in known.items()
    }


def rests_on(results: Results, split: str) -> tuple[str, ...]:
    """The families that a claim about `split` is about."""
    if split != OUT_OF_DISTRIBUTION:
        return tuple(headline_families(results, split))
    return tuple(_label(name, family) for name in SHIFTED for family in headline_families(results, name))


def groups_of(split: str) -> Callable[[str], tuple[str, ...]]:
    """What each family of a split is left out with: alone, and out of distribution with all of its shift too."""
    return _with_its_shift if split == OUT_OF_DISTRIBUTION else by_itself


def _with_its_shift(label: str) -> tuple[str, ...]:
    return (label, f"the whole {label.partition(': ')[0]} shift")


def _label(split: str, family: str) -> str:
    return f"{split}: {family}"
