"""An archive in a checkpoint: its axes and elites as JSON, their weights as safetensors in a file of their own."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from evolora.lifecycle.archive import Archive, Elite
from evolora.lifecycle.behaviour import Axis
from evolora.record.organism_state import describe, restore

WEIGHTS = "archive.safetensors"


def describe_archive(archive: Archive, tensors: dict[str, Tensor]) -> dict[str, Any]:
    """JSON-able fields, elites by cell; their tensors go to `tensors`."""
    return {
        "axes": [asdict(axis) for axis in archive.axes],
        "elites": [
            {
                "cell": elite.cell,
                "bins": list(elite.bins),
                "generation": elite.generation,
                "objective": elite.objective,
                "measures": list(elite.measures),
                "organism": describe(elite.organism, tensors, f"cell-{elite.cell}"),
            }
            for elite in archive.elites
        ],
    }


def restore_archive(state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Archive:
    """The archive that `describe_archive` described.

    Raises:
        ValueError: an elite does not belong in the cell it is in.
    """
    elites = [
        Elite(
            row["cell"],
            tuple(row["bins"]),
            row["generation"],
            row["objective"],
            tuple(row["measures"]),
            restore(row["organism"], tensors, f"cell-{row['cell']}"),
        )
        for row in state["elites"]
    ]
    return Archive([Axis(**axis) for axis in state["axes"]], elites)
