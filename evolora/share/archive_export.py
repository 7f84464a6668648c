"""The elites of a run's archive as PEFT adapters, one directory a cell, with an index of what each is like."""

import os
import shutil
from pathlib import Path

from evolora.errors import RunFolderError
from evolora.lifecycle.archive import Elite
from evolora.organism.genome import SiteShape
from evolora.record.residents import open_archive
from evolora.record.run_dir import RunDir, to_json, write_atomically
from evolora.share.peft_export import export_peft

INDEX = "archive.jsonl"


def export_archive(run: Path, target: Path) -> list[Path]:
    """Write the new folder `target`, whole or not at all: `cell-000012-organism-000042` for every elite that adapts
    something, and INDEX, a row an elite by cell. No host is loaded.

    Raises:
        RunFolderError: no run, no archive, or `target` exists or cannot be written.
    """
    elites, record = open_archive(run), RunDir.open(run).info()
    if target.exists():
        raise RunFolderError(f"{target}: expected a new folder, got one that exists; nothing was written, give another")
    aside = target.with_name(f".{target.name}.partial")
    written = []
    try:
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        for elite in elites:
            genome = elite.organism.active
            sites = [SiteShape(name, f.a.shape[1], f.b.shape[0]) for name, f in genome.factors.items()]
            if sites:  # an organism that dropped every site is the bare host: nothing to export
                export_peft(genome, aside / _name(elite), record["host"], sites)
                written.append(target / _name(elite))
        write_atomically(aside / INDEX, "".join(to_json(_row(elite)) + "\n" for elite in elites))
        os.rename(aside, target)
    except OSError as error:
        raise RunFolderError(f"{target}: expected to write there, got {error.strerror or error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return written


def _name(elite: Elite) -> str:
    return f"cell-{elite.cell:06d}-organism-{elite.organism.id:06d}"


def _row(elite: Elite) -> dict[str, object]:
    traits = elite.organism.active.traits
    return {
        "adapter": _name(elite) if elite.organism.active.factors else None,
        "cell": elite.cell,
        "bins": list(elite.bins),
        "measures": list(elite.measures),
        "objective": elite.objective,
        "generation": elite.generation,
        "organism_id": elite.organism.id,
        "num_examples": traits.num_examples,
        "answer_limit": traits.answer_limit,
    }
