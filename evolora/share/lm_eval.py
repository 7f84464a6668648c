"""Held-out tasks of a run as a folder that lm-evaluation-harness includes: JSONL, YAML and the scorer beside them.

Written against lm-evaluation-harness 0.4.13: `--include_path DIR`, `custom_dataset` and `process_results` functions.
"""

import inspect
import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from evolora.environment import text as answer_text
from evolora.environment.families.own_family import OwnFamily
from evolora.environment.niche import Niche
from evolora.environment.task import Task
from evolora.environment.tasks import TaskSource
from evolora.errors import RunFolderError, TaskError
from evolora.host.byte_tokenizer import HostTokenizer
from evolora.host.load import Host
from evolora.host.prompt import PromptBuilder
from evolora.share import lm_eval_scoring

SCORING = "scoring.py"


@dataclass(frozen=True)
class Suite:
    """What is to be written: every niche's `num_tasks` test tasks, with each of `shots` worked examples in the prompt.

    `families` says for each niche how its family is made: (spec, settings). `limit` is the most new tokens.
    """

    world: str
    niches: Sequence[Niche]
    families: Sequence[tuple[str, Mapping[str, Any]]]
    source: TaskSource
    num_tasks: int
    shots: Sequence[int]
    limit: int
    host: Host
    prompts: PromptBuilder


def export_lm_eval(suite: Suite, target: Path) -> list[str]:
    """Write the folder, whole or not at all, and return the names of its groups: one for each number of examples.

    Raises:
        RunFolderError: `target` exists, or cannot be written.
        TaskError: a niche's tasks cannot be written as JSON.
    """
    if target.exists():
        raise RunFolderError(f"{target}: expected a new folder, got one that exists; give another --lm-eval")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
        try:
            groups = [_write_group(suite, shots, aside) for shots in suite.shots]
            (aside / SCORING).write_text(_scoring_source(), encoding="utf-8")
            kept = {
                niche.name: {"family": spec, "settings": dict(made), "pay": niche.pay, "pay_floor": niche.pay_floor}
                for niche, (spec, made) in zip(suite.niches, suite.families, strict=True)
            }
            (aside / "niches.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
            aside.chmod(0o755)
            aside.rename(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise RunFolderError(f"{target}: expected to write there, got {error.strerror or error}") from error
    return groups


def _write_group(suite: Suite, shots: int, folder: Path) -> str:
    group = f"evolora_{_slug(suite.world)}_{shots}shot"
    names = []
    for niche in suite.niches:
        name = f"evolora_{_slug(suite.world)}_{_slug(niche.name)}_{shots}shot"
        rows = [_row(suite, niche, task, shots) for task in suite.source.test(niche, suite.num_tasks)]
        lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows]
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        (folder / f"{name}.yaml").write_text(_task_yaml(suite, name), encoding="utf-8")
        names.append(name)
    whole = {
        "group": group,
        "task": names,
        "aggregate_metric_list": [{"metric": "score", "aggregation": "mean", "weight_by_size": True}],
        "metadata": {"version": 1.0},
    }
    (folder / f"{group}.yaml").write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")
    return group


def _row(suite: Suite, niche: Niche, task: Task, shots: int) -> dict[str, Any]:
    examples = [(shown.question, shown.answer) for shown in suite.source.examples(niche, shots)]
    row = {
        "niche": niche.name,
        "question": task.question,
        "answer": task.answer,
        "prompt": _prompt_text(suite.host.tokenizer, suite.prompts.build(task.question, examples)),
        "scoring": "text" if _scores_by_text(niche) else "evolora",
    }
    if row["scoring"] == "evolora":
        try:
            row["payload"] = json.dumps(dict(task.payload))
        except (TypeError, ValueError) as error:
            raise TaskError(
                f"niche {niche.name}: expected tasks that JSON can hold, got {error}; lm-eval cannot score this family"
            ) from error
    return row


def _prompt_text(tokenizer: HostTokenizer, ids: tuple[int, ...]) -> str:
    """The prompt as text that the host's own tokenizer reads as exactly these ids, special tokens spelled out."""
    text = tokenizer.spell(ids)
    if tuple(tokenizer.read_spelled(text)) != ids:
        raise TaskError(
            "lm-eval: expected prompts that survive as text, got one whose tokens change when its text is read again; "
            "this host's tokenizer cannot be used through text"
        )
    return text


def _scores_by_text(niche: Niche) -> bool:
    """Whether the niche's score is 1 for the reference's own text and 0 for any other."""
    family = niche.family
    return isinstance(family, OwnFamily) and type(family).score is OwnFamily.score


def _task_yaml(suite: Suite, name: str) -> str:
    ends = sorted({suite.host.tokenizer.spell([stop]) for stop in suite.host.eos_ids} - {""})
    task = {
        "task": name,
        "dataset_path": "",
        "dataset_kwargs": {"file": f"{name}.jsonl"},
        "output_type": "generate_until",
        "test_split": "test",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{answer}}",
        "num_fewshot": 0,
        "metric_list": [{"metric": "score", "aggregation": "mean", "higher_is_better": True}],
        "generation_kwargs": {"do_sample": False, "temperature": 0.0, "max_gen_toks": suite.limit, "until": ends},
        "repeats": 1,
        "metadata": {"version": 1.0},
    }
    functions = "custom_dataset: !function scoring.load\nprocess_results: !function scoring.score\n"
    return yaml.safe_dump(task, sort_keys=False, allow_unicode=True) + functions


def _scoring_source() -> str:
    """`lm_eval_scoring` with the source of the functions it imports in their place."""
    head, wanted, tail = inspect.getsource(lm_eval_scoring).partition(
        "from evolora.environment.text import normalise, read_answer\n"
    )
    assert wanted, "lm_eval_scoring imports what is put in its place"
    return f"{head}\n{inspect.getsource(answer_text)}\n{tail}"


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", text)
