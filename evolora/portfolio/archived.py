"""Candidates for a portfolio out of a run's archive of elites."""

from pathlib import Path

from evolora.organism.genome import Genome
from evolora.record.residents import open_archive


def candidates_of_archive(run: Path, most: int) -> dict[int, Genome]:
    """Up to `most` organisms out of the archive of a run's last checkpoint, dead ones included, by id; costs no token.

    The bins of the archive's first axis take turns, each giving its best elite that is left: so that the candidates
    are as different as the archive. Of an organism that holds several cells its best version is taken.

    Raises:
        RunFolderError: no run, no whole checkpoint, no archive, or an empty one.
    """
    left = sorted(open_archive(run), key=lambda elite: (-elite.objective, elite.cell))
    chosen: dict[int, Genome] = {}
    while left and len(chosen) < most:
        served: set[int] = set()
        for elite in list(left):
            if elite.bins[0] in served or len(chosen) == most:
                continue
            left.remove(elite)
            if elite.organism.id not in chosen:
                chosen[elite.organism.id] = elite.organism.active
                served.add(elite.bins[0])
    return chosen
