"""How much of the bank's own speed is left when the same requests come over HTTP, each on a connection of its own.

    python tests/serving/throughput.py RUN [--requests 200] [--organisms 32] [--rounds 3] [--tokens 12]

Asks held-out questions of the run's niches, spread evenly over its best organisms, greedily, at most `--tokens` new
tokens each. Bank: the requests tokenised beforehand, one call in this process. Server: `evolora serve` in a process of
its own, all requests sent at once with the openai client from this one, timed from the first to the last answer, the
client's own work included. Rounds alternate; the medians are compared. Both answer alike, which is checked.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from pathlib import Path

import openai

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
from run_server import resident_megabytes, serving  # noqa: E402

from evolora.build import build_rules  # noqa: E402
from evolora.config.load import load_world  # noqa: E402
from evolora.host.decode import Request  # noqa: E402
from evolora.serving.speakers import Conversation, Speakers, open_speakers  # noqa: E402

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


def ask_bank(speakers: Speakers, asked: Asked, tokens: int) -> tuple[float, list[str]]:
    """Seconds and texts."""
    requests = []
    for name, conversation in asked:
        speaker = speakers.find(name)
        assert speaker is not None
        requests.append(Request(speaker.row, speakers.prompt(conversation), 1, 0.0, tokens, 0))
    start = time.perf_counter()
    answers = speakers.generate(requests)
    seconds = time.perf_counter() - start
    return seconds, [speakers.text(answer).strip() for (answer,) in answers]


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


def measure(run: Path, num_requests: int, num_organisms: int, rounds: int, tokens: int) -> dict[str, float]:
    """Medians of alternating rounds, after one of each to warm up; every answer over HTTP must be the bank's."""
    speakers = open_speakers(run)
    asked = make_questions(run, speakers, num_requests, num_organisms)
    bank, server, different = [], [], 0
    with serving(run) as (address, process):
        for number in range(rounds + 1):
            alone, expected = ask_bank(speakers, asked, tokens)
            over_http, texts = asyncio.run(ask_server(address, asked, tokens))
            different += sum(ours != theirs for ours, theirs in zip(expected, texts, strict=True))
            if number:
                bank.append(alone)
                server.append(over_http)
        memory = resident_megabytes(process)
    return {
        "requests": len(asked),
        "organisms": len({name for name, _ in asked}),
        "bank_seconds": round(statistics.median(bank), 3),
        "server_seconds": round(statistics.median(server), 3),
        "ratio": round(statistics.median(bank) / statistics.median(server), 3),
        "answers_that_differ": different,
        "answers_compared": len(asked) * (rounds + 1),
        "server_megabytes": round(memory),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    for option, default in (("requests", 200), ("organisms", 32), ("rounds", 3), ("tokens", 12)):
        parser.add_argument(f"--{option}", type=int, default=default)
    chosen = parser.parse_args()
    print(json.dumps(measure(chosen.run, chosen.requests, chosen.organisms, chosen.rounds, chosen.tokens)))
