"""The openai client, unmodified, against `evolora serve` in a process of its own."""

import asyncio
import json
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from puddle import world
from run_server import NUM_ORGANISMS, make_run, resident_megabytes, serving

from evolora.build import build_evaluator
from evolora.environment.encounter import Encounter
from evolora.environment.task import Task
from evolora.record.residents import Resident, open_residents

QUESTION = [{"role": "user", "content": "a123"}]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[tuple[str, Any]]:
    with serving(run) as started:
        yield started


@pytest.fixture
def client(server: tuple[str, Any]) -> openai.OpenAI:
    return openai.OpenAI(base_url=server[0], api_key="none", max_retries=0, timeout=60)


@pytest.fixture(scope="module")
def residents(run: Path) -> tuple[Resident, ...]:
    return open_residents(run).members


def evaluated(resident: Resident, question: str, limit: int) -> str:
    """What the evaluator says the organism answers, greedily and without an example."""
    task = Task("non_ascii_a", question, "é", 0)
    encounter = Encounter(resident.id, "first", task, (), 1, 0.0, limit, 0)
    ((answer,),) = build_evaluator(world()).answer({resident.id: resident.organism.active}, [encounter])
    return answer.text


def test_models_are_the_host_and_every_organism(client: openai.OpenAI, residents: tuple[Resident, ...]) -> None:
    models = client.models.list().data
    assert [model.id for model in models] == ["host", *(resident.name for resident in residents)]
    assert len(models) == NUM_ORGANISMS + 1
    assert client.models.retrieve(models[1].id).id == models[1].id


def test_an_organism_answers_as_it_does_in_its_world(client: openai.OpenAI, residents: tuple[Resident, ...]) -> None:
    for resident in residents[:3]:
        done = client.chat.completions.create(model=resident.name, messages=QUESTION, max_tokens=12)
        assert done.model == resident.name and done.object == "chat.completion"
        assert done.choices[0].message.content == evaluated(resident, "a123", 12)
        assert done.choices[0].finish_reason in ("stop", "length")


def test_ids_are_names_too(client: openai.OpenAI, residents: tuple[Resident, ...]) -> None:
    for model in (str(residents[4].id), f"organism-{residents[4].id}"):
        assert client.chat.completions.create(model=model, messages=QUESTION).model == residents[4].name


def test_usage_counts_prompt_and_generated_tokens(client: openai.OpenAI, residents: tuple[Resident, ...]) -> None:
    done = client.chat.completions.create(model=residents[0].name, messages=QUESTION, max_tokens=5)
    prompt = build_evaluator(world()).prompts.build("a123")
    assert done.usage is not None
    assert done.usage.prompt_tokens == len(prompt)
    assert 1 <= done.usage.completion_tokens <= 5
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    extra = done.model_extra or {}
    assert extra["evolora"]["organism"] == residents[0].id and extra["evolora"]["energy"] > 0


def test_without_a_limit_an_answer_has_the_organisms_own(
    client: openai.OpenAI, residents: tuple[Resident, ...]
) -> None:
    for resident in residents[:4]:
        done = client.chat.completions.create(model=resident.name, messages=QUESTION)
        assert done.usage is not None
        assert done.usage.completion_tokens <= resident.organism.active.traits.answer_limit


def test_a_streamed_answer_is_the_whole_one_in_pieces(client: openai.OpenAI, residents: tuple[Resident, ...]) -> None:
    whole = client.chat.completions.create(model=residents[1].name, messages=QUESTION, max_tokens=9)
    stream = client.chat.completions.create(
        model=residents[1].name,
        messages=QUESTION,
        max_tokens=9,
        stream=True,
        stream_options={"include_usage": True},
    )
    pieces = list(stream)
    assert pieces[0].choices[0].delta.role == "assistant"
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert text == whole.choices[0].message.content
    assert pieces[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert pieces[-1].usage == whole.usage
    assert len({piece.id for piece in pieces}) == 1


def test_the_bare_host_answers_too(client: openai.OpenAI) -> None:
    done = client.chat.completions.create(model="host", messages=QUESTION, max_tokens=6)
    evaluator = build_evaluator(world())
    from evolora.host.decode import Request

    prompt = evaluator.prompts.build("a123")
    ((bare,),) = evaluator.decoder.generate(None, [Request(0, prompt, 1, 0.0, 6, 0)])
    assert done.choices[0].message.content == evaluator.prompts.decode(bare.tokens)


def test_several_answers_are_sampled_and_a_seed_repeats_them(
    client: openai.OpenAI, residents: tuple[Resident, ...]
) -> None:
    def sample(seed: int | None) -> list[str | None]:
        done = client.chat.completions.create(
            model=residents[0].name, messages=QUESTION, max_tokens=10, temperature=1.5, n=4, seed=seed
        )
        return [choice.message.content for choice in done.choices]

    first = sample(7)
    assert len(set(first)) > 1
    assert sample(7) == first and sample(8) != first
    assert sample(None) != sample(None)


def test_earlier_turns_and_a_system_message_are_part_of_the_prompt(
    client: openai.OpenAI, residents: tuple[Resident, ...]
) -> None:
    messages: list[Any] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "a1"}]},
        {"role": "assistant", "content": "é"},
        {"role": "user", "content": "a2"},
    ]
    done = client.chat.completions.create(model=residents[0].name, messages=messages)
    assert done.usage is not None
    assert done.usage.prompt_tokens == 1 + len("Be brief.\nQ: a1\nA: é\nQ: a2\nA:".encode())


def test_plain_completions_go_on_with_a_text(client: openai.OpenAI, residents: tuple[Resident, ...]) -> None:
    done = client.completions.create(model=residents[0].name, prompt="abc", max_tokens=4)
    assert done.usage is not None and done.usage.prompt_tokens == 4  # begin, a, b, c
    streamed = client.completions.create(model=residents[0].name, prompt="abc", max_tokens=4, stream=True)
    assert "".join(piece.choices[0].text for piece in streamed) == done.choices[0].text


def test_a_stop_text_ends_the_answer(client: openai.OpenAI) -> None:
    whole = client.completions.create(model="host", prompt="abc", max_tokens=8)
    stop = whole.choices[0].text[2:4]
    cut = client.completions.create(model="host", prompt="abc", max_tokens=8, stop=stop)
    assert cut.choices[0].text == whole.choices[0].text.split(stop)[0]
    assert cut.choices[0].finish_reason == "stop"


WRONG: dict[str, tuple[dict[str, Any], type[openai.APIStatusError], str]] = {
    "model": ({"model": "nobody"}, openai.NotFoundError, "model_not_found"),
    "a foreign run's organism": ({"model": "tidepool-000001-0123456789ab"}, openai.NotFoundError, "model_not_found"),
    "long prompt": (
        {"messages": [{"role": "user", "content": "a" * 3000}]},
        openai.BadRequestError,
        "context_length_exceeded",
    ),
    "absurdly long prompt": (
        {"messages": [{"role": "user", "content": "a" * 900_000}]},
        openai.BadRequestError,
        "context_length_exceeded",
    ),
    "long answer": ({"max_tokens": 100_000}, openai.BadRequestError, "expected at most 256"),
    "no tokens": ({"max_tokens": 0}, openai.BadRequestError, "greater than or equal to 1"),
    "temperature": ({"temperature": 9}, openai.BadRequestError, "less than or equal to 2"),
    "too many answers": ({"n": 100}, openai.BadRequestError, "less than or equal to 8"),
    "nothing said": ({"messages": []}, openai.BadRequestError, "messages"),
    "no question": ({"messages": [{"role": "system", "content": "x"}]}, openai.BadRequestError, "user's"),
    "assistant last": (
        {"messages": [*QUESTION, {"role": "assistant", "content": "x"}]},
        openai.BadRequestError,
        "user's",
    ),
    "an image": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        openai.BadRequestError,
        "messages.0.content",
    ),
    "tools": (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        openai.BadRequestError,
        "unsupported_parameter",
    ),
    "top_p": ({"top_p": 0.5}, openai.BadRequestError, "unsupported_parameter"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_an_openai_error_with_its_reason(
    client: openai.OpenAI, residents: tuple[Resident, ...], mistake: str
) -> None:
    wishes, kind, reason = WRONG[mistake]
    with pytest.raises(kind) as caught:
        client.chat.completions.create(**{"model": residents[0].name, "messages": QUESTION, **wishes})
    error = caught.value.body
    assert isinstance(error, dict) and error["message"] and error["type"] == "invalid_request_error"
    assert reason in str(error)


def raw(address: str, data: bytes, path: str = "/chat/completions", host: str | None = None) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"} | ({"Host": host} if host else {})
    request = urllib.request.Request(address + path, data=data, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        content = error.read()
        return error.code, json.loads(content) if content.startswith(b"{") else content


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b" " * 1_000_001, 413),
        (b'{"model": 1}', 400),
        (b'{"model": "\\ud800"}', 400),
    ],
)
def test_a_body_that_is_no_request_is_refused_in_openais_form(
    server: tuple[str, Any], data: bytes, status: int
) -> None:
    got, body = raw(server[0], data)
    assert got == status and body["error"]["type"] == "invalid_request_error"


def test_unknown_paths_and_methods_are_errors_in_openais_form(server: tuple[str, Any]) -> None:
    assert raw(server[0], b"{}", "/embeddings")[0] == 404
    got, body = raw(server[0], b"{}", "/models")
    assert got == 405 and "error" in body


def test_a_page_that_makes_its_own_name_point_here_is_refused(server: tuple[str, Any]) -> None:
    got, body = raw(server[0], b"{}", host="evil.example")
    assert got == 421 and body["error"]["type"] == "invalid_request_error"


def test_200_concurrent_requests_over_32_organisms_are_all_answered(
    server: tuple[str, Any], residents: tuple[Resident, ...]
) -> None:
    async def ask_all() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=server[0], api_key="none", max_retries=0, timeout=120) as client:
            return await asyncio.gather(
                *(
                    client.chat.completions.create(
                        model=residents[i % NUM_ORGANISMS].name,
                        messages=[{"role": "user", "content": f"a{i}"}],
                        max_tokens=8,
                    )
                    for i in range(200)
                )
            )

    answers = asyncio.run(ask_all())
    assert len(answers) == 200
    assert {answer.model for answer in answers} == {resident.name for resident in residents}
    for i in (0, 77, 199):
        assert answers[i].choices[0].message.content == evaluated(residents[i % NUM_ORGANISMS], f"a{i}", 8)


def half_a_request(address: str) -> socket.socket:
    """A client that says it will send a body and does not."""
    host, port = address.split("/")[2].split(":")
    client = socket.create_connection((host, int(port)))
    client.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b'Content-Length: 500\r\n\r\n{"model":'
    )
    return client


def whole_request(address: str, stream: bool, max_tokens: int = 256) -> socket.socket:
    """A client that asks and never reads."""
    host, port = address.split("/")[2].split(":")
    client = socket.create_connection((host, int(port)))
    body = json.dumps({"model": "host", "messages": QUESTION, "max_tokens": max_tokens, "n": 4, "stream": stream})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    head += "Content-Type: application/json\r\n\r\n"
    client.sendall((head + body).encode())
    return client


def test_slow_and_vanished_clients_harm_nobody(server: tuple[str, Any], client: openai.OpenAI) -> None:
    address, process = server
    client.chat.completions.create(model="host", messages=QUESTION, max_tokens=256, n=8)
    before = resident_megabytes(process)
    slow = [half_a_request(address) for _ in range(40)]
    for _ in range(5):
        vanished = [whole_request(address, stream=i % 2 == 0) for i in range(30)]
        for connection in vanished:
            connection.close()
    deaf = [whole_request(address, stream=i % 2 == 0) for i in range(10)]
    start = time.monotonic()
    for _ in range(3):
        assert client.chat.completions.create(model="host", messages=QUESTION, max_tokens=4).choices
    assert time.monotonic() - start < 60
    assert resident_megabytes(process) - before < 200
    for connection in (*slow, *deaf):
        connection.close()
    assert client.models.list().data


def test_a_full_queue_is_429_and_the_server_goes_on(run: Path) -> None:
    async def flood(address: str) -> list[object]:
        async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0, timeout=120) as client:
            asked = (
                client.chat.completions.create(model="host", messages=QUESTION, max_tokens=200, n=8) for _ in range(60)
            )
            return list(await asyncio.gather(*asked, return_exceptions=True))

    with serving(run, "--max-waiting", "4") as (address, _):
        done = asyncio.run(flood(address))
        refused = [answer for answer in done if isinstance(answer, openai.RateLimitError)]
        assert refused and len(refused) < 60
        assert all(isinstance(answer, openai.RateLimitError) or hasattr(answer, "choices") for answer in done)
        body = refused[0].body
        assert isinstance(body, dict) and body["code"] == "rate_limit_exceeded"
        again = openai.OpenAI(base_url=address, api_key="none", max_retries=0)
        assert again.chat.completions.create(model="host", messages=QUESTION).choices


def test_ctrl_c_ends_it_cleanly_and_answers_what_was_asked(run: Path) -> None:
    with serving(run) as (address, process):
        waiting = whole_request(address, stream=False, max_tokens=100)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert waiting.recv(20).startswith(b"HTTP/1.1 200")
        _, said = process.communicate()
        assert said.strip() == "stopped"


def test_a_port_in_use_is_one_line(run: Path, server: tuple[str, Any]) -> None:
    from typer.testing import CliRunner

    from evolora.cli.app import app
    from evolora.errors import ConfigError

    port = server[0].split("/")[2].split(":")[1]
    done = CliRunner().invoke(app, ["serve", str(run), "--port", port])
    assert isinstance(done.exception, ConfigError)
    assert f"--port {port}: expected an address to listen on, got: Address already in use" in str(done.exception)
