"""The pond: every organism at a place that says what it lives on."""

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa

from evolora.record.run_data import RunData
from evolora.viz.series import Values, last_generation
from evolora.viz.style import OTHER, figure, lineage_colour, text

MEMORY = 0.5  # weight of the generation before in an organism's place, and again of the one before that
DEPTH = 6  # generations back that count at all
SPREAD = 0.11  # radius within which organisms of equal profile stand apart, the pond's radius being 1
MOST_NAMED = 12  # lineages with a name in the legend, the largest
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def niche_places(num_niches: int) -> Values:
    """(niches, 2): the niches on the shore, a circle of radius 1, evenly, the first at the top."""
    angle = np.pi / 2 - 2 * np.pi * np.arange(num_niches) / max(1, num_niches)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def pond_layout(run: RunData, generations: list[int] | None = None) -> pa.Table:
    """Where everybody is: columns generation, organism_id, x, y, lineage, energy and niche (its place in `run.niches`
    of the one that fed it most, -1 for none), a row per life, of all generations or of those asked for.

    An organism stands at the mean of the niches' places, weighted by what each fed it in this generation and, ever
    less, in those before: so a specialist stands near its niche and one that lives on everything in the middle. The
    coordinates of a generation depend on nothing later, so they never change as a run goes on.
    """
    rows = slice(0, len(run.lives))
    if generations:  # their own rows and those they remember
        rows = slice(run.rows_of(min(generations) - DEPTH).start, run.rows_of(max(generations)).stop)
    meals = np.nan_to_num(run.life_column("meals", rows))
    ids, when = run.life_column("organism_id", rows), run.life_column("generation", rows)
    weighted = np.concatenate([meals @ niche_places(meals.shape[1]), meals.sum(axis=1, keepdims=True)], axis=1)
    order = np.lexsort((when, ids))  # each organism's generations one after the other
    total = _remembered(weighted[order], ids[order], when[order])
    x, y = np.divide(total[:, :2], total[:, 2:], out=np.zeros((len(ids), 2)), where=total[:, 2:] > 0).T
    place = np.empty((len(ids), 2))
    place[order] = np.stack([x, y], axis=1)
    place += _apart(ids)
    favourite = np.where(meals.sum(axis=1) > 0, meals.argmax(axis=1) if meals.size else -1, -1)
    keep = slice(None) if generations is None else np.isin(when, generations)
    columns = {
        "generation": when,
        "organism_id": ids,
        "x": place[:, 0],
        "y": place[:, 1],
        "lineage": run.life_column("lineage", rows),
        "energy": run.life_column("energy", rows),
        "niche": favourite,
    }
    return pa.table({name: column[keep] for name, column in columns.items()})


def _remembered(values: Values, ids: Values, when: Values) -> Values:
    """Each row plus `MEMORY` times the organism's row a generation earlier, and so on, `DEPTH` back."""
    total = values.copy()
    for back in range(1, DEPTH):
        same = (ids[back:] == ids[:-back]) & (when[back:] - when[:-back] <= DEPTH)
        total[back:] += MEMORY**back * values[:-back] * same[:, None]
    return total


def _apart(ids: Values) -> Values:
    """(organisms, 2): a small offset that is an organism's own for life, evenly spread over a disc."""
    radius, angle = SPREAD * np.sqrt((ids % 89 + 0.5) / 89), ids * GOLDEN_ANGLE
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def pond(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """The pond as it stands in a generation: every cell an organism, between the niches on the shore that feed it."""
    shown = last_generation(run, generation)
    places = pond_layout(run, [shown])
    x, y, energy, lineage, ids, niche = (
        places[name].to_numpy() for name in ("x", "y", "energy", "lineage", "organism_id", "niche")
    )
    names = [text(name) for name in run.niches]
    shore = niche_places(len(names))
    plot = figure(theme)
    plot.add_shape(type="circle", x0=-1, y0=-1, x1=1, y1=1, line={"color": OTHER, "width": 1}, layer="below")
    plot.add_scatter(
        x=shore[:, 0], y=shore[:, 1], mode="markers", showlegend=False, hovertext=names, hoverinfo="text",
        marker={"symbol": "triangle-up", "size": 9, "color": OTHER},
    )  # fmt: skip
    for name, (east, north) in zip(names, shore * 1.22, strict=True):
        anchor = "center" if abs(east) < 0.2 else "left" if east > 0 else "right"
        plot.add_annotation(x=east, y=north, text=name, showarrow=False, xanchor=anchor)
    crowding = min(1.0, np.sqrt(40 / max(1, len(ids))))  # smaller cells where there are many
    families, sizes = np.unique(lineage, return_counts=True)
    named = families[np.argsort(-sizes, kind="stable")][:MOST_NAMED]
    groups = [(f"lineage {own}", np.flatnonzero(lineage == own)) for own in np.sort(named)]
    groups.append(("other lineages", np.flatnonzero(~np.isin(lineage, named))))
    for name, mine in groups:
        if len(mine):
            feeds = [names[place] if 0 <= place < len(names) else "nothing" for place in niche[mine]]
            about = list(zip(ids[mine].tolist(), energy[mine].tolist(), feeds, lineage[mine].tolist(), strict=True))
            plot.add_scatter(
                x=x[mine],
                y=y[mine],
                mode="markers",
                name=name,
                customdata=about,
                marker={
                    "size": 5 + crowding * 8 * np.sqrt(np.clip(energy[mine], 0, 25)),
                    "color": [lineage_colour(own) for own in lineage[mine]],
                    "opacity": 0.8,
                    "line": {"width": 1},
                },
                hovertemplate="organism %{customdata[0]}, %{customdata[1]:.2f} energy,<br>"
                "mostly fed by %{customdata[2]}<extra>lineage %{customdata[3]}</extra>",
            )
    hidden = {"visible": False, "range": [-1.8, 1.8]}
    plot.update_layout(
        xaxis=hidden, yaxis={**hidden, "range": [-1.35, 1.35], "scaleanchor": "x"}, height=620,
        title_text=f"generation {shown}",
    )  # fmt: skip
    return plot
