"""The best organisms of a finished run as PEFT adapters, in its folder `elites/`."""

import json
import shutil
from pathlib import Path

from evolora.organism.genome import SiteShape
from evolora.record.checkpoint import checkpoints, load_checkpoint
from evolora.record.residents import merit
from evolora.share.peft_export import export_peft


def export_elites(run: Path) -> list[Path]:
    """Write `elites/organism-000042` for the organisms of the last checkpoint with the most merit, best first.

    Those of an earlier end of the run make room for them.

    run.json says how many (`elites`) and for which host. Organisms whose weights are not finite are passed over. No
    host is loaded; without a checkpoint there is nothing to export.
    """
    saved = checkpoints(run)
    if not saved:
        return []
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    world, _ = load_checkpoint(saved[-1])
    healthy = [organism for organism in world.population if organism.active.is_finite()]
    ranked = sorted(healthy, key=lambda organism: (-merit(organism), organism.id))[: record["elites"]]
    shutil.rmtree(run / "elites", ignore_errors=True)
    folders = []
    for organism in ranked:
        folder = run / "elites" / f"organism-{organism.id:06d}"
        folder.parent.mkdir(exist_ok=True)
        genome = organism.active
        sites = [SiteShape(name, f.a.shape[1], f.b.shape[0]) for name, f in genome.factors.items()]
        if sites:  # an organism that dropped every site is the bare host: nothing to export
            export_peft(genome, folder, record["host"], sites)
            folders.append(folder)
    return folders
