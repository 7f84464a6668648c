"""Load a host: the frozen model, its tokenizer and its digest, from whatever its name stands for."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from evolora.errors import HostError
from evolora.host.bring import bring, file_sha256
from evolora.host.byte_tokenizer import ByteTokenizer, HostTokenizer, Message
from evolora.host.convert import quiet_transformers, read_gguf
from evolora.host.device import choose_device, choose_dtype, keep_freed_memory
from evolora.host.hub import fetch_from_hub
from evolora.host.registry import HOSTS, resolve
from evolora.host.tiny import build_tiny

_SPOKEN = "Answer only: 3 apples + 12 pears = ?\n\tÀ, é; 水."
# Written by whichever version of transformers saved the model; says nothing about what it computes.
_INCIDENTAL = ("transformers_version", "_name_or_path", "_model_name_or_path", "dtype", "torch_dtype")


@dataclass(frozen=True, eq=False)
class Host:
    """A frozen causal language model and what is needed to speak to it. Shared by all organisms."""

    name: str
    model: Any  # a transformers causal LM: eval mode, no parameter requires a gradient
    tokenizer: HostTokenizer
    device: torch.device
    dtype: torch.dtype
    digest: str  # SHA-256 of weights and configuration as stored, and of the tokenizer's ways where they can change
    eos_ids: frozenset[int]  # any of these ends an answer
    pad_id: int

    @property
    def num_parameters(self) -> int:
        return sum(p.numel() for p in self.model.parameters())


class PretrainedTokenizer:
    """A transformers tokenizer as a `HostTokenizer`."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._has_template = bool(inner.chat_template)
        self._stop_id = self._find_stop()

    @property
    def bos_id(self) -> int | None:
        # Only where the tokenizer itself would begin with it: many name a bos token their model never saw.
        begun = self._inner("a")["input_ids"]
        bos = self._inner.bos_token_id
        return bos if bos is not None and begun[:1] == [bos] else None

    @property
    def stop_id(self) -> int:
        return self._stop_id

    @property
    def ways(self) -> tuple[Any, ...]:
        """What token ids of a conversation follow from: the template as it is written (for it may put in the date), the
        ids of a text, and how texts begin and end."""
        return self._inner.chat_template, self.encode(_SPOKEN), self.bos_id, self.stop_id

    def encode(self, text: str) -> list[int]:
        # split_special_tokens: a text with "<|im_end|>" in it must not end the turn.
        return list(self._inner(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def decode(self, ids: Iterable[int]) -> str:
        return str(self._inner.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def spell(self, ids: Iterable[int]) -> str:
        return str(self._inner.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def read_spelled(self, text: str) -> list[int]:
        return list(self._inner(text, add_special_tokens=False)["input_ids"])

    def encode_chat(self, messages: Sequence[Message]) -> list[int] | None:
        return self._chat(messages, generate=True) if self._has_template else None

    def _chat(self, messages: Sequence[Message], *, generate: bool) -> list[int]:
        from jinja2.exceptions import TemplateError

        try:
            # enable_thinking: read by templates of reasoning models (Qwen3), ignored by the others.
            text = self._inner.apply_chat_template(
                [message | {"content": self._defuse(message["content"])} for message in messages],
                tokenize=False,
                add_generation_prompt=generate,
                enable_thinking=False,
            )
        except TemplateError as error:
            raise ValueError(str(error)) from error
        return list(self._inner(text, add_special_tokens=False)["input_ids"])

    def _defuse(self, text: str) -> str:
        """`text` with spelled-out special tokens broken up: nobody ends a turn from within its text."""
        for token in self._inner.all_special_tokens:
            text = text.replace(token, f"{token[:1]} {token[1:]}")
        return text

    def _find_stop(self) -> int:
        """What the template writes after an assistant's turn; or the end-of-sequence token."""
        special = set(self._inner.all_special_ids)
        if self._has_template:
            turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
            ids = self._chat(turns, generate=False)
            content = self.encode("b")[-1]
            after = ids[len(ids) - ids[::-1].index(content) :] if content in ids else []
            for token in after:
                if token in special:
                    return token
        if self._inner.eos_token_id is None:
            raise HostError("tokenizer: expected an end-of-sequence token, got none; set its eos_token")
        return int(self._inner.eos_token_id)


def load_host(name: str, device: str = "auto", dtype: str = "auto", threads: int | None = None) -> Host:
    """Load the host `name` stands for, frozen and in eval mode.

    `name`: see `registry.resolve`; the default host is brought first if the cache lacks it. `threads` sets
    torch's CPU threads for this process.

    Raises:
        HostError: unknown name, bad device or dtype, a failed download, or a model that cannot be loaded.
    """
    source = resolve(name)
    where = choose_device(device)
    number_format = choose_dtype(dtype, where)
    if threads is not None:
        torch.set_num_threads(threads)
    if where.type == "cpu":
        keep_freed_memory()
    tokenizer: HostTokenizer
    if source.kind == "tiny":
        model, tokenizer = build_tiny(name), ByteTokenizer()
        digest = _model_digest(model)
    elif source.kind == "gguf":
        assert source.path is not None
        model, inner = read_gguf(source.path, number_format)
        tokenizer, digest = PretrainedTokenizer(inner), file_sha256(source.path)
    else:
        packaged = HOSTS[name].packaged if source.kind == "packaged" else None
        folder = bring(name, packaged) if packaged is not None else source.path or fetch_from_hub(name)
        model, inner = _read_directory(folder, name, number_format)
        tokenizer, digest = PretrainedTokenizer(inner), _directory_digest(folder)
        if name not in HOSTS:  # the files of those with a name are ours
            digest = _with_spelling(digest, tokenizer)
    model = model.to(device=where, dtype=number_format)
    model.eval().requires_grad_(False)
    _check_is_causal(name, model)
    eos_ids = _eos_ids(model, tokenizer)
    pad = model.config.pad_token_id
    return Host(
        name=name,
        model=model,
        tokenizer=tokenizer,
        device=where,
        dtype=number_format,
        digest=digest,
        eos_ids=eos_ids,
        pad_id=pad if isinstance(pad, int) else tokenizer.stop_id,
    )


def _read_directory(folder: Path, name: str, dtype: torch.dtype) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            model, report = AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, local_files_only=True, output_loading_info=True
            )
    except Exception as error:  # the libraries raise anything on a bad folder
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        raise HostError(
            f"host {name}: expected a causal language model with its tokenizer in {folder}, got {reason}; "
            "check the files, or `evolora host list` for hosts that work"
        ) from error
    if report["missing_keys"]:  # transformers fills them with random numbers
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise HostError(
            f"host {name}: expected all weights of a {type(model).__name__} in {folder}, "
            f"got none for {missing}; give a causal (decoder-only) language model"
        )
    return model, tokenizer


def _check_is_causal(name: str, model: Any) -> None:
    """Refuse a model that sees the future (an encoder) or computes no numbers.

    Two prompts that differ only at their end must be answered alike before it.
    """
    prompts = torch.tensor([[5, 6, 7], [5, 6, 8]], device=model.device)
    problem = ""
    try:
        with torch.inference_mode():
            logits = model(input_ids=prompts).logits.float()  # (2, 3, vocabulary)
    except Exception as error:  # noqa: BLE001 - another kind of model fails anywhere; reported below
        problem = f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
    else:
        if not torch.isfinite(logits).all():
            problem = "numbers that are not finite"
        elif (logits[0, 0] - logits[1, 0]).abs().max() > 0.01 * logits.abs().max():
            problem = "predictions that depend on later tokens"
    if problem:
        raise HostError(
            f"host {name}: expected a decoder-only language model, got a {type(model).__name__} "
            f"with {problem}; choose another host"
        )


def _eos_ids(model: Any, tokenizer: HostTokenizer) -> frozenset[int]:
    """Every id the model, its generation settings or its chat template ends with."""
    ids = {tokenizer.stop_id}
    for setting in (model.config.eos_token_id, model.generation_config.eos_token_id):
        if setting is not None:
            ids.update([setting] if isinstance(setting, int) else setting)
    return frozenset(ids)


def _config_text(config: dict[str, Any]) -> bytes:
    kept = {key: value for key, value in config.items() if key not in _INCIDENTAL}
    return json.dumps(kept, sort_keys=True, default=str).encode()


def _directory_digest(folder: Path) -> str:
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(_config_text(config))
    for path in weights:
        digest.update(f"{path.name} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _with_spelling(digest: str, tokenizer: PretrainedTokenizer) -> str:
    """`digest` with the tokenizer's ways: they make prompts as much as weights make answers."""
    return hashlib.sha256(f"{digest} {json.dumps(tokenizer.ways)}".encode()).hexdigest()


def _model_digest(model: Any) -> str:
    """Of a model without files: its shapes and float32 weights, in order of their names."""
    digest = hashlib.sha256()
    for path, parameter in sorted(model.named_parameters()):
        digest.update(f"{path} {tuple(parameter.shape)}\n".encode())
        digest.update(parameter.detach().numpy().tobytes())
    return digest.hexdigest()
