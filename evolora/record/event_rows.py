"""What a row of events.jsonl must hold before anything counts on it."""

from collections.abc import Mapping
from typing import Any

NEEDED: dict[str, dict[str, type]] = {  # kind of event -> field -> its type
    "birth": {"organism_id": int, "parents": list, "lineage": int, "kind": str, "operator": str},
    "death": {"organism_id": int, "cause": str},
}


def fault_of(row: Mapping[str, Any]) -> str | None:
    """What keeps a row from being an event, in words; None where it is one. Kinds that nobody knows are welcome."""
    kind = row.get("event")
    if not isinstance(kind, str) or type(row.get("generation")) is not int:
        return "a row without an event and its generation"
    for name, needed in NEEDED.get(kind, {}).items():
        value = row.get(name)
        if type(value) is not needed:
            return f"a {kind} with {name} {value!r:.60}"
    if kind in NEEDED and not 0 <= row["organism_id"] < 2**63:
        return f"a {kind} with organism_id {row['organism_id']!r:.60}"
    if kind == "birth" and not all(type(own) is int and 0 <= own < row["organism_id"] for own in row["parents"]):
        return f"a birth of {row['organism_id']} with parents {row['parents']!r:.60}, ids of the older expected"
    return None
