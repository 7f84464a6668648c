"""Signs of life: what is seen in a run, each held against what chance alone would show."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from evolora.record.run_data import RunData
from evolora.rng import stream
from evolora.viz import ancestry
from evolora.viz.colonies import colony_changes
from evolora.viz.exams import SURE_ERRORS, exams_of
from evolora.viz.series import Values, last_generation, number, pick

Verdict = Literal["yes", "no", "not yet"]
SHUFFLES = 200
SURE = 0.01  # a sign is seen where chance alone does as well in fewer than this share of shuffles
WINDOW = 30  # generations looked back over
RECENT = 10  # generations over which measures of the record are averaged
CLEARLY_ABOVE = 0.05  # share of activity beyond drift's 99 % line, of which drift alone has about 0.01
FEWEST_TRIALS = 8  # of colonies: with fewer even all signs alike are no rarer than `SURE`
FEWEST = 5  # deaths, merges and the like below which nothing can be said


@dataclass(frozen=True)
class Sign:
    """One row: `seen` and `null` in words with their unit; `value`, `chance` (mean) and `spread` (standard deviation)
    are the numbers behind them, NaN where there is none; `why` explains a verdict of "not yet"."""

    key: str
    title: str
    question: str
    seen: str
    null: str
    verdict: Verdict
    value: float = math.nan
    chance: float = math.nan
    spread: float = math.nan
    why: str = ""

    @property
    def deviations(self) -> float:
        """How many of its standard deviations the seen lies above chance; NaN where that means nothing."""
        return (self.value - self.chance) / self.spread if self.spread > 0 else math.nan


@dataclass(frozen=True)
class Question:
    """What a sign asks, before it is looked for."""

    key: str
    title: str
    question: str

    def unanswered(self, why: str) -> Sign:
        return Sign(self.key, self.title, self.question, "", "", "not yet", why=why)

    def answer(self, value: float, chances: Values, seen: str, null: str) -> Sign:
        """Seen against shuffles (n,): a sign where chance reaches it in fewer than `SURE` of them.

        `{value}`, `{chance}` and `{spread}` are filled into `seen` and `null`.
        """
        p = (1 + int((chances >= value - 1e-12).sum())) / (1 + len(chances))
        chance, spread = float(chances.mean()), float(chances.std())
        told, expected = (words.format(value=value, chance=chance, spread=spread) for words in (seen, null))
        verdict: Verdict = "yes" if p < SURE else "no"
        return Sign(self.key, self.title, self.question, told, expected, verdict, value, chance, spread)


NICHES = Question("niches", "Niches", "Do different organisms go to different niches?")
SPECIALISTS = Question("specialists", "Specialists", "Do organisms answer better than others where they go most?")
PRESSURE = Question("pressure", "Energy pressure", "Do those who answer worse go broke?")
HEREDITY = Question("heredity", "Heredity", "Do children answer like their parents?")
MERGERS = Question("mergers", "Mergers", "Do merged children leave descendants, like the copies born beside them?")
COLONIES = Question("colonies", "Colonies", "Do members of colonies earn more together than the same ones alone?")
ROUTING = Question("routing", "Routing gain", "Does a router among several organisms beat asking the best one always?")
NOVELTY = Question("novelty", "Novelty", "Do successful kinds appear faster than under drift?")


def signs_of_life(run: RunData, generation: int | None = None) -> list[Sign]:
    """Every sign of a run as it stood at a generation (None: the last), always the same for the same folder."""
    shown = last_generation(run, generation)
    looks: tuple[Callable[[RunData, int], Sign], ...] = (
        niches, specialists, pressure, heredity, mergers, colonies, routing, novelty,
    )  # fmt: skip
    return [look(run, shown) for look in looks]


def niches(run: RunData, generation: int) -> Sign:
    """Mutual information of organism and niche over the visits of a generation; visits dealt at random as null."""
    visits = _visits(run, generation)
    if visits.shape[0] < 2 or visits.shape[1] < 2:
        return NICHES.unanswered("it takes two organisms and two niches")
    who, where = (np.repeat(axis, visits.ravel()) for axis in np.indices(visits.shape).reshape(2, -1))
    rng = stream(run.seed, "signs", "niches", generation)
    chances = [_information(who, rng.permutation(where), visits.shape) for _ in range(SHUFFLES)]
    return NICHES.answer(
        _information(who, where, visits.shape),
        np.array(chances),
        "an organism's name tells {value:.2f} nats about where it goes",
        "{chance:.2f} ± {spread:.2f} when the same visits are dealt at random",
    )


def _visits(run: RunData, generation: int) -> NDArray[np.int64]:
    """(organisms, niches): tasks met in a generation, by those who met any in a niche anybody went to."""
    settings = run.world.get("encounters")
    per_task = number(settings.get("answers_per_task")) if isinstance(settings, dict) else 1.0
    answers = np.nan_to_num(run.life_column("answers", run.rows_of(generation)))
    visits = np.rint(answers / (per_task if per_task >= 1 else 1.0)).astype(np.int64)
    visits = visits[visits.sum(axis=1) > 0]
    return np.asarray(visits[:, visits.sum(axis=0) > 0])


def _information(who: NDArray[np.int64], where: NDArray[np.int64], shape: tuple[int, ...]) -> float:
    """Mutual information in nats of two labels, plug-in estimate."""
    joint = np.bincount(who * shape[1] + where, minlength=shape[0] * shape[1]).reshape(shape) / len(who)
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / apart[there])).sum())


def specialists(run: RunData, generation: int) -> Sign:
    """Mean lead over the niche's other visitors in one's most visited niche; in any visited niche as null."""
    rows = slice(run.rows_of(generation - 4).start, run.rows_of(generation).stop)  # five generations: scores are noisy
    ids, place = np.unique(run.life_column("organism_id", rows), return_inverse=True)
    answers, scores = (np.zeros((len(ids), len(run.niches))) for _ in range(2))
    np.add.at(answers, place, np.nan_to_num(run.life_column("answers", rows)))
    np.add.at(scores, place, np.nan_to_num(run.life_column("scores", rows)))
    others_answers, others_scores = answers.sum(axis=0) - answers, scores.sum(axis=0) - scores
    comparable = (answers > 0) & (others_answers > 0)
    lead = scores / np.maximum(answers, 1) - others_scores / np.maximum(others_answers, 1)
    able = comparable.sum(axis=1) >= 2  # there must be a choice
    if able.sum() < FEWEST:
        return SPECIALISTS.unanswered("fewer than five organisms have tried two niches")
    lead, comparable, answers = lead[able], comparable[able], np.where(comparable[able], answers[able], -1)
    home = answers.argmax(axis=1)
    rng = stream(run.seed, "signs", "specialists", generation)
    draws = rng.random((SHUFFLES, *comparable.shape)) * comparable  # a random niche among those visited
    chances = np.take_along_axis(lead[None], draws.argmax(axis=2)[:, :, None], axis=2)[:, :, 0].mean(axis=1)
    return SPECIALISTS.answer(
        float(lead[np.arange(len(home)), home].mean()),
        chances,
        "at home, organisms lead the other visitors by {value:+.3f} of a score",
        "{chance:+.3f} ± {spread:.3f} in any niche they visit",
    )


def pressure(run: RunData, generation: int) -> Sign:
    """How much worse those answered who went broke than those who did not; deaths dealt at random as null."""
    gaps, chances = [], []
    rng = stream(run.seed, "signs", "pressure", generation)
    dead = ancestry.died_of(run, "insolvency", generation - WINDOW, generation)
    for when, ids in dead.items():
        rows = run.rows_of(when)
        answers = np.nansum(run.life_column("answers", rows), axis=1)
        score = np.nansum(run.life_column("scores", rows), axis=1) / np.maximum(answers, 1)
        broke = np.isin(run.life_column("organism_id", rows), ids)
        if 0 < broke.sum() < len(broke):
            centred = score - score.mean()
            gaps.append(-centred[broke])
            chances.append(np.array([-centred[rng.permutation(broke)].sum() for _ in range(SHUFFLES)]))
    number_dead = sum(len(own) for own in gaps)
    if number_dead < FEWEST:
        return PRESSURE.unanswered(f"{number_dead} went broke in the last {WINDOW} generations, five are needed")
    return PRESSURE.answer(
        float(np.concatenate(gaps).mean()),
        np.sum(chances, axis=0) / number_dead,
        f"the {number_dead} who went broke scored {{value:.3f}} below their generation's mean",
        "{chance:.3f} ± {spread:.3f} below had the same deaths hit anybody",
    )


def heredity(run: RunData, generation: int) -> Sign:
    """Correlation of children's first and parents' last scores, both less their generation's mean; children swapped
    among the parents of a generation as null."""
    pairs = ancestry.parent_child_scores(run, generation - WINDOW, generation)
    if len(pairs.child) < 2 * FEWEST or not (pairs.child.std() > 0 and pairs.parent.std() > 0):
        return HEREDITY.unanswered(f"{len(pairs.child)} children with a record of their own, ten are needed")
    rng = stream(run.seed, "signs", "heredity", generation)
    chances = []
    for _ in range(SHUFFLES):
        mixed = pairs.child[np.lexsort((rng.random(len(pairs.child)), pairs.born))]  # within each generation of births
        chances.append(np.corrcoef(pairs.parent, mixed)[0, 1])
    return HEREDITY.answer(
        float(np.corrcoef(pairs.parent, pairs.child)[0, 1]),
        np.array(chances),
        f"scores of {len(pairs.child)} children follow their parents': correlation {{value:.2f}}",
        "{chance:.2f} ± {spread:.2f} with children swapped among parents",
    )


def mergers(run: RunData, generation: int) -> Sign:
    """Share of merged children with a descendant (or itself) alive, against all children born beside them."""
    children = ancestry.children_with_fate(run, generation - WINDOW, generation - 3)  # the youngest prove nothing yet
    merged = children.merged
    if merged.sum() < FEWEST or merged.all():
        return MERGERS.unanswered(f"{int(merged.sum())} merged children old enough to judge, five are needed")
    rng = stream(run.seed, "signs", "mergers", generation)
    left = children.left_descendants.astype(float)
    chances = []
    for _ in range(SHUFFLES):
        mixed = left[np.lexsort((rng.random(len(left)), children.born))]
        chances.append(mixed[merged].mean())
    value, null = float(left[merged].mean()), np.array(chances)
    # to do as well as a copy is enough: a sign unless chance does better nearly always
    as_bad = (1 + int((null <= value + 1e-12).sum())) / (1 + len(null))
    answer = MERGERS.answer(
        value,
        null,
        f"{{value:.0%}} of {int(merged.sum())} merged children have living descendants",
        "{chance:.0%} ± {spread:.0%} of children born in the same generations",
    )
    alive: Verdict = "yes" if value > 0 and as_bad >= SURE else "no"
    return replace(answer, verdict=alive)


def colonies(run: RunData, generation: int) -> Sign:
    """Mean gain of living colonies in their paired trials on fresh tasks; the sign of each dealt by a coin as null, as
    if it made no difference who answers. The trials by which members signed up do not count: they were chosen."""
    if not any(isinstance(row.get("colonies"), dict) for row in run.metrics):
        return COLONIES.unanswered("this world has no colonies")
    audits = [row for row in colony_changes(run, generation) if row.get("change") == "audited"]
    gains = np.array(pick(audits, "together")) - np.array(pick(audits, "alone"))
    gains = gains[np.isfinite(gains)]
    if len(gains) < FEWEST_TRIALS:
        return COLONIES.unanswered(f"{len(gains)} paired trials of living colonies, {FEWEST_TRIALS} are needed")
    rng = stream(run.seed, "signs", "colonies", generation)
    flips = rng.integers(2, size=(SHUFFLES, len(gains))) * 2 - 1
    return COLONIES.answer(
        float(gains.mean()),
        (flips * gains).mean(axis=1),
        f"{{value:+.3f}} energy per member and generation, mean of {len(gains)} paired trials",
        "{chance:+.3f} ± {spread:.3f} had a coin said who earned more",
    )


def routing(run: RunData, generation: int) -> Sign:
    """The last exam's mean gain, task by task, of a team with a router over its best organism alone; a coin that says
    which answer was whose as null, as if it made no difference who is asked."""
    held = exams_of(run, generation)
    if not held:
        settings = run.world.get("record")
        is_planned = isinstance(settings, dict) and bool(settings.get("portfolio_every"))
        why = "no exam on held-out tasks so far" if is_planned else "no exams in this world: set record.portfolio_every"
        return ROUTING.unanswered(why)
    exam = held[-1]
    gain, error = exam.gain()
    apart = exam.differences()
    weighed = np.concatenate([own / (len(own) * len(apart)) for own in apart])  # every niche weighs the same
    rng = stream(run.seed, "signs", "routing", generation)
    flips = rng.integers(2, size=(SHUFFLES, len(weighed))) * 2 - 1
    return ROUTING.answer(
        gain,
        (flips * weighed).sum(axis=1),
        f"a team scores {{value:+.3f}} over its best organism on {exam.num_tasks} held-out tasks "
        f"[{gain - SURE_ERRORS * error:+.3f}, {gain + SURE_ERRORS * error:+.3f}]",
        "{chance:+.3f} ± {spread:.3f}, dealt by a coin",
    )


def novelty(run: RunData, generation: int) -> Sign:
    """Evolutionary activity of phenotypes above the 99 % line of the neutral shadows (Bedau & Packard; Channon)."""
    rows = _recent(run, generation)
    shares = np.array(pick(rows, "ecology", "activity_phenotype_excess_share"))
    shares = shares[np.isfinite(shares)]
    if len(shares) < FEWEST:
        return NOVELTY.unanswered(f"{len(shares)} of the last {len(rows)} generations have a neutral shadow")
    share = float(shares.mean())
    return Sign(
        NOVELTY.key,
        NOVELTY.title,
        NOVELTY.question,
        f"{share:.1%} of all activity lies above the 99 % line of drift, mean of {len(shares)} generations",
        f"about 1 % under drift; a sign from {CLEARLY_ABOVE:.0%} on",
        "yes" if share >= CLEARLY_ABOVE else "no",
        share,
        0.01,
        float(shares.std(ddof=1) / np.sqrt(len(shares))),
    )


def _recent(run: RunData, generation: int) -> list[dict[str, Any]]:
    return [row for row in run.metrics if generation - RECENT < row["generation"] <= generation]
