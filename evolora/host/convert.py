"""Convert a GGUF file once into what transformers loads in a second: safetensors, config and tokenizer."""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from evolora.errors import HostError


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' progress bars and notices: the command line has its own."""
    from transformers.utils import logging

    level, had_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if had_bar:
            logging.enable_progress_bar()


def read_gguf(gguf: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    """Model and tokenizer of a GGUF file, dequantised to `dtype`; about 10 s for 135M parameters.

    Raises:
        HostError: the file is cut short, damaged or of an architecture transformers does not read.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with gguf.open("rb") as stream:
        magic = stream.read(4)
    if magic != b"GGUF":
        raise HostError(f"{gguf}: expected 'GGUF' at the start, got {magic!r}; download it again")
    try:
        # Its GGUF reader draws a bar of its own on stderr, whatever its settings.
        with quiet_transformers(), contextlib.redirect_stderr(io.StringIO()):
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(
                gguf.parent, gguf_file=gguf.name, dtype=dtype, local_files_only=True
            )
    except Exception as error:  # the readers raise anything from struct.error to IndexError
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
        raise HostError(f"{gguf}: expected a whole causal language model, got {reason}; download it again") from error
    return model, tokenizer


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Write a GGUF file's model and tokenizer into `folder`, weights as bfloat16.

    bfloat16 keeps more than the 4 or 5 bits a quantised file has, halves the cache, and makes a float32 and a
    bfloat16 host the same numbers.
    """
    model, tokenizer = read_gguf(gguf, torch.bfloat16)
    # The loaded model keeps a quantization_config, for which save_pretrained refuses: rebuild it without.
    settings = {key: value for key, value in model.config.to_dict().items() if key != "quantization_config"}
    clean = type(model)(type(model.config)(**settings)).to(torch.bfloat16)
    clean.load_state_dict(model.state_dict(), strict=True)
    clean.tie_weights()
    clean.generation_config = model.generation_config
    with quiet_transformers():
        clean.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    for path in folder.iterdir():  # on disk before the rename that makes the folder trusted
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
