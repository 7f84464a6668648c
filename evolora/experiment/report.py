"""What an experiment found, written down: findings.json for programs, report.html for people."""

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from string import Template

from pydantic import JsonValue

from evolora.config.load import dump_world
from evolora.errors import RunFolderError
from evolora.experiment.findings import Claim, Entry, Findings, Table, shown, shown_interval
from evolora.experiment.plan import Plan
from evolora.experiment.registry import find_analysis
from evolora.experiment.results import Results, read_results
from evolora.experiment.statistics import estimate
from evolora.record.run_dir import write_atomically

REPORT, FINDINGS = "report.html", "findings.json"
CLAIM_HEAD = ("claim", "holds", "quantity", "estimate", "95 % interval", "p", "n", "note")
FEW_QUANTITIES = 2  # that claims may be about and still be told table by table
MOST_NUMBERS = 40  # rows of the table that stands in for an analysis


def find(plan: Plan) -> Findings:
    """What the experiment's analysis makes of the finished cells; without one, means of the arms' numbers."""
    results = read_results(plan.cells, plan.experiment.primary)
    if plan.experiment.analysis is None:
        return Findings(tables=[numbers_table(results)])
    return find_analysis(plan.experiment.analysis)(results)


def numbers_table(results: Results) -> Table:
    """Means with intervals of the numbers that the procedures returned, an arm a column."""
    found = dict.fromkeys(name for values in results.finished.values() for name in _number_names(values, ""))
    names = sorted(found, key=lambda name: name.count("."))
    rows = []
    for name in names[:MOST_NUMBERS]:
        estimates = [estimate(results.values(arm, name)) for arm in results.arms]
        rows.append((name, *(f"{shown(e.mean)} {shown_interval(e.interval)}" if e.n else None for e in estimates)))
    more = len(names) - len(rows)
    note = f"{more} more in the cells' result.json; an analysis says what matters" if more else ""
    return Table("Means over seeds, 95 % intervals", ("number", *results.arms), tuple(rows), note)


def _number_names(values: Mapping[str, JsonValue], prefix: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _number_names(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)):
            yield prefix + name


def claims_tables(claims: Sequence[Claim]) -> list[Table]:
    """The claims: a table for each quantity where these are few, and they are said once; else one that names each."""
    quantities = list(dict.fromkeys(claim.quantity for claim in claims))
    if not 0 < len(quantities) <= FEW_QUANTITIES < len(claims):
        rows = [(claim.text, claim.holds, claim.quantity, *_figures(claim)) for claim in claims]
        return [Table("Claims", CLAIM_HEAD, tuple(rows))] if rows else []
    head = tuple(name for name in CLAIM_HEAD if name != "quantity")
    tables = []
    for quantity in quantities:
        rows = [(claim.text, claim.holds, *_figures(claim)) for claim in claims if claim.quantity == quantity]
        tables.append(Table("Claims", head, tuple(rows), f"Estimate: {quantity}."))
    return tables


def _figures(claim: Claim) -> tuple[Entry, ...]:
    return claim.estimate, shown_interval(claim.interval), claim.p, claim.n, claim.note


def write_report(plan: Plan, findings: Findings) -> Path:
    """Write findings.json and report.html into the experiment's folder; the report's path.

    Raises:
        RunFolderError: they cannot be written.
    """
    experiment = plan.experiment
    summary = {
        "experiment": experiment.name,
        "question": experiment.question,
        "quick": experiment.quick,
        "arms": [arm.name for arm in experiment.arms],
        "seeds": list(experiment.seeds),
        "cells": len(plan.cells),
        "finished": plan.count("finished"),
        "code": list(plan.code),
        "design": plan.design,
        **findings.to_json(),
    }
    path = plan.out / REPORT
    try:
        plan.out.mkdir(parents=True, exist_ok=True)
        write_atomically(plan.out / FINDINGS, json.dumps(summary, indent=1, sort_keys=True) + "\n")
        write_atomically(path, render(plan, findings))
    except OSError as error:
        raise RunFolderError(
            f"{plan.out}: expected to write the report, got {error.strerror or error}; choose another folder with --out"
        ) from error
    return path


def render(plan: Plan, findings: Findings) -> str:
    """The page: self-contained, without scripts. All text from files is escaped."""
    experiment = plan.experiment
    page = resources.files("evolora.experiment") / "page"
    tables = [*claims_tables(findings.claims), *findings.tables]
    worlds = "".join(
        f"<details><summary>{html.escape(arm.name)}: {html.escape(arm.procedure)}, its world with the first seed"
        f"</summary><pre>{html.escape(json.dumps(dict(arm.params), indent=1))}</pre>"
        f"<pre>{html.escape(dump_world(arm.world))}</pre></details>"
        for arm in experiment.arms
    )
    seeds = ", ".join(str(seed) for seed in experiment.seeds)
    return Template((page / "experiment.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(experiment.name),
        style=(page / "experiment.css").read_text(encoding="utf-8"),
        question=html.escape(experiment.question),
        state=html.escape(f"{plan.count('finished')} of {len(plan.cells)} cells finished; seeds {seeds}{mixed(plan)}"),
        quick="<p class='warning'>A quick trial: few and short replicates. Nothing here is evidence.</p>"
        if experiment.quick
        else "",
        tables="\n".join(_table(table) for table in tables),
        worlds=worlds,
        file=html.escape(experiment.path.read_text(encoding="utf-8")),
    )


def mixed(plan: Plan) -> str:
    """A warning where not all cells were made by the same code."""
    names = ", ".join(name or "unknown" for name in plan.code)
    return f"; made by {len(plan.code)} versions of the code: {names}" if len(plan.code) > 1 else ""


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in table.head)
    body = "".join(
        f'<tr><th scope="row">{html.escape(shown(row[0]))}</th>'
        + "".join(f"<td{_kind(entry)}>{html.escape(shown(entry))}</td>" for entry in row[1:])
        + "</tr>"
        for row in table.rows
    )
    note = f"<p>{html.escape(table.note)}</p>" if table.note else ""
    return (
        f"<section><h2>{html.escape(table.title)}</h2><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>{note}</section>"
    )


def _kind(entry: object) -> str:
    """The class of a table cell: numbers and intervals are not broken into lines, verdicts have their colour."""
    if entry in ("yes", "no", "undecided"):
        return f' class="{entry}"'
    is_number = isinstance(entry, (int, float)) or (isinstance(entry, str) and entry.startswith("["))
    return ' class="number"' if is_number else ""
