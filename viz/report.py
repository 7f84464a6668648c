"""The report: runs as one HTML file that needs no network, with plots, numbers, the world and how it was measured."""

import html
import json
from collections.abc import Sequence
from importlib import resources
from string import Template

import plotly.graph_objects as go
import yaml
from plotly.offline import get_plotlyjs

from evolora.record.run_data import RunData
from evolora.viz import compare, tables
from evolora.viz.compare_grids import GRIDS
from evolora.viz.methods import methods
from evolora.viz.now import summary
from evolora.viz.panel import Panel
from evolora.viz.panels import GROUPS, PANELS
from evolora.viz.style import THEMES, template
from evolora.viz.tables import Table

LONGEST_WORLD = 20_000  # characters of the resolved world that are shown
INTRODUCTION = (
    "A frozen language model is the physics of this world. What lives in it are small changes to that model, one set "
    "for each organism. They answer tasks: right answers feed them, every word costs them energy, those who cannot pay "
    "die, those who are rich have children that inherit their changes. Nobody tells them what to become."
)


def render(runs: Sequence[RunData]) -> str:
    """The page for one or several runs. All text from their folders is escaped."""
    figures: dict[str, go.Figure] = {}
    parts = [_comparison(list(runs), figures)] if len(runs) > 1 else []
    parts += [_run(run, f"run{place}", figures, titled=len(runs) > 1) for place, run in enumerate(runs)]
    page = resources.files("evolora.viz") / "report_page"
    return Template((page / "report.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(_title(runs)),
        style=(page / "report.css").read_text(encoding="utf-8"),
        introduction=html.escape(INTRODUCTION),
        contents=_contents(runs),
        body="\n".join(parts),
        plotly=get_plotlyjs(),
        templates=_json({theme: template(theme).to_plotly_json() for theme in THEMES}),
        figures=_json({key: _without_template(plot) for key, plot in figures.items()}),
        script=(page / "report.js").read_text(encoding="utf-8"),
    )


def _title(runs: Sequence[RunData]) -> str:
    if len(runs) == 1:
        return f"{runs[0].name}, seed {runs[0].seed}"
    return f"{len(runs)} runs: {', '.join(dict.fromkeys(run.name for run in runs))}"


def _contents(runs: Sequence[RunData]) -> str:
    if len(runs) > 1:
        links = [f'<a href="#run{place}">{html.escape(run.path.name)}</a>' for place, run in enumerate(runs)]
        return " ".join(['<a href="#runs">All runs</a>', *links])
    groups = [group for group in GROUPS if any(p.group == group and p.available(runs[0]) for p in PANELS)]
    return " ".join(f'<a href="#run0-{_slug(group)}">{group}</a>' for group in [*groups, "Numbers", "World", "Methods"])


def _slug(group: str) -> str:
    return group.lower().replace(" ", "-")


def _comparison(runs: list[RunData], figures: dict[str, go.Figure]) -> str:
    plots = []
    for curve in compare.CURVES:
        if any(curve.available(run) for run in runs):
            figures[f"runs-{curve.key}"] = compare.over_each_other(runs, curve.key)
            plots.append(_plot(f"runs-{curve.key}", curve.title, curve.caption))
    for grid in GRIDS:
        if any(grid.available(run) for run in runs):
            figures[f"runs-{grid.key}"] = grid.draw(runs)
            plots.append(_plot(f"runs-{grid.key}", grid.title, grid.caption, wide=True))
    told = _table(tables.comparison_table(runs)) + _table(tables.difference_table(runs), "words")
    return f'<section id="runs"><h2>All runs</h2>{told}<div class="plots">{"".join(plots)}</div></section>'


def _run(run: RunData, key: str, figures: dict[str, go.Figure], titled: bool) -> str:
    cards = "".join(f"<div><dt>{html.escape(k)}</dt><dd>{html.escape(v)}</dd></div>" for k, v in summary(run))
    title = f"<h2>{html.escape(run.name)}, seed {run.seed}</h2>" if titled else ""
    folder = html.escape(run.path.name)
    parts = [f'<section id="{key}">{title}<p class="path">{folder}</p><dl class="cards">{cards}</dl>']
    for group in GROUPS:
        shown = [panel for panel in PANELS if panel.group == group and panel.available(run)]
        if shown:
            parts.append(
                f'<section id="{key}-{_slug(group)}"><h3>{group}</h3>{_group(run, shown, key, figures)}</section>'
            )
    numbers = [
        tables.niche_table(run),
        tables.exam_table(run),
        tables.event_table(run),
        tables.richest_table(run),
        tables.generation_table(run),
    ]
    parts.append(f'<section id="{key}-numbers"><h3>Numbers</h3>{"".join(_table(table) for table in numbers)}</section>')
    parts.append(f'<section id="{key}-world"><h3>World</h3>{_world(run)}</section>')
    paragraphs = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in methods(run) if paragraph)
    parts.append(f'<section id="{key}-methods"><h3>Methods</h3>{paragraphs}</section></section>')
    return "\n".join(parts)


def _group(run: RunData, shown: list[Panel], key: str, figures: dict[str, go.Figure]) -> str:
    plots = []
    for panel in shown:
        figures[f"{key}-{panel.key}"] = panel.draw(run)
        plots.append(_plot(f"{key}-{panel.key}", panel.title, panel.caption, wide=panel.wide))
    table = _table(tables.signs_table(run), "words") if shown[0].group == "Signs of life" else ""
    return f'<div class="plots">{"".join(plots)}</div>{table}'


def _plot(key: str, title: str, caption: str, wide: bool = False) -> str:
    kind = ' class="wide"' if wide else ""
    return (
        f"<figure{kind}><h4>{html.escape(title)}</h4><figcaption>{html.escape(caption)}</figcaption>"
        f'<div class="plot" id="{key}" data-title="{html.escape(title)}" role="img" '
        f'aria-label="{html.escape(title)}. {html.escape(caption)}"></div></figure>'
    )


def _table(table: Table, kind: str = "numbers") -> str:
    if not table.rows:
        return ""
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in table.head)
    body = "".join(_table_row(row) for row in table.rows)
    return (
        f'<div class="table {kind}"><h4>{html.escape(table.title)}</h4><div class="scroll"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _table_row(row: tuple[str, ...]) -> str:
    cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
    return f'<tr><th scope="row">{html.escape(row[0])}</th>{cells}</tr>'


def _world(run: RunData) -> str:
    if not run.world:
        return "<p>The folder has no readable world.yaml.</p>"
    text = yaml.safe_dump(run.world, sort_keys=False, allow_unicode=True, width=100)
    shown = text if len(text) <= LONGEST_WORLD else f"{text[:LONGEST_WORLD]}\n... {len(text):,} characters in all"
    return f"<details><summary>The resolved world file</summary><pre>{html.escape(shown)}</pre></details>"


def _without_template(plot: go.Figure) -> dict[str, object]:
    """A figure whose theme the page chooses."""
    content: dict[str, object] = json.loads(plot.to_json())
    layout = content["layout"]
    assert isinstance(layout, dict)
    layout.pop("template", None)
    return content


def _json(value: object) -> str:
    """JSON that can stand in a script element: nothing in it closes the element or opens a comment."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
