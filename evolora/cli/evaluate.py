"""`evolora evaluate`: held-out scores of a run's founders and its final population."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evolora.portfolio.against_founders import RunScores
    from evolora.portfolio.statistics import PairedEffect


def evaluate(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run folders; replicates of one world are pooled over seeds.", show_default=False),
    ],
    tasks: Annotated[int, typer.Option(min=2, help="Held-out tasks of each niche.")] = 16,
) -> None:
    """Let founders and final population answer tasks nobody lived on; print means, ratio and 95 % intervals.

    Every organism answers every task of every niche greedily, with its own traits. Each run's scores are kept in its
    folder as holdout.json.
    """
    from evolora.portfolio.against_founders import check_replicates, compare_runs, score_run

    check_replicates(runs)
    scores = []
    for path in runs:
        scores.append(score_run(path, tasks))
        typer.echo(f"{path}: founders {scores[-1].founders.mean():.3f}, final {scores[-1].final.mean():.3f}")
    effects = compare_runs(scores)
    _show(scores, effects)
    typer.echo(json.dumps({name: vars(effect) for name, effect in effects.items()}))


def _show(scores: "list[RunScores]", effects: "dict[str, PairedEffect]") -> None:
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"held-out scores, {len(scores)} run(s)")
    for column in ("niche", "founders", "final", "best founder", "best of final"):
        table.add_column(column, justify="left" if column == "niche" else "right")
    columns = [
        np.mean([getattr(s, part).mean(axis=1) for s in scores], axis=0)
        for part in ("founders", "final", "best_founder", "best_final")
    ]
    for niche, *values in zip(scores[0].niches, *columns, strict=True):
        table.add_row(niche, *(f"{value:.3f}" for value in values))
    table.add_section()
    table.add_row("mean", *(f"{column.mean():.3f}" for column in columns))
    console = Console(markup=False)
    console.print(table)
    for name, effect in effects.items():
        console.print(
            f"{name}: {effect.before:.3f} -> {effect.after:.3f}, ratio {effect.ratio:.2f} "
            f"[{effect.ratio_interval[0]:.2f}, {effect.ratio_interval[1]:.2f}], difference {effect.difference:+.3f} "
            f"[{effect.difference_interval[0]:+.3f}, {effect.difference_interval[1]:+.3f}] "
            f"({effect.num_seeds} seed(s), {effect.num_tasks} tasks)"
        )
