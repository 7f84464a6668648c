"""Colonies: how large and how rich they are, who belongs to which, and what members earn together and alone."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from evolora.record.run_data import RunData
from evolora.viz.series import MOST_POINTS, life_generations, pick, shown_rows
from evolora.viz.style import CAUSE_COLOURS, ENERGY, GENERATION, OTHER, colour, faint, figure, text

MOST_COLONIES = 12  # with a curve of their own; the others are folded together
MOST_ORGANISMS = 120  # rows of the timeline, those who belonged longest
FATES = {"expelled": ("x", CAUSE_COLOURS["insolvency"]), "budded": ("diamond", colour(3))}


def has_colonies(run: RunData) -> bool:
    """Whether anybody ever belonged to a colony."""
    return bool(np.isfinite(_homes(run)).any())


def has_trials(run: RunData) -> bool:
    """Whether a colony was ever tried again."""
    return bool(np.isfinite(pick(run.metrics, "colonies", "gain_per_member")).any())


def colony_changes(run: RunData, until: int | None = None) -> list[dict[str, Any]]:
    """What happened to colonies up to a generation, in order, as the events tell it."""
    return [row for row in run.events("colony") if until is None or row["generation"] <= until]


def colony_sizes(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Members of each colony over time, stacked; loners are what is missing to all the living."""
    shown = life_generations(run, generation)
    homes = _homes(run)
    largest = _largest(homes)
    plot = figure(theme, GENERATION, "members (count)", height=400)
    now = [own[np.isfinite(own)] for own in (homes[run.rows_of(when)] for when in shown)]
    bands = {f"colony {home}": ([int((own == home).sum()) for own in now], colour(home)) for home in largest}
    bands["all other colonies"] = ([int((~np.isin(own, largest)).sum()) for own in now], OTHER)
    for name, (sizes, shade) in bands.items():
        if any(sizes):
            plot.add_scatter(
                x=shown,
                y=sizes,
                name=name,
                stackgroup="members",
                mode="lines",
                line={"width": 0.5, "color": shade},
                hovertemplate=f"{name}, generation %{{x}}: %{{y}} members<extra></extra>",
            )
    return plot


def colony_pots(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Energy in all pots, with the pots of colonies as they were founded, budded or dissolved."""
    rows = shown_rows(run, generation)
    when = [row["generation"] for row in rows]
    plot = figure(theme, GENERATION, ENERGY, height=380)
    plot.add_scatter(
        x=when,
        y=pick(rows, "colonies", "pot"),
        mode="lines",
        name="in all pots",
        line_color=colour(4),
        fill="tozeroy",
        hovertemplate="generation %{x}: %{y:.2f} energy in pots<extra></extra>",
    )
    for place, change in enumerate(("founded", "budded", "dissolved")):
        own = [row for row in colony_changes(run, generation) if row.get("change") == change][-MOST_POINTS:]
        plot.add_scatter(
            x=pick(own, "generation"),
            y=pick(own, "pot"),
            mode="markers",
            name=change,
            marker={"symbol": ("circle", "diamond", "x")[place], "size": 8, "color": colour((2, 3, 5)[place])},
            customdata=[[text(row.get("colony_id")), text(row.get("reason")), row.get("size")] for row in own],
            hovertemplate=(
                f"colony %{{customdata[0]}} {change} (%{{customdata[1]}}) in generation %{{x}}: "
                "pot %{y:.2f}, size %{customdata[2]}<extra></extra>"
            ),
        )
    plot.update_yaxes(rangemode="tozero")
    return plot


def membership(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """A line for every organism while it belongs to a colony, in the colony's colour, longest members kept."""
    spells = _spells(run, generation)
    held: dict[int, int] = {}
    for _, organism, first, last in spells:
        held[organism] = held.get(organism, 0) + last - first + 1
    kept = sorted(held, key=lambda organism: (-held[organism], organism))[:MOST_ORGANISMS]
    firsts = {organism: (home, first) for home, organism, first, _ in reversed(spells)}
    row_of = {organism: row for row, organism in enumerate(sorted(kept, key=lambda one: (*firsts[one], one)))}
    plot = figure(theme, GENERATION, f"members ({len(row_of)} of {len(held)}), by their first colony", height=560)
    for home in sorted({spell[0] for spell in spells if spell[1] in row_of}):
        own = [spell for spell in spells if spell[0] == home and spell[1] in row_of]
        plot.add_scatter(
            x=[x for _, _, first, last in own for x in (first - 0.4, last + 0.4, None)],
            y=[y for _, organism, _, _ in own for y in (row_of[organism], row_of[organism], None)],
            customdata=[[who] for _, organism, _, _ in own for who in (organism, organism, None)],
            mode="lines",
            name=f"colony {home}",
            line={"width": 4, "color": colour(home)},
            hovertemplate=f"organism %{{customdata[0]}}, colony {home}<extra></extra>",
        )
    for change, (symbol, shade) in FATES.items():
        _mark(plot, change, symbol, shade, colony_changes(run, generation), row_of)
    plot.update_yaxes(showticklabels=False, showgrid=False)
    return plot


def _mark(
    plot: go.Figure, change: str, symbol: str, shade: str, changes: Iterable[dict[str, Any]], row_of: dict[int, int]
) -> None:
    points = [
        (row["generation"], row_of[member], member, text(row.get("reason")))
        for row in changes
        if row.get("change") == change and isinstance(row.get("members"), list)
        for member in row["members"]
        if member in row_of
    ]
    if points:
        plot.add_scatter(
            x=[point[0] + 0.4 for point in points],
            y=[point[1] for point in points],
            customdata=[point[2:] for point in points],
            mode="markers",
            name={"expelled": "expelled", "budded": "left with a daughter colony"}[change],
            marker={"symbol": symbol, "color": shade, "size": 7},
            hovertemplate=f"organism %{{customdata[0]}} {change}: %{{customdata[1]}}<extra></extra>",
        )


def together_or_alone(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Paired trials of living colonies: what the tasks that members pass on bring, against the same members alone."""
    audits = [row for row in colony_changes(run, generation) if row.get("change") == "audited"][-MOST_POINTS:]
    when, alone, together = (np.array(pick(audits, key)) for key in ("generation", "alone", "together"))
    plot = figure(theme, GENERATION, "energy per member and generation", height=420)
    plot.add_scatter(
        x=[x for one in when for x in (one, one, None)],
        y=[y for pair in zip(alone, together, strict=True) for y in (*pair, None)],
        mode="lines",
        line={"color": faint(OTHER, 0.6), "width": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    for name, values, shade in (("alone (the null)", alone, OTHER), ("together", together, colour(2))):
        plot.add_scatter(
            x=when,
            y=values,
            mode="markers",
            name=name,
            marker={"color": shade, "size": 8},
            customdata=[[text(row.get("colony_id"))] for row in audits],
            hovertemplate=f"colony %{{customdata[0]}}, generation %{{x}}, {name}: %{{y:.3f}}<extra></extra>",
        )
    gains = together - alone
    gains = gains[np.isfinite(gains)]
    if len(gains) > 1:
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        plot.update_layout(
            title_text=f"{len(gains)} paired trials on fresh tasks:<br>{gains.mean():+.3f} ± {error:.3f}"
        )
    return plot


def earnings(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """What members and loners earn beyond their tokens; members are no random sample, so this is no proof of a gain."""
    rows = shown_rows(run, generation)
    plot = figure(theme, GENERATION, f"{ENERGY} an organism", height=380)
    for key, name, shade in (("member_profit", "members", colour(2)), ("loner_profit", "loners", OTHER)):
        plot.add_scatter(
            x=[row["generation"] for row in rows],
            y=pick(rows, "colonies", key),
            mode="lines+markers",
            marker={"size": 4},
            name=name,
            line_color=shade,
            hovertemplate=f"generation %{{x}}: {name} earn %{{y:.2f}} each<extra></extra>",
        )
    return plot


def _homes(run: RunData) -> NDArray[np.float64]:
    """(lives,): the colony of each, NaN for loners."""
    return np.asarray(run.life_column("colony"), dtype=np.float64)


def _largest(homes: NDArray[np.float64]) -> list[int]:
    """The colonies with most members over all, ids ascending."""
    ids, sizes = np.unique(homes[np.isfinite(homes)].astype(np.int64), return_counts=True)
    return sorted(int(ids[place]) for place in np.argsort(-sizes, kind="stable")[:MOST_COLONIES])


def _spells(run: RunData, until: int | None) -> list[tuple[int, int, int, int]]:
    """(colony, organism, first generation, last generation) of every unbroken membership, by organism and time."""
    when, who, homes = run.life_column("generation"), run.life_column("organism_id"), _homes(run)
    inside = np.isfinite(homes) & (when <= until if until is not None else True)
    when, who, homes = when[inside], who[inside], homes[inside].astype(np.int64)
    order = np.lexsort((when, who))
    when, who, homes = when[order], who[order], homes[order]
    if not len(when):
        return []
    starts = np.flatnonzero(np.r_[True, (np.diff(who) != 0) | (np.diff(homes) != 0)])
    stops = np.r_[starts[1:], len(when)] - 1
    return [(int(homes[a]), int(who[a]), int(when[a]), int(when[b])) for a, b in zip(starts, stops, strict=True)]
