"""One organism's life: what it owned, what it ate where, and whether it learnt."""

import numpy as np
import plotly.graph_objects as go
import pyarrow.compute as pc
from plotly.subplots import make_subplots

from evolora.record.run_data import RunData
from evolora.viz.series import evenly, last_generation
from evolora.viz.style import GENERATION, OTHER, colour, lineage_colour, template, text


def life(
    run: RunData, *, generation: int | None = None, theme: str = "light", organism_id: int | None = None
) -> go.Figure:
    """An organism's energy, meals by niche and scores, generation by generation.

    Without an id: the one that has eaten most in its life, of those alive in the generation shown.
    """
    identity = best_fed(run, generation) if organism_id is None else organism_id
    rows = np.flatnonzero(run.life_column("organism_id") == identity)
    if generation is not None:
        rows = rows[run.life_column("generation", rows) <= generation]
    rows = np.array(evenly(rows.tolist()), dtype=np.int64)
    when = run.life_column("generation", rows)
    plot = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    plot.update_layout(
        template=template(theme), barmode="stack", height=620, title_text=describe(run, identity, generation)
    )
    lineage = int(run.life_column("lineage", rows)[-1]) if len(rows) else 0
    plot.add_scatter(
        x=when, y=run.life_column("energy", rows), mode="lines+markers", line_color=lineage_colour(lineage),
        hovertemplate="generation %{x}: owns %{y:.2f} energy<extra></extra>", showlegend=False, row=1, col=1,
    )  # fmt: skip
    meals, scores, answers = (run.life_column(name, rows) for name in ("meals", "scores", "answers"))
    for index, niche in enumerate(run.niches):
        if not np.nansum(answers[:, index]):
            continue
        style = {"name": text(niche), "legendgroup": str(index)}
        plot.add_bar(
            x=when, y=meals[:, index], marker_color=colour(index), **style, row=2, col=1,
            hovertemplate=f"generation %{{x}}: %{{y:.2f}} energy from {text(niche)}<extra></extra>",
        )  # fmt: skip
        mean = np.divide(
            scores[:, index], answers[:, index], out=np.full(len(rows), np.nan), where=answers[:, index] > 0
        )
        plot.add_scatter(
            x=when, y=mean, mode="lines+markers", line_color=colour(index), connectgaps=True, showlegend=False, **style,
            hovertemplate=f"generation %{{x}}: mean score %{{y:.2f}} in {text(niche)}<extra></extra>", row=3, col=1,
        )  # fmt: skip
    for row, title in enumerate(("energy owned", "energy eaten", "mean score"), 1):
        plot.update_yaxes(title_text=title, rangemode="tozero", row=row, col=1)
    plot.update_yaxes(range=[0, 1], row=3, col=1)
    plot.update_xaxes(title_text=GENERATION, row=3, col=1)
    if len(rows) < 16:
        plot.update_xaxes(dtick=1)
    plot.add_hline(y=0, line={"color": OTHER, "width": 1}, row=1, col=1)
    return plot


def best_fed(run: RunData, generation: int | None = None) -> int | None:
    """Of those who outlive a generation (or of all in it, if nobody does), the one that has eaten most in its life."""
    shown = last_generation(run, generation)
    end = run.rows_of(shown).stop
    there = np.unique(run.life_column("organism_id", run.rows_of(shown)))
    if not len(there):
        return None
    dying = run.death_table.filter(pc.equal(run.death_table["generation"], shown))["organism_id"].to_numpy()
    survivors = np.setdiff1d(there, dying)
    living = survivors if len(survivors) else there
    ids = run.life_column("organism_id")[:end]
    rows = np.flatnonzero(np.isin(ids, living))
    eaten = np.nan_to_num(run.life_column("meals", rows)).sum(axis=1)
    totals = np.bincount(np.searchsorted(living, ids[rows]), weights=eaten, minlength=len(living))
    return int(living[totals.argmax()])


def describe(run: RunData, organism_id: int | None, until: int | None = None) -> str:
    """An organism in a line: whose child, when born, what became of it up to a generation."""
    if organism_id is None:
        return "nobody lives"
    birth, death = run.births.get(organism_id, {}), run.deaths.get(organism_id)
    kind = text(birth.get("kind", "of unknown birth"))
    parents = " and ".join(str(parent) for parent in birth.get("parents", [])) or "nobody"
    lives = death is None or (until is not None and death["generation"] > until)
    end = (
        "alive"
        if death is None or lives
        else f"died of {text(death.get('cause', '?'))} in generation {death['generation']}"
    )
    return (
        f"organism {organism_id} · lineage {birth.get('lineage', '?')} · {kind} of {parents}, "
        f"generation {birth.get('generation', '?')} · {end}"
    )
