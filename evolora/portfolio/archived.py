"""Candidates for a portfolio out of a run's archive of elites."""

from pathlib import Path

from evolora.organism.genome import Genome
from evolora.record.residents import open_archive

VERSIONS = 10**9  # an organism's other versions are numbered: generation · VERSIONS + its id


def candidates_of_archive(run: Path, most: int) -> dict[int, Genome]:
    """Up to `most` elites out of the archive of a run's last checkpoint, dead ones included, by id; costs no token.

    The bins of the archive's first axis take turns, each giving its best elite that is left: so that the candidates
    are as different as the archive. An organism may hold several cells as it was in different generations: the first
    of its versions taken goes by the organism's id, each other by generation · 10^9 + id.

    Raises:
        RunFolderError: no run, no whole checkpoint, no archive, or an empty one.
    """
    left = sorted(open_archive(run), key=lambda elite: (-elite.objective, elite.cell))
    chosen: dict[int, Genome] = {}
    versions: set[tuple[int, int]] = set()
    while left and len(chosen) < most:
        served: set[int] = set()
        for elite in list(left):
            if elite.bins[0] in served or len(chosen) == most:
                continue
            left.remove(elite)
            own = elite.organism.id
            if (own, elite.generation) not in versions:
                versions.add((own, elite.generation))
                chosen[own if own not in chosen else elite.generation * VERSIONS + own] = elite.organism.active
                served.add(elite.bins[0])
    return chosen
