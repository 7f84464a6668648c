"""Held-out scores, as `evolora evaluate` left them: founders and final population on tasks nobody lived on."""

import numpy as np
import plotly.graph_objects as go

from evolora.record.run_data import RunData
from evolora.viz.series import Values, number
from evolora.viz.style import OTHER, colour, figure, text

GROUPS = {  # key of holdout.json -> (name, colour)
    "founders": ("founders, mean", OTHER),
    "final": ("final population, mean", colour(0)),
    "best_founder": ("best founder of the niche", "#D9B26F"),
    "best_final": ("best of the final population", colour(1)),
}


def held_out_scores(run: RunData, *, generation: int | None = None, theme: str = "light") -> go.Figure:
    """Mean held-out score by niche, with the standard error over tasks; the same whatever generation is shown."""
    names, table = holdout_table(run)
    plot = figure(theme, "niche", "mean score on held-out tasks (0 to 1)", height=430, barmode="group")
    for key, (label, shade) in GROUPS.items():
        scores = table.get(key)
        if scores is None:
            continue
        error = scores.std(axis=1, ddof=1) / np.sqrt(scores.shape[1]) if scores.shape[1] > 1 else None
        plot.add_bar(
            x=names,
            y=scores.mean(axis=1),
            name=label,
            marker_color=shade,
            error_y={"type": "data", "array": error, "thickness": 1, "width": 2} if error is not None else None,
            hovertemplate=f"{label}, %{{x}}: %{{y:.3f}} over {scores.shape[1]} tasks<extra></extra>",
        )
    plot.update_yaxes(rangemode="tozero")
    return plot


def holdout_table(run: RunData) -> tuple[list[str], dict[str, Values]]:
    """Names of the niches, and (niches, tasks) scores by group; whatever else the file holds is left out."""
    listed = run.holdout.get("niches")
    names = [text(name) for name in listed] if isinstance(listed, list) else []
    table = {}
    for key in GROUPS:
        rows = run.holdout.get(key)
        lists = rows if isinstance(rows, list) and all(isinstance(row, list) for row in rows) else []
        widths = {len(row) for row in lists}
        if names and len(lists) == len(names) and len(widths) == 1 and widths != {0}:
            table[key] = np.array([[number(value) for value in row] for row in lists])
    return names, table


def has_holdout(run: RunData) -> bool:
    """Whether held-out scores were taken."""
    return bool(holdout_table(run)[1])
