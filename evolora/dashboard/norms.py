"""How far an organism's weights have moved at each site: read from a checkpoint, without torch, which takes seconds."""

import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from evolora.record.tail import file_inside

CHECKPOINT = re.compile(r"checkpoint-\d{6,}")
LARGEST_STATE = 1 << 28  # bytes of a checkpoint's state.json that are read

Row = dict[str, Any]


def adapter_norms(folder: Path, organism_id: int) -> list[Row]:
    """An organism's sites, the most changed first: {site, norm, generation}; empty where no checkpoint has it.

    `norm` is the Frobenius norm of its delta, scaling · B A, after learning; the newest checkpoint that holds the
    organism counts.
    """
    names = (path.name for path in folder.glob("checkpoint-*") if CHECKPOINT.fullmatch(path.name))
    saved = sorted(names, key=lambda name: int(name.rpartition("-")[2]), reverse=True)
    for name in saved:
        scaling = _scaling(folder, name, organism_id)
        weights = file_inside(folder, f"{name}/weights.safetensors")
        if scaling is None or weights is None:
            continue
        try:
            norms = _site_norms(weights, organism_id)
        except (SafetensorError, OSError, TypeError, ValueError):  # damaged, or dropped while we were reading it
            continue
        generation = int(name.rpartition("-")[2])
        ranked = sorted(((norm, site) for site, norm in norms.items() if math.isfinite(norm)), reverse=True)
        return [{"site": site, "norm": scaling * norm, "generation": generation} for norm, site in ranked]
    return []


def _scaling(folder: Path, name: str, organism_id: int) -> float | None:
    """The factor of an organism's deltas in a checkpoint; None where it is not in it."""
    path = file_inside(folder, f"{name}/state.json")
    try:
        if path is None or path.stat().st_size > LARGEST_STATE:
            return None
        state = json.loads(path.read_text(encoding="utf-8"))
        own = [row for row in state["organisms"] if row["id"] == organism_id]
        return float(own[0]["scaling"]) if own else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _site_norms(weights: Path, organism_id: int) -> dict[str, float]:
    """{site: ||B A||}, of what it learnt where it did, of what it was born with elsewhere."""
    norms: dict[str, float] = {}
    with safe_open(weights, framework="numpy") as file:
        keys = set(file.keys())
        for part in ("learnt", "genome"):
            start = f"{organism_id}/{part}/"
            sites = sorted(key[len(start) : -2] for key in keys if key.startswith(start) and key.endswith("/a"))
            for site in sites:
                a, b = file.get_tensor(f"{start}{site}/a"), file.get_tensor(f"{start}{site}/b")
                norms[site] = product_norm(a, b)
            if norms:
                break
    return norms


def product_norm(a: np.ndarray, b: np.ndarray) -> float:
    """The Frobenius norm of B A, from `a` (rank, in) and `b` (out, rank), without forming the product."""
    squared = np.sum((a @ a.T) * (b.T @ b), dtype=np.float64)
    return math.sqrt(max(0.0, float(squared)))
