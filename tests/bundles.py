"""Small runs and bundles for tests, and zips as other programs would write them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file

from evolora.share.archive import Part, write_archive
from evolora.share.contents import MANIFEST, kind_of
from evolora.share.pack import pack
from evolora.share.portfolio_format import digests
from evolora.share.verify import in_order

WORLD = "name: pond\nseed: 3\nhost: {name: tiny-llama}\nniches: [{family: rhyme}]\n"
RUN = {
    "name": "pond",
    "seed": 3,
    "host": "tiny-llama",
    "host_digest": "ab" * 32,
    "device": "cpu",
    "dtype": "float32",
    "threads": 1,
    "python": "3.11.7",
    "machine": "x86_64",
    "versions": {"evolora": "0.1.0"},
    "elites": 1,
}
BIRTH = {
    "event": "birth",
    "generation": 0,
    "organism_id": 7,
    "parents": [],
    "lineage": 7,
    "kind": "founder",
    "operator": "founder",
}
SITE = "model.layers.0.self_attn.q_proj"
ADAPTER = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "base_model_name_or_path": "tiny-llama",
    "r": 2,
    "lora_alpha": 4,
    "target_modules": [SITE],
}
TRAITS = {
    "rank": 2,
    "mutation_scale": 0.1,
    "learning_rate": 0.01,
    "temperature": 1.0,
    "answer_limit": 4,
    "num_examples": 1,
    "niche_preferences": {"rhyme": 0.5},
}


def tensors(rank: int = 2, out: int = 48, inner: int = 48) -> dict[str, torch.Tensor]:
    key = f"base_model.model.{SITE}"
    return {
        f"{key}.lora_A.weight": torch.full((rank, inner), 0.5),
        f"{key}.lora_B.weight": torch.full((out, rank), 0.25),
    }


def write_run(folder: Path, elite: bool = True, portfolio: bool = False) -> Path:
    """A run folder that nobody lived: two generations of a world on the tiny host."""
    (folder / "encounters").mkdir(parents=True)
    (folder / "world.yaml").write_text(WORLD)
    (folder / "run.json").write_text(json.dumps(RUN))
    (folder / "metrics.jsonl").write_text('{"generation":1,"num_living":4}\n{"generation":2,"num_living":3}\n')
    (folder / "events.jsonl").write_text(json.dumps(BIRTH) + "\n")
    (folder / "timing.jsonl").write_text('{"seconds":1.5}\n')
    if elite:
        _write_adapter(folder / "elites" / "organism-000007")
    if portfolio:
        write_portfolio(folder / "portfolio")
    return folder


def _write_adapter(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps(ADAPTER))
    save_file(tensors(), folder / "adapter_model.safetensors")


def router(width: int = 48, members: int = 2) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a ridge router."""
    shapes = {"mean": (width,), "scale": (width,), "weights": (width, members), "intercept": (members,)}
    return {name: np.full(shape, 0.5) for name, shape in shapes.items()}


def write_portfolio(folder: Path) -> Path:
    """The portfolio of two organisms of that run."""
    members = [7, 12]
    for identity in members:
        _write_adapter(folder / "adapters" / f"organism-{identity:06d}")
    (folder / "world.yaml").write_text(WORLD)
    save_arrays(router(), folder / "router.safetensors")
    index = {
        "format": 1,
        "host_digest": RUN["host_digest"],
        "members": [{"id": i, "adapter": f"organism-{i:06d}", "traits": TRAITS} for i in members],
        "best": 12,
        "router": "ridge",
        "files": {},
        "notes": {"run": "pond"},
    }
    return sign_portfolio(folder, index)


def sign_portfolio(folder: Path, index: dict[str, Any]) -> Path:
    """Write the index of a portfolio with the digests that its files have now."""
    (folder / "portfolio.json").write_text(json.dumps({**index, "files": digests(folder)}))
    return folder


def small_bundle(folder: Path, elite: bool = True, portfolio: bool = False) -> Path:
    target = folder / "pond.evolora"
    pack(write_run(folder / "run", elite, portfolio), target, "CC0-1.0", ["Ada"])
    return target


def contents_of(run: Path) -> dict[str, bytes]:
    """Name -> content of what a bundle of `run` holds, but the manifest."""
    names = [path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()]
    return {name: (run / name).read_bytes() for name in names if kind_of(name)}


def forge(target: Path, contents: dict[str, bytes], **changes: Any) -> Path:
    """A bundle as an attacker writes it: any contents, under a manifest and a digest that agree with them."""
    from hashlib import sha256

    files = {name: {"size": len(data), "sha256": sha256(data).hexdigest()} for name, data in contents.items()}
    values = {
        "format": 1, "world": "pond", "seed": 3, "generations": 2, "evolora": "0.1.0", "licence": None, "authors": [],
        "description": None, "host": {"name": "tiny-llama", "digest": "ab" * 32}, "files": files, **changes,
    }  # fmt: skip
    return write_zip(target, {MANIFEST: json.dumps(values).encode(), **contents})


def write_zip(target: Path, contents: dict[str, bytes]) -> Path:
    """A well-formed archive of any names and contents."""
    with target.open("wb") as file:
        write_archive(file, [Part(name, contents[name], len(contents[name])) for name in in_order(contents)])
    return target
