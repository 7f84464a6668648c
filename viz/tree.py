"""The phylogeny as a tree in time: who descends from whom, merges as branches that join."""

from dataclasses import dataclass

import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.compute as pc

from evolora.record.run_data import RunData
from evolora.viz.series import evenly
from evolora.viz.style import GENERATION, OTHER, figure, lineage_colour, text

MOST_ORGANISMS = 400  # lines of the tree; of more, the ancestry of an even selection of the living is drawn
MOST_LIVING = 60  # of the living whose ancestry is drawn then


@dataclass(frozen=True)
class Branch:
    """One organism in the tree. `parents` are those that are drawn, the first is whose line it leaves."""

    organism_id: int
    lineage: int
    kind: str
    born: int
    until: int
    died_of: str
    parents: tuple[int, ...]
    skipped: int  # generations of descent between the first parent and it that are not drawn


def phylogeny(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """A line for every organism from birth to death; it leaves its parent's; a merge's second parent joins dotted."""
    branches, total = choose_branches(run, generation)
    rows = _rows(branches)
    plot = figure(theme, GENERATION, "organisms, children beside their parents")
    lines: dict[int, tuple[list[float | None], list[float | None]]] = {}
    joins: tuple[list[float | None], list[float | None]] = ([], [])
    ends = _line_ends(branches)
    for branch in branches.values():
        x, y = lines.setdefault(branch.lineage, ([], []))
        row = rows[branch.organism_id]
        if branch.parents:
            x += [branch.born, branch.born]
            y += [rows[branch.parents[0]], row]
        x += [branch.born, ends[branch.organism_id], None]
        y += [row, row, None]
        for other in branch.parents[1:]:
            joins[0].extend([branch.born, branch.born, None])
            joins[1].extend([rows[other], row, None])
    plot.add_scatter(
        x=joins[0], y=joins[1], mode="lines", name="second parent of a merge", hoverinfo="skip",
        line={"color": OTHER, "width": 1, "dash": "dot"},
    )  # fmt: skip
    for lineage, (x, y) in sorted(lines.items()):
        line = {"color": lineage_colour(lineage), "width": 1.6}
        plot.add_scatter(x=x, y=y, mode="lines", line=line, showlegend=False, hoverinfo="skip")
    _births(plot, branches, rows)
    shown = f"{len(branches)} of {total} organisms" if len(branches) < total else f"all {total} organisms"
    plot.update_yaxes(showticklabels=False, ticks="", showgrid=False, zeroline=False)
    plot.update_layout(title_text=shown, height=560)
    return plot


def _line_ends(branches: dict[int, Branch]) -> dict[int, int]:
    """Where each line ends: at death, or at the last birth drawn on it where descendants in between are left out."""
    ends = {identity: branch.until for identity, branch in branches.items()}
    for branch in branches.values():
        for parent in branch.parents:
            ends[parent] = max(ends[parent], branch.born)
    return ends


def _births(plot: go.Figure, branches: dict[int, Branch], rows: dict[int, int]) -> None:
    for kind, symbol in (("founder", "square"), ("clone", "circle"), ("merge", "diamond")):
        own = [branch for branch in branches.values() if branch.kind == kind]
        hover = [
            f"organism {b.organism_id}, {text(b.kind)} of {', '.join(map(str, b.parents)) or 'nobody'}"
            f"{f' over {b.skipped} births not drawn' if b.skipped else ''}<br>lineage {b.lineage}, "
            f"born {b.born}, {f'died of {text(b.died_of)} in {b.until}' if b.died_of else 'alive'}"
            for b in own
        ]
        plot.add_scatter(
            x=[b.born for b in own],
            y=[rows[b.organism_id] for b in own],
            customdata=[b.organism_id for b in own],
            mode="markers",
            name=kind,
            marker={"symbol": symbol, "size": 6, "color": [lineage_colour(b.lineage) for b in own]},
            hovertext=hover,
            hovertemplate="%{hovertext}<extra></extra>",
        )


def choose_branches(run: RunData, until: int | None = None) -> tuple[dict[int, Branch], int]:
    """The organisms to draw, in the order of their births, and how many were born in all.

    Of a large tree: an even selection of the living, and those ancestors where their lines meet or begin.
    """
    births, deaths = (_until(table, until) for table in (run.birth_table, run.death_table))
    last = until if until is not None else max([0, *run.generations[-1:]])
    ids = births["organism_id"].to_pylist()
    # a child is always younger than its parents: what a damaged log says otherwise is left out
    parents = {
        child: tuple(parent for parent in own if parent < child)
        for child, own in zip(ids, births["parents"].to_pylist(), strict=True)
    }
    kept = set(parents)
    if len(kept) > MOST_ORGANISMS:
        living = sorted(kept.difference(deaths["organism_id"].to_pylist()))
        kept = _meeting_points(evenly(living, MOST_LIVING), parents)
    wanted = pa.array(sorted(kept), pa.int64())
    dead = {row["organism_id"]: row for row in deaths.filter(pc.is_in(deaths["organism_id"], wanted)).to_pylist()}
    branches: dict[int, Branch] = {}
    for row in births.filter(pc.is_in(births["organism_id"], wanted)).sort_by("organism_id").to_pylist():
        identity, death = row["organism_id"], dead.get(row["organism_id"], {})
        lines = [_nearest(parent, parents, kept) for parent in parents[identity]]
        drawn = [(parent, steps) for parent, steps in lines if parent in branches]
        branches[identity] = Branch(
            identity,
            row["lineage"] or 0,
            row["kind"] or "?",
            row["generation"],
            death.get("generation", last),
            death.get("cause") or ("?" if death else ""),
            tuple(dict.fromkeys(parent for parent, _ in drawn)),
            drawn[0][1] if drawn else 0,
        )
    return branches, len(ids)


def _until(table: pa.Table, until: int | None) -> pa.Table:
    return table if until is None else table.filter(pc.less_equal(table["generation"], until))


def _meeting_points(tips: list[int], parents: dict[int, tuple[int, ...]]) -> set[int]:
    """The tips, and the ancestors along first parents where two of their lines meet or one begins."""
    kept, passed = set(tips), set(tips)
    for tip in tips:
        here = tip
        while parents.get(here):
            here = parents[here][0]
            if here in passed:
                kept.add(here)
                break
            passed.add(here)
        else:
            kept.add(here)
    return kept & set(parents)


def _nearest(organism_id: int, parents: dict[int, tuple[int, ...]], kept: set[int]) -> tuple[int, int]:
    """The first of an organism and its ancestors, along first parents, that is drawn; and how many come before it."""
    steps = 0
    while organism_id not in kept and parents.get(organism_id):
        organism_id, steps = parents[organism_id][0], steps + 1
    return organism_id, steps


def _rows(branches: dict[int, Branch]) -> dict[int, int]:
    """Each organism's own row: below its parent, younger siblings nearer, so that no connecting line is crossed."""
    children: dict[int, list[int]] = {}
    roots = []
    for branch in branches.values():
        if branch.parents:
            children.setdefault(branch.parents[0], []).append(branch.organism_id)
        else:
            roots.append(branch.organism_id)
    rows: dict[int, int] = {}
    waiting = roots[::-1]
    while waiting:
        identity = waiting.pop()
        rows[identity] = -len(rows)
        waiting += sorted(children.get(identity, []), key=lambda child: branches[child].born)
    return rows
