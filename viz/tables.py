"""Tables of a report: titles, heads and cells of plain text, which whoever writes a page has to escape."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from evolora.record.run_data import RunData
from evolora.viz.exams import SURE_ERRORS, WAYS, exams_of
from evolora.viz.naming import differences, run_names
from evolora.viz.niche_scores import bare_host_scores
from evolora.viz.niches import niche_prices
from evolora.viz.series import count_events, evenly, number, pick, shown_rows, table_of
from evolora.viz.signs import signs_of_life

MOST_ROWS = 60  # of the table by generation


@dataclass(frozen=True)
class Table:
    """`head` names the columns; the first column of `rows` names the row, the others are numbers or words."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def signs_table(run: RunData) -> Table:
    """Every sign of life with its null."""
    rows = [
        (sign.title, sign.question, sign.seen or sign.why, sign.null or "-", sign.verdict)
        for sign in signs_of_life(run)
    ]
    return Table("Signs of life", ("sign", "question", "seen", "by chance", "verdict"), tuple(rows))


def generation_table(run: RunData) -> Table:
    """The run in numbers, an even selection of generations."""
    rows = []
    for row in evenly(shown_rows(run), MOST_ROWS):
        births, deaths, energy = (table_of(row, key) for key in ("births", "deaths", "energy"))
        rows.append(
            (
                str(row["generation"]),
                *(_whole(number(row.get(key))) for key in ("num_living", "num_lineages")),
                _whole(sum(births.values())),
                _whole(sum(deaths.values())),
                f"{number(row.get('mean_score')):.3f}",
                f"{energy.get('organisms', 0.0):.1f}",
                f"{energy.get('niches', 0.0):.1f}",
                f"{energy.get('commons', 0.0):.1f}",
                _whole(number(row.get("num_answers"))),
                _whole(number(row.get("num_tokens"))),
            )
        )
    head = (
        "generation", "alive", "lineages", "births", "deaths", "mean score", "energy: organisms", "niches", "commons",
        "answers", "tokens",
    )  # fmt: skip
    return Table("Generation by generation", head, tuple(rows))


def niche_table(run: RunData) -> Table:
    """Each niche at the beginning and at the end."""
    rows = run.metrics
    fed = np.nan_to_num(run.life_column("meals")).sum(axis=0)
    prices = niche_prices(run, run.generations[-1:])
    bare = bare_host_scores(run)
    best_prompted = bare[max(bare)] if bare else {}
    lines = []
    for index, niche in enumerate(run.niches):
        scores = [score for score in pick(rows, "niche_scores", niche) if np.isfinite(score)]
        last = rows[-1] if rows else {}
        lines.append(
            (
                niche,
                _fixed(float(prices[-1, index]) if len(prices) else np.nan, 2),
                _fixed(best_prompted.get(niche, (np.nan, 0))[0], 3),
                _fixed(scores[0] if scores else np.nan, 3),
                _fixed(scores[-1] if scores else np.nan, 3),
                _whole(table_of(last, "niche_visitors").get(niche, 0.0)),
                _fixed(table_of(last, "niche_stocks").get(niche, np.nan), 1),
                _fixed(float(fed[index]), 1),
            )
        )
    head = (
        "niche", "price", "bare host", "score at first", "score at last", "visitors at last", "stock at last",
        "fed in all",
    )  # fmt: skip
    return Table("Niches", head, tuple(lines))


def exam_table(run: RunData) -> Table:
    """The exams on held-out tasks: mean scores of each way of answering, and what the team adds to its best member."""
    rows = []
    for exam in evenly(exams_of(run), MOST_ROWS):
        gain, error = exam.gain()
        interval = f" [{gain - SURE_ERRORS * error:+.3f}, {gain + SURE_ERRORS * error:+.3f}]"
        rows.append(
            (
                str(exam.generation),
                *(_fixed(exam.mean(way), 3) for way in WAYS),
                f"{gain:+.3f}" + (interval if np.isfinite(error) else ""),
                _whole(exam.num_tasks),
                f"{exam.members} of {_whole(exam.num_candidates)}",
                _whole(exam.spent),
            )
        )
    head = (
        "generation", *(name for name, _, _ in WAYS.values()), "team less best [95 %]", "held-out tasks", "team",
        "tokens in all",
    )  # fmt: skip
    return Table("Exams on held-out tasks", head, tuple(rows))


def event_table(run: RunData) -> Table:
    """What happened, counted."""
    rows = []
    for event, column, verb in (("birth", "kind", "born as"), ("death", "cause", "died of")):
        counts = count_events(run, event, column).by_name
        rows += [(f"{verb} {name}", _whole(float(own.sum()))) for name, own in counts.items()]
    merges = run.event_table.filter(pc.equal(run.event_table["event"], "merge"))
    operators = Counter(str(name) for name in merges["operator"].to_pylist())
    rows += [(f"merged by {name}", str(count)) for name, count in sorted(operators.items())]
    other = Counter(str(row["event"]) for row in run.other_events)
    rows += [(name, str(count)) for name, count in sorted(other.items())]
    ages = pc.fill_null(run.death_table["age"], 0).to_numpy()
    if len(ages):
        rows.append(("age at death, median and greatest", f"{np.median(ages):.0f}, {ages.max()} generations"))
    return Table("Events", ("what", "how often"), tuple(rows))


def richest_table(run: RunData) -> Table:
    """The richest at the end, as the run reported them."""
    best = run.metrics_of(None).get("best")
    rows = []
    for entry in best if isinstance(best, list) else []:
        if isinstance(entry, dict):
            whole = [_whole(number(entry.get(key))) for key in ("id", "lineage", "age", "rank", "num_examples")]
            words = (str(entry.get("kind", "?")), str(entry.get("niche", "?")))
            rows.append((*whole, *words, _fixed(number(entry.get("score")), 3), _fixed(number(entry.get("energy")), 2)))
    head = ("organism", "lineage", "age", "rank", "examples", "born as", "best niche", "score there", "energy")
    return Table("The richest at the end", head, tuple(rows))


def comparison_table(runs: list[RunData]) -> Table:
    """Several runs, a line each."""
    rows = []
    for run in runs:
        last, scores = run.metrics_of(None), [s for s in pick(run.metrics, "mean_score") if np.isfinite(s)]
        causes = count_events(run, "death", "cause").by_name
        deaths = ", ".join(f"{name} {own.sum()}" for name, own in causes.items())
        kinds = count_events(run, "birth", "kind").by_name
        born = sum(int(own.sum()) for name, own in kinds.items() if name != "founder")
        seen = [sign.title.lower() for sign in signs_of_life(run) if sign.verdict == "yes"]
        rows.append(
            (
                run.path.name,
                run.name,
                str(run.seed),
                str(last.get("generation", 0)),
                _whole(number(last.get("num_living"))),
                _whole(number(last.get("num_lineages"))),
                _fixed(scores[0] if scores else np.nan, 3),
                _fixed(scores[-1] if scores else np.nan, 3),
                str(born),
                deaths or "0",
                ", ".join(seen) or "none",
            )
        )
    head = (
        "run", "world", "seed", "generations", "alive", "lineages", "score at first", "score at last", "births",
        "deaths", "signs of life seen",
    )  # fmt: skip
    return Table("The runs", head, tuple(rows))


def difference_table(runs: list[RunData]) -> Table:
    """The settings by which the runs' worlds differ, a line each; none where the worlds are alike."""
    told = differences(runs)
    keys = list(told[0])[:MOST_ROWS] if told else []
    rows = [(key, *(row[key] for row in told)) for key in keys]
    return Table("What differs between their worlds", ("setting", *run_names(runs)), tuple(rows))


def _whole(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "?"


def _fixed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "?"
