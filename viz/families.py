"""Families within families: a Muller plot whose bands lie inside the band they branched off from."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from evolora.record.run_data import RunData
from evolora.viz.series import Values, life_generations
from evolora.viz.style import GENERATION, OTHER, figure, lineage_colour

LARGE = 0.05  # a branch is drawn as its own family if it makes up so much of all lives shown
LEFT = 0.03  # and if so much remains of the family it branches off from
NOBODY = -1  # whose descendants were never many


@dataclass(frozen=True)
class Clades:
    """Families by the organism that began them: `inside` names the family each branched off from (NOBODY: a founder),
    `shares[family]` (generations,) is the part of the living that descends from its beginner and from none inside it.
    """

    generations: list[int]
    inside: dict[int, int]
    shares: dict[int, Values]


def clades(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """The largest families, along first parents; a branch lies in the middle of the family it came from."""
    found = find_clades(run, generation)
    plot = figure(theme, GENERATION, "share of the population", height=460)
    named: set[int] = set()
    for family, half in _layers(found):
        share = found.shares[family] * (0.5 if half else 1.0)
        name = "all others" if family == NOBODY else f"descendants of {family}"
        shade = OTHER if family == NOBODY else lineage_colour(family)
        origin = found.inside.get(family, NOBODY)
        within = f", a branch of those of {origin}" if origin != NOBODY else ""
        plot.add_scatter(
            x=found.generations,
            y=share,
            name=name,
            legendgroup=name,
            showlegend=family not in named,
            stackgroup="shares",
            mode="lines",
            line={"width": 0, "color": shade},
            fillcolor=shade,
            customdata=found.shares[family],
            hovertemplate=f"generation %{{x}}: %{{customdata:.1%}} are {name}{within}<extra></extra>",
        )
        named.add(family)
    plot.update_yaxes(range=[0, 1], tickformat=".0%")
    return plot


def find_clades(run: RunData, until: int | None = None) -> Clades:
    """The families worth a band of their own, and everybody's share of each generation drawn."""
    generations = life_generations(run, until, most=200)
    lived = [run.life_column("organism_id", run.rows_of(generation)) for generation in generations]
    ids, parents = _first_parents(run)
    presence = np.zeros(len(ids))
    for own in lived:
        presence[np.searchsorted(ids, own)] += 1 / len(own)
    family, inside = _divide(ids, parents, presence, len(generations))
    shares = {name: np.zeros(len(generations)) for name in [*inside, NOBODY]}
    for place, own in enumerate(lived):
        names, counts = np.unique(family[np.searchsorted(ids, own)], return_counts=True)
        for name, count in zip(names.tolist(), counts.tolist(), strict=True):
            shares[name][place] = count / len(own)
    return Clades(generations, inside, {name: share for name, share in shares.items() if name in inside or share.any()})


def _first_parents(run: RunData) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Everybody who was born or lived, by id, and the place of each one's first parent among them, -1 for none."""
    children, parents = run.parenthood
    children, first = np.unique(children, return_index=True)
    born = run.birth_table["organism_id"].to_numpy()
    ids = np.unique(np.concatenate([born, run.life_column("organism_id"), parents]).astype(np.int64))
    places = np.full(len(ids), -1)
    older = parents[first] < children  # a damaged log may say otherwise, and go in a circle
    places[np.searchsorted(ids, children[older])] = np.searchsorted(ids, parents[first][older])
    return ids, places


def _divide(
    ids: NDArray[np.int64], parents: NDArray[np.int64], presence: Values, total: int
) -> tuple[NDArray[np.int64], dict[int, int]]:
    """Everybody's family, and the family each family branched off from. `presence` (organisms,) sums to `total`."""
    sizes, above = presence.tolist(), parents.tolist()
    for place in range(len(sizes) - 1, -1, -1):  # children come after their parents
        if above[place] >= 0:
            sizes[above[place]] += sizes[place]
    left: dict[int, float] = {}
    inside: dict[int, int] = {}
    families: list[int] = []
    for place, identity in enumerate(ids.tolist()):
        size = sizes[place]
        origin = families[above[place]] if above[place] >= 0 else NOBODY
        founds = above[place] < 0 and size >= LEFT * total
        branches = origin != NOBODY and size >= LARGE * total and left[origin] - size >= LEFT * total
        if founds or branches:
            inside[identity], left[identity] = origin, size
            if branches:
                left[origin] -= size
        families.append(identity if founds or branches else origin)
    return np.array(families, dtype=np.int64), inside


def _layers(found: Clades) -> list[tuple[int, bool]]:
    """Bands from the bottom: (family, whether it is half of it); a family with branches lies half below, half above."""
    branches: dict[int, list[int]] = {}
    for family, origin in found.inside.items():
        branches.setdefault(origin, []).append(family)

    def band(family: int) -> list[tuple[int, bool]]:
        within = [layer for branch in branches.get(family, []) for layer in band(branch)]
        return [(family, True), *within, (family, True)] if within else [(family, False)]

    layers = [layer for founder in branches.get(NOBODY, []) for layer in band(founder)]
    return [*layers, (NOBODY, False)] if NOBODY in found.shares else layers
