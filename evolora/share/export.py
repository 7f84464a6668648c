"""Organisms of a run as a folder of PEFT adapters: one each, under names that are never used twice."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from evolora.errors import RunFolderError
from evolora.organism.genome import SiteShape
from evolora.record.immigrant import RECORD
from evolora.record.residents import Resident, Residents, ancestry
from evolora.record.run_dir import write_atomically
from evolora.share.model_card import describe, model_card
from evolora.share.peft_export import export_peft

# What vLLM's --max-lora-rank accepts (vllm/config/lora.py, 0.33). An adapter of one of these ranks wastes none of it.
SERVED_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
CARD = "README.md"


def served_rank(rank: int) -> int:
    """The smallest rank of `SERVED_RANKS` that holds `rank`; `rank` itself beyond the largest."""
    return next((served for served in SERVED_RANKS if served >= rank), rank)


def export_organisms(
    residents: Residents, chosen: Sequence[Resident], system_prompt: str, target: Path
) -> tuple[list[Path], list[Resident]]:
    """Write a PEFT directory for each of `chosen` into the folder `target`, all or none where they can be written.

    Returns the directories and those passed over because they adapt nothing: they are the bare host. Every directory
    is complete before it appears under its name, and none that exists is touched.

    Raises:
        RunFolderError: a name is taken in `target`, or it cannot be written.
    """
    bare = [resident for resident in chosen if not resident.organism.active.factors]
    wanted = [resident for resident in chosen if resident.organism.active.factors]
    taken = [resident.name for resident in wanted if (target / resident.name).exists()]
    if taken:
        raise RunFolderError(
            f"{target}: expected a folder without {taken[0]}, got one that has it"
            f"{f' and {len(taken) - 1} more' if len(taken) > 1 else ''}; nothing was written, give another --to"
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=target, prefix=".export-"))
        try:
            for resident in wanted:
                _export(residents, resident, system_prompt, aside)
            for resident in wanted:
                os.rename(aside / resident.name, target / resident.name)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise RunFolderError(f"{target}: expected to write there, got {error.strerror or error}") from error
    return [target / resident.name for resident in wanted], bare


def _export(residents: Residents, resident: Resident, system_prompt: str, parent: Path) -> None:
    genome, folder = resident.organism.active, parent / resident.name
    rank = served_rank(genome.traits.rank)
    sites = [SiteShape(name, f.a.shape[1], f.b.shape[0]) for name, f in genome.factors.items()]
    export_peft(genome, folder, residents.run["host"], sites, rank)
    births = ancestry(residents.path, resident.id)
    write_atomically(folder / CARD, model_card(residents, resident, births, system_prompt, rank))
    write_atomically(folder / RECORD, describe(residents, resident, births, system_prompt))
