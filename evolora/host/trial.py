"""Whether a packed stream gives a host's own answers: tried where layers are not known.

Attention is ours to replace. A layer may mix tokens by other means as well (the convolutions of LFM2, the recurrences
of Qwen3-Next): these would run on from one row of the stream into the next without a word.
"""

from collections.abc import Sequence
from typing import Any

import torch

from evolora.errors import HostError
from evolora.host.decode import Decoder, Request

_LENGTHS = (5, 9)  # of the prompts: rows of one length would hide what runs across them in step
_NEW_TOKENS = 3
_FARTHEST = {torch.float32: 1e-3}  # mean difference of log-probabilities, in nats
_FARTHEST_ROUNDED = 0.15  # in shorter formats: rounding alone makes 0.07 of it in SmolLM2, 0.02 in tiny hosts


def try_engine(name: str, model: Any, decoder: Decoder) -> None:
    """Let `decoder` answer two prompts together, and the plain `model` read each with its answer.

    Raises:
        HostError: they differ by more than rounding, or the engine cannot run the model at all.
    """
    prompts = [tuple(range(5 * length, 6 * length)) for length in _LENGTHS]
    problem = ""
    try:
        answers = decoder.without_stop().generate(
            None, [Request(0, prompt, 1, 0.0, _NEW_TOKENS, key) for key, prompt in enumerate(prompts)]
        )
        if faults := [answer.fault for (answer,) in answers if answer.fault]:
            raise ValueError(faults[0])
        differences = [
            abs(told - read)
            for prompt, (answer,) in zip(prompts, answers, strict=True)
            for told, read in zip(answer.logprobs, _read(model, prompt, answer.tokens), strict=True)
        ]
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - a model of another kind fails anywhere; reported below
        problem = f"which fails with {type(error).__name__}: {' '.join(str(error).split())}"[:200]
    else:
        mean = sum(differences) / len(differences)
        if not mean <= _FARTHEST.get(model.dtype, _FARTHEST_ROUNDED):
            problem = f"whose answers depend on what else is read (log-probabilities {mean:.2g} nats apart)"
    if problem:
        raise HostError(
            f"host {name}: expected layers that mix tokens by attention alone, got a {type(model).__name__} {problem}; "
            "choose another host"
        )


@torch.inference_mode()
def _read(model: Any, prompt: Sequence[int], answer: Sequence[int]) -> list[float]:
    """Log-probabilities of the tokens of `answer`, read by transformers' own attention in one row."""
    ours = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        ids = torch.tensor([[*prompt, *answer[:-1]]], device=model.device)
        logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 :].float()
    finally:
        model.set_attn_implementation(ours)
    chosen = torch.tensor(answer, device=model.device)[:, None]
    return torch.log_softmax(logits, -1).gather(1, chosen)[:, 0].tolist()
