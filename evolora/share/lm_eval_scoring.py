"""What a task folder for lm-evaluation-harness runs: reads its questions, scores answers as their niche does.

This file is copied into every exported folder as scoring.py, with `answer_text`'s source in place of the import
below, so that most folders need nothing of Evolora. Niches whose family has a scorer of its own import Evolora when
they score.
"""

import functools
import json
from pathlib import Path
from typing import Any

from evolora.environment.text import normalise, read_answer

HERE = Path(__file__).parent


def load(file: str, **_: Any) -> dict[str, Any]:
    """The questions of one task: lm-evaluation-harness calls this with the task's `dataset_kwargs`."""
    from datasets import Dataset

    rows = [json.loads(line) for line in (HERE / file).read_text(encoding="utf-8").splitlines()]
    return {"test": Dataset.from_list(rows)}


def score(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """The niche's score of one generated answer, in [0, 1]."""
    answer = read_answer(results[0], doc["answer"])
    if not answer:
        return {"score": 0.0}
    if doc["scoring"] == "text":
        return {"score": float(normalise(answer) == normalise(doc["answer"]))}
    from evolora.environment.task import Task

    niche = _niche(doc["niche"])
    task = Task(niche.family.name, doc["question"], doc["answer"], 0, json.loads(doc["payload"]))
    return {"score": niche.score(task, results[0]).value}


@functools.cache
def _niche(name: str) -> Any:
    """The niche as the world has it, from niches.json."""
    from evolora.environment.families.registry import make_family
    from evolora.environment.niche import Niche

    kept = json.loads((HERE / "niches.json").read_text(encoding="utf-8"))[name]
    family = make_family(kept["family"], kept["settings"])
    return Niche(name, family, pay=kept["pay"], pay_floor=kept["pay_floor"])
