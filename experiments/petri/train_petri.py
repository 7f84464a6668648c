"""Train the petri host from nothing and write it, with its training record, where the package ships it.

    python experiments/petri/train_petri.py [--steps N] [--seed N] [--out FOLDER]

One thread, float32; the same seed, machine and versions give the same weights. See `corpus.py` for what it reads.
It stops early, at 2,000 of 5,500 planned updates, while the host is able at everything and good at little.
"""

import argparse
import json
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from corpus import LORE_SHARE, MANNERS, Document, documents
from measure import measure_host
from tokenizer import ANSWER, ASK, END, make_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SHIPPED = Path(__file__).parents[2] / "evolora" / "host" / "petri"
DOCUMENTS_A_STEP = 64
BATCHES_SORTED = 8  # drawn together and sorted by length, so that little is padding
VOCABULARY_DOCUMENTS = 30_000
PEAK_RATE, WARM_STEPS, LAST_RATE = 2e-3, 100, 0.05  # of Adam; the last as a share of the peak
IGNORED = -100  # target of tokens that are not an answer's
SHAPE = {
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
}


class Encoder:
    """Documents as token ids with targets: only answers, and the end of each, are learnt."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._ask, self._answer, self._end = tokenizer.convert_tokens_to_ids([ASK, ANSWER, END])
        self._known: dict[str, list[int]] = {}

    def encode(self, document: Document) -> tuple[list[int], list[int]]:
        """Ids and, place by place, the id that should come next (or `IGNORED`)."""
        ids, learnt = list(self._ids(document.system)), [False] * len(self._ids(document.system))
        for question, answer in document.turns:
            asked, answered = self._ids(question), self._ids(answer)
            ids += [self._ask, *asked, self._answer, *answered, self._end]
            learnt += [False] * (len(asked) + 2) + [True] * (len(answered) + 1)
        targets = [token if wanted else IGNORED for token, wanted in zip(ids[1:], learnt[1:], strict=True)]
        return ids[:-1], targets

    def _ids(self, text: str) -> list[int]:
        if text not in self._known:
            self._known[text] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return self._known[text]


def batches(encoder: Encoder, seed: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Ids and targets, each (documents, longest), right-padded; causality hides the padding."""
    source, rng = documents(seed), Random(seed)
    while True:
        chunk = sorted((encoder.encode(d) for d in islice(source, DOCUMENTS_A_STEP * BATCHES_SORTED)), key=by_length)
        parts = [chunk[i : i + DOCUMENTS_A_STEP] for i in range(0, len(chunk), DOCUMENTS_A_STEP)]
        rng.shuffle(parts)
        for part in parts:
            width = max(len(ids) for ids, _ in part)
            yield (
                torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in part]),
                torch.tensor([targets + [IGNORED] * (width - len(targets)) for _, targets in part]),
            )


def by_length(encoded: tuple[list[int], list[int]]) -> int:
    return len(encoded[0])


def rate_at(step: int, steps: int) -> float:
    """Share of the peak learning rate: linear warming, then linear to `LAST_RATE`."""
    if step < WARM_STEPS:
        return (step + 1) / WARM_STEPS
    return 1 - (1 - LAST_RATE) * (step - WARM_STEPS) / max(1, steps - WARM_STEPS)


def train(
    model: LlamaForCausalLM, encoder: Encoder, seed: int, steps: int, schedule_steps: int
) -> tuple[list[dict[str, float]], int]:
    """Losses every 100 steps (mean over them, nats per learnt token), and the tokens read."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_at(step, schedule_steps))
    losses: list[float] = []
    curve, tokens, begun = [], 0, time.perf_counter()
    for step, (ids, targets) in enumerate(islice(batches(encoder, seed), steps)):
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        wanted = targets != IGNORED
        loss = F.cross_entropy(model.lm_head(hidden[wanted]), targets[wanted])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        tokens += ids.numel()
        if (step + 1) % 100 == 0:
            curve.append({"step": step + 1, "loss": round(sum(losses[-100:]) / 100, 4)})
            print(f"step {step + 1}: loss {curve[-1]['loss']}, {time.perf_counter() - begun:.0f} s", flush=True)
    return curve, tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000, help="updates of 64 documents each")
    parser.add_argument("--schedule", type=int, default=5500, help="updates that the learning rate is planned for")
    parser.add_argument("--seed", type=int, default=1, help="of the first weights and of all documents")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="folder to write; default: the one that is shipped")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    shown = islice(documents(arguments.seed), VOCABULARY_DOCUMENTS)
    tokenizer = make_tokenizer(text for d in shown for text in (d.system, *(part for turn in d.turns for part in turn)))
    end = tokenizer.convert_tokens_to_ids(END)
    config = LlamaConfig(
        **SHAPE, vocab_size=-(-len(tokenizer) // 32) * 32, eos_token_id=end, pad_token_id=end, bos_token_id=None
    )
    model = LlamaForCausalLM(config)
    begun = time.perf_counter()
    curve, tokens = train(model, Encoder(tokenizer), arguments.seed, arguments.steps, arguments.schedule)
    seconds = time.perf_counter() - begun
    arguments.out.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(arguments.out)
    tokenizer.save_pretrained(arguments.out)
    record = {
        "script": "experiments/petri/train_petri.py",
        "seed": arguments.seed,
        "steps": arguments.steps,
        "schedule_steps": arguments.schedule,
        "documents_a_step": DOCUMENTS_A_STEP,
        "tokens": tokens,
        "parameters": sum(p.numel() for p in model.parameters()),
        "peak_rate": PEAK_RATE,
        "manners": dict(MANNERS),
        "lore_share": LORE_SHARE,
        "questions": "living split only",
        "loss": curve,
        "seconds": round(seconds),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{platform.machine()}, 1 thread",
        "versions": {name: version(name) for name in ("torch", "transformers", "tokenizers", "evolora")},
        "scores": measure_host(str(arguments.out)),
    }
    (arguments.out / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
