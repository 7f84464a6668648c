"""How much of the bank's own speed is left when the same requests come over HTTP, each on a connection of its own.

    python tests/serving/throughput.py RUN [--requests 200] [--organisms 32] [--rounds 3] [--tokens 12] [--threads 1]

Asks held-out questions of the run's niches, spread evenly over its best organisms, greedily, at most `--tokens` new
tokens each. Bank: the requests tokenised beforehand, one call in this process. Server: `evolora serve` in a process of
its own, all requests sent at once with the openai client from this one, timed from the first to the last answer, the
client's own work included. Rounds alternate; the medians are compared. Both answer alike, which is checked.

Bank and server compute with the same number of threads; the client works beside them, so leave it a core.
Seconds are told twice: by the clock, and of processor time (the bank's process, and the server's without its client).
On a machine that others use too, the clock tells of them as well; processor time tells little of them.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from pathlib import Path

import openai
import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from run_server import resident_megabytes, serving  # noqa: E402

from evolora.blueprint import build_rules  # noqa: E402
from evolora.config.load import load_world  # noqa: E402
from evolora.host.decode import Request  # noqa: E402
from evolora.serving.opening import open_speakers  # noqa: E402
from evolora.serving.speaker import Conversation  # noqa: E402
from evolora.serving.speakers import Speakers  # noqa: E402

Asked = list[tuple[str, Conversation]]  # model, what is said


def make_questions(run: Path, speakers: Speakers, num_requests: int, num_organisms: int) -> Asked:
    """Each niche's test questions after two worked examples, given to the organisms in turn."""
    rules = build_rules(load_world(str(run / "world.yaml")))
    each = -(-num_requests // len(rules.niches))
    asked = []
    for niche in rules.niches:
        examples = tuple((task.question, task.answer) for task in rules.tasks.examples(niche, 2))
        asked += [Conversation(task.question, examples) for task in rules.tasks.test(niche, each)]
    names = [speaker.name for speaker in speakers.all[1 : num_organisms + 1]]
    return [(names[i % len(names)], one) for i, one in enumerate(asked[:num_requests])]


def ask_bank(speakers: Speakers, asked: Asked, tokens: int) -> tuple[float, float, list[str]]:
    """Seconds by the clock, processor seconds, texts."""
    requests = []
    for name, conversation in asked:
        speaker = speakers.find(name)
        assert speaker is not None
        prompt, opening = speakers.prompt(conversation), speakers.opening(conversation)
        requests.append(Request(speaker.row, prompt, 1, 0.0, tokens, 0, opening))
    start, began = time.perf_counter(), time.process_time()
    answers = speakers.generate(requests)
    seconds, busy = time.perf_counter() - start, time.process_time() - began
    return seconds, busy, [speakers.text(answer).strip() for (answer,) in answers]


async def ask_server(address: str, asked: Asked, tokens: int) -> tuple[float, list[str]]:
    """Seconds and texts."""
    async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0, timeout=600) as client:
        await client.models.list()

        async def ask(name: str, conversation: Conversation) -> str:
            messages = []
            for question, answer in conversation.turns:
                messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            messages.append({"role": "user", "content": conversation.question})
            done = await client.chat.completions.create(model=name, messages=messages, max_tokens=tokens)
            return done.choices[0].message.content or ""

        start = time.perf_counter()
        texts = await asyncio.gather(*(ask(name, conversation) for name, conversation in asked))
        return time.perf_counter() - start, list(texts)


def processor_seconds(pid: int) -> float:
    """Processor time of a process so far, all its threads (Linux: utime and stime of /proc/PID/stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    run: Path, num_requests: int, num_organisms: int, rounds: int, tokens: int, threads: int = 1
) -> dict[str, float]:
    """Medians of alternating rounds, after one of each to warm up; every answer over HTTP must be the bank's."""
    speakers = open_speakers(run)
    asked = make_questions(run, speakers, num_requests, num_organisms)
    rounds_told, different = [], 0
    torch.set_num_threads(threads)
    with serving(run, threads=threads) as (address, process):
        for number in range(rounds + 1):
            alone, alone_busy, expected = ask_bank(speakers, asked, tokens)
            before = processor_seconds(process.pid)
            over_http, texts = asyncio.run(ask_server(address, asked, tokens))
            busy = processor_seconds(process.pid) - before
            different += sum(ours != theirs for ours, theirs in zip(expected, texts, strict=True))
            if number:
                rounds_told.append((alone, over_http, alone_busy, busy))
                print(
                    f"round {number}: bank {alone:.2f} s ({alone_busy:.2f} busy), server {over_http:.2f} s ({busy:.2f})"
                )
        memory = resident_megabytes(process)
    bank, server, bank_busy, server_busy = (statistics.median(column) for column in zip(*rounds_told, strict=True))
    return {
        "requests": len(asked),
        "organisms": len({name for name, _ in asked}),
        "threads": threads,
        "bank_seconds": round(bank, 3),
        "server_seconds": round(server, 3),
        "ratio": round(bank / server, 3),
        "bank_processor_seconds": round(bank_busy, 3),
        "server_processor_seconds": round(server_busy, 3),
        "processor_ratio": round(bank_busy / server_busy, 3),
        "answers_that_differ": different,
        "answers_compared": len(asked) * (rounds + 1),
        "server_megabytes": round(memory),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    for option, default in (("requests", 200), ("organisms", 32), ("rounds", 3), ("tokens", 12), ("threads", 1)):
        parser.add_argument(f"--{option}", type=int, default=default)
    chosen = parser.parse_args()
    wanted = (chosen.requests, chosen.organisms, chosen.rounds, chosen.tokens, chosen.threads)
    print(json.dumps(measure(chosen.run, *wanted)))
