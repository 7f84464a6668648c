"""Every answer of a generation as one Parquet file: enough to replay routers, votes and auctions without the host."""

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evolora.environment.encounter import Outcome


def write_encounters(folder: Path, generation: int, outcomes: Sequence[Outcome], with_colonies: bool = False) -> None:
    """Write `encounters/generation-000001.parquet`: a row per answer, atomically; an older one is replaced.

    In worlds `with_colonies` a row also has the `finder` who passed the task on, and the `bid`; null where nobody did.
    """
    # Column by column: as a dict per answer this took a third of the time that recording a generation takes.
    answers = [answer for outcome in outcomes for answer in outcome.answers]
    scores = [score for outcome in outcomes for score in outcome.scores]
    met = [outcome.encounter for outcome in outcomes for _ in outcome.answers]
    table = pa.table(
        {
            "generation": pa.array([generation] * len(answers), pa.int64()),
            "organism_id": pa.array([encounter.organism_id for encounter in met], pa.int64()),
            "niche": pa.array([encounter.niche for encounter in met], pa.string()),
            "task": pa.array([encounter.task.digest for encounter in met], pa.string()),
            "question": pa.array([encounter.task.question for encounter in met], pa.string()),
            "num_examples": pa.array([len(encounter.examples) for encounter in met], pa.int64()),
            "sample": pa.array([sample for outcome in outcomes for sample in range(len(outcome.answers))], pa.int64()),
            "temperature": pa.array([encounter.temperature for encounter in met], pa.float64()),
            "prompt_tokens": pa.array([answer.prompt_tokens for answer in answers], pa.int64()),
            "generated_tokens": pa.array([answer.generated_tokens for answer in answers], pa.int64()),
            "text": pa.array([answer.text for answer in answers], pa.string()),
            "stopped": pa.array([answer.stopped for answer in answers], pa.bool_()),
            "logprob": pa.array([answer.logprob for answer in answers], pa.float64()),
            "score": pa.array([score.value for score in scores], pa.float64()),
            "reason": pa.array([score.reason for score in scores], pa.string()),
        }
    )
    if with_colonies:
        table = table.append_column("finder", pa.array([encounter.finder for encounter in met], pa.int64()))
        table = table.append_column("bid", pa.array([encounter.bid for encounter in met], pa.float64()))
    path = folder / "encounters" / f"generation-{generation:06d}.parquet"
    aside = path.with_name(f".{path.name}.tmp")
    pq.write_table(table, aside, compression="zstd")
    os.replace(aside, path)


def tasks_met(run: Path) -> set[str]:
    """The digests of all tasks that anybody of a run met, as its `encounters/` have them."""
    met: set[str] = set()
    for path in sorted((run / "encounters").glob("generation-*.parquet")):
        met.update(pq.read_table(path, columns=["task"])["task"].unique().to_pylist())
    return met
