"""Competitive exclusion and coexistence on the petri host: one niche against eight, the same energy in all.

    python experiments/petri/coexistence.py [--seeds 1 2 3] [--generations N] [--out FOLDER]

Prints, for the last tenth of each run, Hill numbers of order 1 (exp of Shannon's entropy; Jost 2006): how many founder
lineages there are in effect, and how many phenotypes, a phenotype being the niche an organism took most meals from.
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from evolora.build import open_run
from evolora.config.load import load_world
from evolora.record.lives import niche_names, read_lives
from evolora.record.run_dir import LIVES

WORLD = str(Path(__file__).parents[2] / "worlds" / "petri.yaml")
ALONE = {"family": "first_in_alphabet", "capacity": 800}


def hill_one(labels: Iterable[object]) -> float:
    """exp(-sum p ln p) over the shares of equal labels: 1 where all are alike, n where n are equally common."""
    counts = Counter(labels)
    total = sum(counts.values())
    return math.exp(-sum(count / total * math.log(count / total) for count in counts.values()))


def live(seed: int, generations: int, out: Path, *, one_niche: bool) -> dict[str, float]:
    """One run's effective numbers, means over its last tenth of generations."""
    config = load_world(WORLD, [f"seed={seed}", f"generations={generations}", "record.elites=0", "host.threads=1"])
    if one_niche:
        alone = config.niches[0].model_copy(update={**ALONE, "inflow": sum(niche.inflow for niche in config.niches)})
        config = config.model_copy(update={"niches": [alone], "name": "petri_one_niche"})
    simulation = open_run(config, out)
    simulation.run()
    table = read_lives(simulation.run_dir.path / LIVES)
    names, lives = niche_names(table), table.to_pylist()
    lineages, phenotypes, scores = [], [], []
    for generation in range(generations - max(1, generations // 10) + 1, generations + 1):
        rows = [life for life in lives if life["generation"] == generation]
        if not rows:
            continue
        lineages.append(hill_one(row["lineage"] for row in rows))
        fed = [row for row in rows if sum(row["meals"]) > 0]
        phenotypes.append(hill_one(names[row["meals"].index(max(row["meals"]))] for row in fed))
        scores.append(sum(sum(row["scores"]) for row in rows) / sum(sum(row["answers"]) for row in rows))
    return {"lineages": _mean(lineages), "phenotypes": _mean(phenotypes), "mean score": _mean(scores)}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--out", type=Path, default=Path("checkpoints"))
    arguments = parser.parse_args()
    for one_niche in (True, False):
        for seed in arguments.seeds:
            numbers = live(seed, arguments.generations, arguments.out, one_niche=one_niche)
            shown = ", ".join(f"{name} {value:.2f}" for name, value in numbers.items())
            print(f"{'one niche' if one_niche else 'all niches'}, seed {seed}: {shown}", flush=True)
