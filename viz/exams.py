"""Exams as a run goes: a team of the living with a router, its best member and the bare host, on held-out tasks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from evolora.record.run_data import Row, RunData
from evolora.viz.bands import add_band
from evolora.viz.niche_scores import MOST_NICHES, niche_grid, niche_place
from evolora.viz.series import Values, evenly, number, table_of
from evolora.viz.style import GENERATION, OTHER, colour, faint, figure, text

WAYS = {  # ways of answering -> (name, colour, dash)
    "routed": ("team with a router", colour(0), "solid"),
    "best": ("best organism alone", colour(5), "solid"),
    "oracle": ("if whoever knows it answered", colour(2), "dash"),
    "host": ("bare language model", OTHER, "dot"),
}
SURE_ERRORS = 1.96  # standard errors to either side that hold 95 % of a normal distribution


@dataclass(frozen=True, eq=False)
class Exam:
    """One exam, after `generation`. `scores[way]` has an array (tasks,) for each of `niches`; `members` were kept of
    `num_candidates`. `tokens` are what an answer takes by each way and `spent` those of the whole exam, NaN where the
    folder does not say."""

    generation: int
    niches: tuple[str, ...]
    scores: dict[str, list[Values]]
    tokens: dict[str, float]
    members: int
    num_candidates: float
    spent: float

    @property
    def num_tasks(self) -> int:
        return sum(len(own) for own in self.scores["routed"])

    def mean(self, way: str) -> float:
        """The mean over niches of the mean score there: every niche weighs the same."""
        return float(np.mean([own.mean() for own in self.scores[way]]))

    def differences(self) -> list[Values]:
        """Task by task, the team's score less the best organism's: an array a niche."""
        return [one - other for one, other in zip(self.scores["routed"], self.scores["best"], strict=True)]

    def gain(self) -> tuple[float, float]:
        """The mean of `differences` over niches, and its standard error: paired by task, tasks drawn within niches
        (stratified sampling: Cochran 1977, 5.6). NaN with one task in a niche."""
        apart = self.differences()
        spread = [own.var(ddof=1) / len(own) if len(own) > 1 else math.nan for own in apart]
        return float(np.mean([own.mean() for own in apart])), float(np.sqrt(np.sum(spread)) / len(apart))


def exams_of(run: RunData, generation: int | None = None) -> list[Exam]:
    """The exams up to a generation (evenly chosen ones of very many); rows that are damaged are left out."""
    rows = [row for row in run.exams if generation is None or row["generation"] <= generation]
    return [exam for row in evenly(rows) if (exam := read_exam(row)) is not None]


def read_exam(row: Row) -> Exam | None:
    """A row of portfolio.jsonl, None if it is no whole exam."""
    names, scores = row.get("niches"), row.get("scores")
    if not isinstance(names, list) or not names or not isinstance(scores, dict):
        return None
    by_way = {way: _scores(scores.get(way)) for way in WAYS}
    shapes = [tuple(len(own) for own in table) for table in by_way.values()]
    if len(set(shapes)) != 1 or len(shapes[0]) != len(names) or 0 in shapes[0]:
        return None
    told, members = row.get("tokens_per_answer"), row.get("members")
    tokens = {way: number(told.get(way)) if isinstance(told, dict) else math.nan for way in WAYS}
    size = len(members) if isinstance(members, list) else 0
    titles = tuple(str(name) for name in names)
    spent = sum(table_of(row, "tokens").values()) if isinstance(row.get("tokens"), dict) else math.nan
    return Exam(row["generation"], titles, by_way, tokens, size, number(row.get("num_candidates")), spent)


def _scores(table: object) -> list[Values]:
    """Lists of scores in [0, 1] as arrays; none of them if anything else is in there."""
    if not isinstance(table, list) or not all(isinstance(own, list) for own in table):
        return []
    arrays = [np.array([number(score) for score in own], dtype=np.float64) for own in table]
    return arrays if all(bool(((own >= 0) & (own <= 1)).all()) for own in arrays) else []


def has_exams(run: RunData) -> bool:
    """Whether an exam was held."""
    return any(read_exam(row) is not None for row in run.exams)


def exam_scores(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Mean score on held-out tasks of each way of answering, exam by exam."""
    found = exams_of(run, generation)
    plot = figure(theme, GENERATION, "mean score on held-out tasks (0 to 1)", height=400)
    for way, (name, shade, dash) in WAYS.items():
        plot.add_scatter(
            x=[exam.generation for exam in found],
            y=[exam.mean(way) for exam in found],
            customdata=[[exam.num_tasks, exam.tokens[way]] for exam in found],
            mode="lines+markers" if len(found) < 60 else "lines",
            name=name,
            line={"color": shade, "dash": dash, "width": 2},
            marker_size=5,
            hovertemplate=f"{name}, generation %{{x}}: %{{y:.3f}} over %{{customdata[0]}} tasks, "
            "%{customdata[1]:.0f} tokens an answer<extra></extra>",
        )
    plot.update_yaxes(rangemode="tozero")
    return _say_if_none(plot, found)


def exam_gain(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """What the router adds to the best organism alone, with its 95 % interval over tasks."""
    found = exams_of(run, generation)
    when = [exam.generation for exam in found]
    gain, error = np.array([exam.gain() for exam in found]).reshape(-1, 2).T
    half = SURE_ERRORS * error
    plot = figure(theme, GENERATION, "team less best organism (score)", height=400)
    add_band(plot, when, gain, half, faint(colour(0), 0.22), "95 % interval over tasks")
    plot.add_scatter(
        x=when,
        y=gain,
        customdata=np.stack([gain - half, gain + half, [exam.num_tasks for exam in found]], axis=1) if found else None,
        mode="lines+markers" if len(found) < 60 else "lines",
        name="gain of the team over its best organism",
        line={"color": colour(0), "width": 2},
        marker_size=5,
        hovertemplate="generation %{x}: %{y:+.3f} [%{customdata[0]:+.3f}, %{customdata[1]:+.3f}], the same "
        "%{customdata[2]} tasks answered by both<extra></extra>",
    )
    line = {"color": OTHER, "dash": "dot", "width": 1}
    plot.add_hline(y=0, line=line, annotation_text="one would do as well", annotation_position="bottom left")
    return _say_if_none(plot, found)


def exam_niches(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """The same for each niche, a small plot a niche."""
    found = exams_of(run, generation)
    niches = list(found[-1].niches[:MOST_NICHES]) if found else []
    found = [exam for exam in found if exam.niches == found[-1].niches]
    plot = niche_grid(niches, theme)
    for place, niche in enumerate(niches):
        for way, (name, shade, dash) in WAYS.items():
            plot.add_scatter(
                x=[exam.generation for exam in found],
                y=[float(exam.scores[way][place].mean()) for exam in found],
                customdata=[len(exam.scores[way][place]) for exam in found],
                mode="lines",
                name=name,
                legendgroup=way,
                showlegend=place == 0,
                line={"color": shade, "dash": dash, "width": 1.8},
                hovertemplate=f"{text(niche)}, {name}, generation %{{x}}: %{{y:.3f}} over %{{customdata}} tasks"
                "<extra></extra>",
                **niche_place(place, len(niches)),
            )
    return _say_if_none(plot, found)


def _say_if_none(plot: go.Figure, found: Sequence[Exam]) -> go.Figure:
    if not found:
        plot.add_annotation(text="no exam yet", showarrow=False, xref="paper", yref="paper", x=0.5, y=0.5)
    return plot
