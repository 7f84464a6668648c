"""How well each niche is answered, a small plot a niche, held against what the host scores by itself."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from evolora.record.run_data import RunData
from evolora.viz.series import number, pick, shown_rows
from evolora.viz.style import GENERATION, OTHER, colour, template, text

MOST_NICHES = 24  # drawn beside each other
MOST_SETTINGS = 3  # numbers of examples that the host was asked with
DASHES = ("dot", "dash", "dashdot")


def niche_scores(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Mean score of the answers in each niche, generation by generation; grey, the bare host's on held-out tasks."""
    rows = shown_rows(run, generation)
    generations = [row["generation"] for row in rows]
    niches = run.niches[:MOST_NICHES]
    plot = niche_grid(niches, theme)
    bare = bare_host_scores(run)
    for place, niche in enumerate(niches):
        scores, where = pick(rows, "niche_scores", niche), niche_place(place, len(niches))
        plot.add_scatter(
            x=generations,
            y=scores,
            mode="lines",
            name="the population's answers",
            legendgroup="population",
            showlegend=place == 0,
            line={"color": colour(0), "width": 1.8},
            hovertemplate=f"{text(niche)}, generation %{{x}}: mean score %{{y:.3f}}<extra></extra>",
            **where,
        )
        for dash, (examples, by_niche) in zip(DASHES, bare.items(), strict=False):
            score, tasks = by_niche.get(niche, (np.nan, 0))
            if generations and np.isfinite(score):
                _add_host(
                    plot, (generations[0], generations[-1]), score, tasks, examples, niche, dash, where, not place
                )
    return plot


def niche_grid(niches: Sequence[str], theme: str) -> go.Figure:
    """An empty plot for each niche, all on one scale; `niche_place` says where each is."""
    cols = _columns(len(niches))
    num_rows = max(1, -(-len(niches) // cols))
    plot = make_subplots(
        rows=num_rows,
        cols=cols,
        shared_xaxes="all",
        shared_yaxes="all",
        subplot_titles=[text(niche, 40) for niche in niches],
        vertical_spacing=min(0.12, 0.3 / num_rows),
        horizontal_spacing=0.04,
    )
    plot.update_annotations(font_size=12)
    plot.update_layout(template=template(theme), height=110 + 170 * num_rows, margin={"t": 40})
    plot.update_yaxes(rangemode="tozero")
    plot.update_yaxes(title_text="mean score", col=1)
    plot.update_xaxes(title_text=GENERATION, row=num_rows)
    return plot


def niche_place(place: int, num_niches: int) -> dict[str, int]:
    """Row and column of the place-th niche in its grid."""
    cols = _columns(num_niches)
    return {"row": place // cols + 1, "col": place % cols + 1}


def _columns(num_niches: int) -> int:
    return min(3, max(1, num_niches))


def bare_host_scores(run: RunData) -> dict[int, dict[str, tuple[float, int]]]:
    """{examples in the prompt: {niche: (mean score, number of tasks)}}; what is damaged is left out."""
    scores, tasks = run.bare_host.get("scores"), run.bare_host.get("num_tasks")
    found: dict[int, dict[str, tuple[float, int]]] = {}
    for examples, by_niche in sorted(scores.items()) if isinstance(scores, dict) else []:
        if examples.isascii() and examples.isdigit() and len(examples) <= 3 and isinstance(by_niche, dict):
            counts = tasks if isinstance(tasks, dict) else {}
            found[int(examples)] = {
                niche: (number(score), int(np.nan_to_num(number(counts.get(niche)))))
                for niche, score in by_niche.items()
                if 0 <= number(score) <= 1
            }
        if len(found) == MOST_SETTINGS:
            break
    return found


def _add_host(
    plot: go.Figure,
    ends: tuple[int, int],
    score: float,
    tasks: int,
    examples: int,
    niche: str,
    dash: str,
    where: dict[str, int],
    is_first: bool,
) -> None:
    """The bare host's score as a level line."""
    with_ = "no example" if not examples else "an example" if examples == 1 else f"{examples} examples"
    plot.add_scatter(
        x=ends,
        y=[score, score],
        mode="lines",
        name=f"the bare host, {with_} in its prompt",
        legendgroup=f"host {examples}",
        showlegend=is_first,
        line={"color": OTHER, "width": 1.6, "dash": dash},
        hovertemplate=f"{text(niche)}: the bare host scores %{{y:.3f}} with {with_}, on {tasks} held-out tasks"
        "<extra></extra>",
        **where,
    )
