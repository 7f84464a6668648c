"""What invented runs record beside their lives: exams, held-out scores, ecology, answers, settings."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

if TYPE_CHECKING:
    from synthetic import Invention

ANSWERS = 6  # to each task
UPKEEP = 1.5


def exams(niches: tuple[str, ...], generations: int, seed: int) -> list[dict]:
    """Every fifth generation an exam: a team that is a little better than its best, an oracle above, the host below."""
    rng, rows = np.random.default_rng(seed), []
    for generation in range(5, generations + 1, 5):
        skill = 0.15 + 0.4 * min(1.0, generation / 30)
        draws = rng.random((len(niches), 16))
        chances = {"host": 0.15, "best": skill, "routed": skill + 0.1, "oracle": skill + 0.2}
        rows.append(
            {"generation": generation, "num_candidates": 16, "members": list(range(6)), "niches": list(niches),
             "selection_tasks": [8] * len(niches),
             "scores": {way: (draws < chance).astype(float).tolist() for way, chance in chances.items()},
             "tokens_per_answer": {"host": 40.0, "best": 35.0, "routed": 60.0, "oracle": 210.0},
             "tokens": {"selection": 40_000, "held_out": 30_000, "host": 5_000, "routing": 4_000}}
        )  # fmt: skip
    return rows


def holdout(world: "Invention", generation: int, seed: int) -> dict:
    """Scores as `evolora evaluate` writes them, (niches, tasks), invented."""
    levels = {"founders": 0.1, "final": 0.35, "best_founder": 0.2, "best_final": 0.5}
    scores = {
        key: np.clip(level + world.rng.normal(0, 0.1, (len(world.niches), 10)), 0, 1).round(6).tolist()
        for key, level in levels.items()
    }
    return {"generation": generation, "seed": seed, "niches": list(world.niches), **scores}


def ecology(world: "Invention", generation: int, scores: np.ndarray) -> dict:
    """Some of the measures a run records, invented where they would cost time; costly ones every tenth generation."""
    counts = np.unique(world.pool.lineage, return_counts=True)[1] / max(1, len(world.pool.id))
    costly = generation % 10 == 0
    noise = world.rng.normal(0, 0.02, 8)
    rise = 1 - np.exp(-generation / 15)
    return {
        "activity_lineage_excess": float(0.4 * rise + noise[0]),
        "activity_phenotype_excess": float(0.2 * rise + noise[1]),
        "activity_phenotype_excess_share": float(abs(0.1 * rise + noise[1])),
        "coverage_1": float(0.1 + 0.3 * rise + noise[2]),
        "coverage_all": float(0.2 + 0.6 * rise + noise[3]),
        "heritability_score": None if generation < 4 else float(0.3 + noise[4]),
        "heritability_score_se": None if generation < 4 else 0.1,
        "adapter_hill_1": float(2 + 3 * rise) if costly else None,
        "energy_gini": float(0.2 + 0.2 * rise),
        "phenotype_hill_1": float(1 + 4 * rise),
        "lineage_hill_0": float(len(counts)),
        "lineage_hill_1": float(np.exp(-(counts * np.log(counts)).sum())),
        "price_score_selection": float(0.01 + noise[5]),
        "price_score_transmission": float(noise[6]),
        "price_score_change": float(0.01 + noise[5] + noise[6]),
        "routed_score": float(min(1.0, scores.sum() / max(1, world.capacity * 36) + 0.1)),
        "specialisation_h2_prime": float(0.1 + 0.3 * rise + noise[7]),
        "tasks_h2_prime": float(0.1 + 0.3 * rise) if costly else None,
        "tasks_h2_prime_null": 0.12 if costly else None,
        "tasks_h2_prime_z": float((0.3 * rise - 0.02) / 0.03) if costly else None,
    }


def write_answers(path: Path, world: "Invention", generation: int, batch: pa.RecordBatch) -> None:
    """Invented questions and answers for every organism of a generation."""
    rows = []
    for life in batch.to_pylist():
        for niche, answers, score in zip(world.niches, life["answers"], life["scores"], strict=True):
            for sample in range(min(answers, 3)):
                right = sample < score
                rows.append(
                    {"generation": generation, "organism_id": life["organism_id"], "niche": niche,
                     "task": f"{niche}{sample}", "question": f"A question of {niche}: what is {sample} + 1?",
                     "num_examples": life["num_examples"], "sample": sample, "temperature": life["temperature"],
                     "prompt_tokens": 40, "generated_tokens": 5, "text": str(sample + right), "stopped": True,
                     "logprob": -0.5, "score": float(right), "reason": None}
                )  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), path / "encounters" / f"generation-{generation:06d}.parquet")


def write_settings(path: Path, world: "Invention", name: str, seed: int, generations: int) -> None:
    """world.yaml and run.json with what readers look at."""
    settings = {
        "name": name, "seed": seed, "generations": generations, "selection": "energy",
        "host": {"name": "smollm2-135m", "system_prompt": "Answer only."},
        "genome": {"modules": ["q_proj", "v_proj"], "layers": "upper_half", "scaling": 2.0},
        "population": {"founders": world.capacity, "capacity": world.capacity, "founder_energy": 5.0},
        "niches": [{"family": n, "name": n, "price": 0.35, "inflow": 3.0 * world.capacity / len(world.niches),
                    "outflow": 0.1, "capacity": 100.0, "settings": {}} for n in world.niches],
        "seasons": [], "shocks": [{"niche": world.niches[0], "at": 12, "duration": 3, "quantity": "price",
                                   "factor": 0.5}],
        "encounters": {"visits": 6, "answers_per_task": ANSWERS, "tasks_per_niche": 6},
        "energy": {"upkeep": UPKEEP, "cost_per_prompt_token": 0.001, "cost_per_generated_token": 0.005,
                   "cost_per_learning_token": 0.0005, "remains": "commons", "commons_release": 0.5},
        "death": {"insolvency": True, "max_age": None, "crowding": "oldest"},
        "reproduction": {"enabled": True, "threshold": 6.0, "endowment": 3.0, "merge_prob": 0.25,
                         "merging": {"spherical": 1.0}, "mutation": {"gaussian": 1.0}},
        "learning": {"method": "reinforce", "inheritance": "lamarckian"},
        "archive": {"enabled": True, "axes": [{"behaviour": "trade", "bounds": None, "bins": None},
                                              {"behaviour": "num_examples", "bounds": [0, 4], "bins": 4}]},
    }  # fmt: skip
    (path / "world.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    run = {
        "name": name, "seed": seed, "host": "smollm2-135m", "host_digest": "0" * 64, "device": "cpu",
        "dtype": "bfloat16", "versions": {"evolora": "0.1.0", "torch": "2.13.0"}, "threads": 1,
    }  # fmt: skip
    (path / "run.json").write_text(json.dumps(run))
    bare = {
        "answer_limit": 12,
        "num_tasks": dict.fromkeys(world.niches, 5),
        "scores": {"0": dict.fromkeys(world.niches, 0.0), "1": dict.fromkeys(world.niches, 0.2)},
    }
    (path / "bare_host.json").write_text(json.dumps(bare))
