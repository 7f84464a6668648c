"""Cells on the machines of a Ray cluster: what they need travels there, what they leave travels back.

The machines need Evolora and its libraries in the same versions, and no folder in common. A cell that was interrupted
goes on from what came back; one whose machine was lost begins again from what it had when it left.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from evolora.errors import WorkerError
from evolora.evaluation.ray_pool.cluster import Cluster, actor_resources
from evolora.evaluation.ray_pool.errand import Errand
from evolora.experiment.cell import LOG, Cell
from evolora.experiment.far_cell import FarCell, pack, unpack
from evolora.experiment.places import Doing, threads_of


class Far:
    """A cluster as a place for cells: each asks for a core a thread, and for a GPU where its host is to have one."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def start(self, cell: Cell) -> Doing:
        """Send a cell off, with the folders of those it waits for.

        Raises:
            WorkerError: no machine of the cluster can have what it needs.
        """
        cells, seed = cell.folder.parent.parent, cell.folder.name
        parcel = pack(cells, [f"{arm}/{seed}" for arm in (cell.arm, *cell.after)])
        arguments = (parcel, f"{cell.arm}/{seed}", threads_of(cell))
        return _Errand(cell, Errand(FarCell, arguments, self._resources(cell)))

    def capacity(self, cells: Sequence[Cell]) -> int:
        """How many cells there is room for at once, by what the hungriest ask for."""
        room = (self._cluster.room(**self._resources(cell)) for cell in cells)
        return max(1, min(room, default=1))

    def _resources(self, cell: Cell) -> dict[str, int]:
        return actor_resources(self._cluster, cell.world.host.device, threads_of(cell), 1)


class _Errand:
    def __init__(self, cell: Cell, errand: Errand) -> None:
        self._cell, self._errand = cell, errand
        self._code: int | None = None

    def ended(self) -> int | None:
        if self._code is None:
            try:
                if self._errand.ended():
                    code, parcel = self._errand.result
                    _replace(self._cell.folder, parcel)
                    self._code = code
            except WorkerError as error:  # lost for good: the cell failed, as its log says
                with (self._cell.folder / LOG).open("a", encoding="utf-8") as log:
                    log.write(f"error: {error}\n")
                self._code = error.exit_code
        return self._code

    def interrupt(self) -> None:
        self._errand.interrupt()

    def close(self) -> None:
        self._errand.end()


def _replace(folder: Path, parcel: bytes) -> None:
    """What came back in the place of what was sent: whole beside it first, and what was sent kept until it is there."""
    with tempfile.TemporaryDirectory(prefix=".far-", dir=folder.parent) as temporary:
        unpack(parcel, Path(temporary))
        before = folder.rename(Path(temporary) / "before")
        try:
            (Path(temporary) / folder.parent.name / folder.name).rename(folder)
        except BaseException:
            before.rename(folder)
            raise
