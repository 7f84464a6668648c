"""The README of an exported adapter: who it is, where it comes from, how well it scored, how to use it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from evolora.record.residents import Resident, Residents, first_line

MOST_ANCESTORS = 40  # shown in the card; organism.json has them all


def describe(residents: Residents, resident: Resident, births: Sequence[Mapping[str, Any]], system_prompt: str) -> str:
    """organism.json: everything the card says, for programs."""
    organism, traits = resident.organism, resident.organism.active.traits
    described = {
        "format": 1,
        "name": resident.name,
        "run": residents.run["name"],
        "seed": residents.run["seed"],
        "generation": residents.generation,
        "organism_id": organism.id,
        "weights_sha256": resident.digest,
        "host": residents.run["host"],
        "host_digest": residents.run["host_digest"],
        "system_prompt": system_prompt,
        "traits": {name: value for name, value in vars(traits).items() if name != "niche_preferences"}
        | {"niche_preferences": dict(traits.niche_preferences)},
        "scores": dict(sorted(organism.competence.items())),
        "born": organism.born,
        "children": organism.children,
        "lineage": organism.lineage,
        "ancestors": list(births),
    }
    return json.dumps(described, indent=2, sort_keys=True, allow_nan=False) + "\n"


def model_card(
    residents: Residents, resident: Resident, births: Sequence[dict[str, Any]], system_prompt: str, rank: int
) -> str:
    """The README.md, with the front matter that model hubs read. `rank` is the adapter's as exported."""
    organism, run = resident.organism, residents.run
    traits = organism.active.traits
    front = yaml.safe_dump(
        {"base_model": run["host"], "library_name": "peft", "tags": ["lora", "evolora", "artificial-life"]},
        sort_keys=False,
    )
    scores = [f"| {_cell(niche)} | {score:.3f} |" for niche, score in sorted(organism.competence.items())]
    lines = [
        f"---\n{front}---",
        f"# {resident.name}",
        "",
        f"Organism {organism.id} of the run `{run['name']}` (seed {run['seed']}), alive after generation "
        f"{residents.generation}: a LoRA adapter of rank {traits.rank}"
        + (f" (zero-padded to {rank})" if rank != traits.rank else "")
        + f" for the host `{run['host']}` (digest {run['host_digest'][:12]}), made by Evolora.",
        "",
        "## Scores",
        "",
        "Smoothed mean scores of the answers it lived on (not held-out tasks; `evolora evaluate` measures those)."
        if scores
        else "It has not answered anything yet.",
        "",
        *(["| niche | score |", "|---|---|", *scores, ""] if scores else []),
        "## How it was prompted",
        "",
        f"System message `{_cell(system_prompt)}`, {traits.num_examples} worked example(s) before the question, at "
        f"most {traits.answer_limit} new tokens, its answer on the first line.",
        "",
        "## Lineage",
        "",
        *_lineage(births, organism.id),
        "",
        "## Use",
        "",
        "    from peft import PeftModel",
        f'    model = PeftModel.from_pretrained(host, "{resident.name}")',
        "",
        f"The host's folder: `evolora host pull {run['host']}` prints it. vLLM: `--lora-modules "
        f"{resident.name}=DIR --max-lora-rank {rank}`. lm-evaluation-harness: `--model_args pretrained=HOST,peft=DIR`.",
        "",
        f"SHA-256 of the weights: `{resident.digest}`. Everything above for programs: organism.json.",
        "",
    ]
    return "\n".join(lines)


def _lineage(births: Sequence[dict[str, Any]], organism_id: int) -> list[str]:
    by_id = {row["organism_id"]: row for row in births}
    line = first_line(births, organism_id)
    shown = [by_id[identity] for identity in line[:MOST_ANCESTORS] if identity in by_id]
    rows = [
        f"| {row['organism_id']} | {row['generation']} | {row['kind']} | {row['operator']} | "
        f"{', '.join(str(parent) for parent in row['parents']) or '-'} |"
        for row in shown
    ]
    more = [f"... and {len(line) - len(shown)} more."] if len(line) > len(shown) else []
    return [
        f"{len(births)} birth(s) in its ancestry; its line of first parents:",
        "",
        "| organism | born in generation | kind | operator | parents |",
        "|---|---|---|---|---|",
        *rows,
        *more,
    ]


def _cell(text: str) -> str:
    """`text` inside a line of Markdown: no line breaks, no cell or code ends."""
    return " ".join(text.replace("|", "/").replace("`", "'").split())
