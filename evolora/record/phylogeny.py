"""The phylogeny in the artificial-life data standard: a CSV of who descends from whom, with both parents of a merge.

Standard: ALife data standards, phylogeny v1.0-alpha (id, ancestor_list, origin_time, destruction_time).
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

COLUMNS = (
    "id",
    "ancestor_list",
    "origin_time",
    "destruction_time",
    "birth_kind",
    "operator",
    "lineage",
    "cause_of_death",
)


def phylogeny_csv(events: Iterable[Mapping[str, Any]]) -> str:
    """The table for rows of events.jsonl; the living have destruction_time `inf`, founders ancestor [NONE]."""
    lives: dict[int, dict[str, Any]] = {}
    for event in events:
        if event["event"] == "birth":
            parents = ",".join(str(parent) for parent in event["parents"]) or "NONE"
            lives[event["organism_id"]] = {
                "id": event["organism_id"],
                "ancestor_list": f"[{parents}]",
                "origin_time": event["generation"],
                "destruction_time": "inf",
                "birth_kind": event["kind"],
                "operator": event["operator"],
                "lineage": event["lineage"],
                "cause_of_death": "",
            }
        elif event["event"] == "death":
            lives[event["organism_id"]] |= {
                "destruction_time": event["generation"],
                "cause_of_death": event["cause"],
            }
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lives[identity] for identity in sorted(lives))
    return text.getvalue()
