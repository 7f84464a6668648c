"""One organism's life, for the drawer that opens when somebody clicks on it."""

from collections.abc import Mapping, Sequence
from typing import Any

from evolora.dashboard.frames import short
from evolora.dashboard.norms import adapter_norms
from evolora.record.run_data import RunData
from evolora.viz.series import evenly
from evolora.viz.style import lineage_colour

MOST_POINTS = 400  # of the energy curve
MOST_CHILDREN = 100
MOST_ANSWERS = 10
MOST_SITES = 12
LONGEST_TEXT = 700  # characters of a question or an answer

Row = dict[str, Any]


def describe_organism(data: RunData, organism_id: int, generation: int | None = None) -> Row | None:
    """Everything the drawer shows; `generation` chooses whose answers, the last at or before it. None: never born."""
    organism = data.organism(organism_id)
    if organism is None:
        return None
    lives: Sequence[Row] = organism["lives"]
    birth, death = organism["birth"], organism["death"]
    children = organism["children"]
    answered = [row["generation"] for row in lives if generation is None or row["generation"] <= generation]
    when = answered[-1] if answered else (lives[0]["generation"] if lives else None)
    return {
        "id": organism_id,
        "birth": _event(birth, ("generation", "kind", "operator", "lineage", "energy", "payments")),
        "colour": lineage_colour(birth.get("lineage", 0)),
        "death": death and _event(death, ("generation", "cause", "age", "owed", "remains")),
        "parents": [_kin(data, identity) for identity in organism["parents"]],
        "children": [_kin(data, identity) for identity in children[:MOST_CHILDREN]],
        "num_children": len(children),
        "traits": {name: short(value) for name, value in organism["traits"].items()},
        "curve": _curve(lives),
        "meals": _meals(data.niches, lives),
        "answers": [] if when is None else _answers(data.answers(when, organism_id)),
        "answered": when,
        "norms": adapter_norms(data.path, organism_id)[:MOST_SITES],
    }


def _event(row: Row, keys: Sequence[str]) -> Row:
    return {key: row[key] if isinstance(row[key], str | list) else short(row[key]) for key in keys if key in row}


def _kin(data: RunData, identity: int) -> Row:
    birth = data.births.get(identity) or {}
    return {"id": identity, "colour": lineage_colour(birth.get("lineage", 0)), "known": bool(birth)}


def _curve(lives: Sequence[Row]) -> Row:
    """Energy and mean score by generation, some generations left out of a very long life."""
    shown = evenly(lives, MOST_POINTS)
    return {
        "generation": [row["generation"] for row in shown],
        "energy": [short(row.get("energy")) for row in shown],
        "score": [_mean_score(row) for row in shown],
    }


def _mean_score(life: Mapping[str, Any]) -> float | None:
    answers = sum(life.get("answers") or ())
    return short(sum(life.get("scores") or ()) / answers) if answers else None


def _meals(niches: Sequence[str], lives: Sequence[Row]) -> list[Row]:
    """What each niche fed it in all its life, and how well it answered there; the most nourishing first."""
    rows = []
    for place, name in enumerate(niches):
        answers = sum(life["answers"][place] for life in lives)
        if answers:
            scores = sum(life["scores"][place] for life in lives)
            meals = sum(life["meals"][place] for life in lives)
            rows.append({"niche": name, "energy": short(meals), "answers": answers, "score": short(scores / answers)})
    return sorted(rows, key=lambda row: -(row["energy"] or 0.0))


def _answers(rows: Sequence[Row]) -> list[Row]:
    """The last answers: one of each task first, so that many samples of one question do not hide the others."""
    seen: dict[Any, int] = {}
    for row in rows:
        row["again"] = seen.get(row.get("task"), 0)
        seen[row.get("task")] = row["again"] + 1
    chosen = sorted(rows, key=lambda row: row["again"])[:MOST_ANSWERS]
    return [
        {key: _text(row.get(key)) for key in ("niche", "question", "text", "reason")}
        | {key: short(row.get(key)) for key in ("score", "prompt_tokens", "generated_tokens")}
        for row in chosen
    ]


def _text(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
