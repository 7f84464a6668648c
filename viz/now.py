"""How a run stands: a few numbers, the mean score and the speed."""

import numpy as np
import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz.series import evenly, number, pick, shown_rows, table_of
from evolora.viz.style import GENERATION, OTHER, colour, figure


def summary(run: RunData, generation: int | None = None) -> list[tuple[str, str]]:
    """What to know first about a run at a generation: names with numbers in words, units included."""
    row = run.metrics_of(generation)
    if not row:
        return [("generation", "none lived yet")]
    wanted = number(run.world.get("generations"))
    births, deaths = table_of(row, "births"), table_of(row, "deaths")
    energy = table_of(row, "energy")
    return [
        ("generation", f"{row['generation']}" + (f" of {wanted:.0f}" if np.isfinite(wanted) else "")),
        ("organisms alive", _count(row, "num_living")),
        ("founding lineages", _count(row, "num_lineages")),
        ("born", _by_name(births)),
        ("died", _by_name(deaths)),
        ("mean score", f"{number(row.get('mean_score')):.3f}"),
        ("energy in the world", f"{sum(energy.values()):.1f} ({_by_name(energy, '.1f', total=False)})"),
        ("speed", speed(run, generation)),
    ]


def speed(run: RunData, generation: int | None = None) -> str:
    """Tokens a second and seconds a generation, medians over the last ten generations."""
    rows = [row for row in run.timing if generation is None or row["generation"] <= generation][-10:]
    seconds, tokens = np.array(pick(rows, "seconds")), np.array(pick(rows, "tokens"))
    known = np.isfinite(seconds) & np.isfinite(tokens) & (seconds > 0)
    if not known.any():
        return "not recorded"
    rate = float(np.median(tokens[known] / seconds[known]))
    return f"{rate:,.0f} tokens/s, {float(np.median(seconds[known])):.1f} s a generation"


def mean_score(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Mean score of all answers, generation by generation; dotted, the first generation's."""
    rows = shown_rows(run, generation)
    generations, scores = [row["generation"] for row in rows], pick(rows, "mean_score")
    plot = figure(theme, GENERATION, "mean score of answers (0 to 1)")
    plot.add_scatter(
        x=generations,
        y=scores,
        mode="lines",
        name="all answers",
        line={"color": colour(0), "width": 2},
        hovertemplate="generation %{x}: mean score %{y:.3f}<extra></extra>",
    )
    if scores and np.isfinite(scores[0]):
        plot.add_hline(y=scores[0], line={"color": OTHER, "dash": "dot", "width": 1}, annotation_text="founders")
    plot.update_yaxes(rangemode="tozero")
    return plot


def throughput(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Tokens processed a second, prompts counted once for all their answers."""
    rows = evenly([row for row in run.timing if generation is None or row["generation"] <= generation])
    seconds, tokens = np.array(pick(rows, "seconds")), np.array(pick(rows, "tokens"))
    rate = np.divide(tokens, seconds, out=np.full(len(rows), np.nan), where=seconds > 0)
    plot = figure(theme, GENERATION, "tokens a second")
    plot.add_scatter(
        x=[row["generation"] for row in rows],
        y=rate,
        mode="lines",
        name="prompt and generated tokens",
        line_color=colour(4),
        customdata=seconds,
        hovertemplate="generation %{x}: %{y:,.0f} tokens a second, %{customdata:.1f} s<extra></extra>",
    )
    plot.update_yaxes(rangemode="tozero")
    return plot


def _count(row: dict[str, object], key: str) -> str:
    value = number(row.get(key))
    return f"{value:.0f}" if np.isfinite(value) else "?"


def _by_name(table: dict[str, float], form: str = ".0f", total: bool = True) -> str:
    """`6: clone 5, merge 1`."""
    parts = ", ".join(f"{name} {value:{form}}" for name, value in table.items())
    if not total:
        return parts
    return f"{sum(table.values()):{form}}" + (f": {parts}" if parts else "")
