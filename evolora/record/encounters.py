"""Every answer of a generation as one Parquet file: enough to replay routers, votes and auctions without the host."""

import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from evolora.environment.encounter import Outcome


def write_encounters(folder: Path, generation: int, outcomes: Sequence[Outcome]) -> None:
    """Write `encounters/generation-000001.parquet`: a row per answer, atomically; an older one is replaced."""
    rows = [
        {
            "generation": generation,
            "organism_id": outcome.encounter.organism_id,
            "niche": outcome.encounter.niche,
            "task": outcome.encounter.task.digest,
            "question": outcome.encounter.task.question,
            "num_examples": len(outcome.encounter.examples),
            "sample": sample,
            "temperature": outcome.encounter.temperature,
            "prompt_tokens": answer.prompt_tokens,
            "generated_tokens": answer.generated_tokens,
            "text": answer.text,
            "stopped": answer.stopped,
            "logprob": answer.logprob,
            "score": score.value,
            "reason": score.reason,
        }
        for outcome in outcomes
        for sample, (answer, score) in enumerate(zip(outcome.answers, outcome.scores, strict=True))
    ]
    path = folder / "encounters" / f"generation-{generation:06d}.parquet"
    aside = path.with_name(f".{path.name}.tmp")
    pq.write_table(pa.Table.from_pylist(rows), aside, compression="zstd")
    os.replace(aside, path)
