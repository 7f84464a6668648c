"""The application in this process: faults, missing runs, and what is read of a conversation."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from run_server import make_run
from starlette.testclient import TestClient
from typer.testing import CliRunner

from evolora.cli.app import app as command
from evolora.dashboard.own_names import OwnNames
from evolora.errors import EvoloraError, RunFolderError
from evolora.host.decode import Generated, Request
from evolora.serving.app import Bounds, make_app
from evolora.serving.opening import open_speakers
from evolora.serving.requests import BadRequestError, ChatBody, Limits, conversation_of
from evolora.serving.speaker import Conversation
from evolora.serving.speakers import Asked, Given, Speakers
from evolora.serving.teams import Choice

ASKED = {"model": "host", "messages": [{"role": "user", "content": "a1"}]}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), num_organisms=3)


@pytest.fixture(scope="module")
def speakers(run: Path) -> Speakers:
    return open_speakers(run)


@pytest.fixture
def failing(speakers: Speakers, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """A server whose bank answers a prompt of more than 40 tokens with a fault, and raises at more than 80."""

    def generate(requests: Sequence[Request]) -> list[list[Generated]]:
        if any(len(request.prompt) > 80 for request in requests):
            raise RuntimeError("out of memory")
        return [
            [Generated(fault="not finite") if len(request.prompt) > 40 else Generated([97], [0.0], True)]
            for request in requests
        ]

    monkeypatch.setattr(speakers, "generate", generate)
    app = make_app(speakers, Bounds(Limits(500, 50)), 0, OwnNames("testserver"))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def ask(client: TestClient, content: str, stream: bool = False):  # type: ignore[no-untyped-def]
    messages = [{"role": "user", "content": content}]
    return client.post("/v1/chat/completions", json={**ASKED, "messages": messages, "stream": stream})


def test_a_fault_is_an_error_body_and_never_an_empty_answer(failing: TestClient) -> None:
    answer = ask(failing, "b" * 40)
    assert answer.status_code == 500 and answer.json()["error"]["message"] == "not finite"
    assert ask(failing, "b").json()["choices"][0]["message"]["content"] == "a"


def test_a_fault_in_a_stream_is_an_error_event(failing: TestClient) -> None:
    answer = ask(failing, "b" * 40, stream=True)
    assert answer.status_code == 200
    assert '"error":{"message":"not finite"' in answer.text and answer.text.endswith("data: [DONE]\n\n")


def test_a_bank_that_fails_is_a_500_without_its_insides_and_the_server_goes_on(failing: TestClient) -> None:
    answer = ask(failing, "b" * 80)
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "the server failed to answer"
    assert '"error":{"message":"the server failed to answer"' in ask(failing, "b" * 80, stream=True).text
    assert ask(failing, "b").status_code == 200


@pytest.mark.parametrize("temperature", [1e-40, 1e-300, 9e-7, 1e-6, 1e-3])
def test_the_coldest_answers_are_the_greedy_one(speakers: Speakers, temperature: float) -> None:
    with TestClient(make_app(speakers, Bounds(Limits(500, 50)), 0, OwnNames("testserver"))) as client:
        asked = {**ASKED, "max_tokens": 8, "seed": 1}
        greedy, cold = (
            client.post("/v1/chat/completions", json={**asked, "temperature": heat}) for heat in (0, temperature)
        )
    assert cold.status_code == 200 and cold.json()["choices"] == greedy.json()["choices"]


def post(speakers: Speakers, address: str = "http://127.0.0.1:8000", listening: str = "127.0.0.1", **headers: str):  # type: ignore[no-untyped-def]
    """The answer to a chat with other headers than a client's."""
    app = make_app(speakers, Bounds(Limits(500, 50)), 0, OwnNames(listening))
    with TestClient(app, base_url=address) as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post("/v1/chat/completions", json={**ASKED, "max_tokens": 1}, headers=named)


@pytest.mark.parametrize("kind", ["text/plain", "text/plain;application/json", "application/x-www-form-urlencoded", ""])
def test_what_any_page_may_send_unasked_is_not_answered(speakers: Speakers, kind: str) -> None:
    answer = post(speakers, content_type=kind)
    assert answer.status_code == 415 and "expected application/json" in answer.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_answered_however_it_is_spelt(speakers: Speakers, kind: str) -> None:
    assert post(speakers, content_type=kind).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "file://", "", "x"]
)
@pytest.mark.parametrize("listening", ["127.0.0.1", "0.0.0.0"])
def test_another_sites_page_is_refused(speakers: Speakers, origin: str, listening: str) -> None:
    answer = post(speakers, listening=listening, origin=origin)
    assert answer.status_code == 403 and answer.json()["error"]["type"] == "invalid_request_error"


def test_a_page_of_this_machine_is_answered(speakers: Speakers) -> None:
    assert post(speakers, origin="http://127.0.0.1:3000").status_code == 200


@pytest.mark.parametrize(
    ("listening", "address", "status"),
    [
        ("127.0.0.1", "http://localhost:8000", 200),
        ("127.0.0.1", "http://[::1]:8000", 200),
        ("127.0.0.1", "http://evil.example", 421),
        ("127.0.0.1", "http://10.0.0.7:8000", 421),
        ("127.0.0.2", "http://127.0.0.2:8000", 200),
        ("127.0.0.2", "http://evil.example", 421),
        ("LOCALHOST", "http://localhost:8000", 200),
        ("LOCALHOST", "http://evil.example", 421),
        ("0.0.0.0", "http://10.0.0.7:8000", 200),
        ("0.0.0.0", "http://evil.example", 421),
        ("::", "http://[fe80::1]:8000", 200),
    ],
)
def test_a_name_that_was_pointed_at_this_machine_is_refused(
    speakers: Speakers, listening: str, address: str, status: int
) -> None:
    assert post(speakers, address, listening).status_code == status


def conversation(*said: tuple[str, str]) -> Conversation:
    return conversation_of(
        ChatBody.model_validate({"model": "host", "messages": [{"role": r, "content": c} for r, c in said]})
    )


def test_a_conversation_is_read_as_turns_and_a_question() -> None:
    read = conversation(("user", "1"), ("assistant", "one"), ("user", "2"))
    assert read == Conversation("2", (("1", "one"),), None)
    read = conversation(("system", "a"), ("user", "1"), ("user", "2"), ("developer", "b"))
    assert read == Conversation("1\n\n2", (), "a\n\nb")


@pytest.mark.parametrize("roles", [("assistant",), ("assistant", "user"), ("user", "assistant"), ("system",)])
def test_a_conversation_without_a_question_is_refused(roles: tuple[str, ...]) -> None:
    with pytest.raises(BadRequestError, match="user's"):
        conversation(*((role, "x") for role in roles))


def test_without_a_system_message_the_worlds_own_is_used(speakers: Speakers) -> None:
    text = "Answer only.\nQ: hello\nA:"
    assert speakers.prompt(Conversation("hello")) == speakers.raw_prompt(text)
    assert speakers.prompt(Conversation("hello", system="")) == speakers.raw_prompt("Q: hello\nA:")


def test_what_was_said_before_is_read_once_for_all_who_ask_behind_it(
    speakers: Speakers, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = (("one", "1"), ("two", "2"))
    said = [Conversation(question, turns) for question in ("three", "four", "a5")]
    prompts, openings = [speakers.prompt(one) for one in said], {speakers.opening(one) for one in said}
    (opening,) = openings
    assert {prompt[:opening] for prompt in prompts} == {
        speakers.raw_prompt("Answer only.\nQ: one\nA: 1\nQ: two\nA: 2\nQ: ")
    }
    asked = [Asked(speakers.all[1], prompt, (), 1, 0.0, None, 8, 0, opening) for prompt in prompts]
    told: list[int] = []
    generate = speakers.generate

    def listening(requests: Sequence[Request]) -> list[list[Generated]]:
        told.extend(request.opening for request in requests)
        return generate(requests)

    monkeypatch.setattr(speakers, "generate", listening)
    together = [given.answers[0].tokens for given in speakers.answer(asked)]
    assert told == [opening] * 3
    apart = [speakers.answer([replace(one, opening=0)])[0].answers[0].tokens for one in asked]
    assert together == apart and told[3:] == [0] * 3


def test_energy_is_what_the_worlds_prices_say(speakers: Speakers) -> None:
    organism = speakers.all[1]
    # at 0.002 and 0.01 energy, and 0.1 per 10^9 parameters and token
    prompt, expected = 50, 50 * 0.002 + 10 * 0.01 + 0.1 * organism.num_parameters * 60 / 1e9
    given = Given(organism, None, (Generated([97] * 4), Generated([97] * 6)))
    assert speakers.energy(given, prompt) == pytest.approx(expected, abs=2e-6)
    routed = Given(organism, Choice(organism, {}, "", tokens=30), given.answers)
    assert speakers.energy(routed, prompt) == pytest.approx(expected + 30 * 0.002, abs=2e-6)


def test_serving_no_run_or_another_hosts_run_is_one_line(run: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["serve", str(tmp_path), "--port", "0"])
    assert isinstance(done.exception, RunFolderError) and "expected a run folder" in str(done.exception)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in run.rglob("*"):
        target = copy / path.relative_to(run)
        target.mkdir(exist_ok=True) if path.is_dir() else target.write_bytes(path.read_bytes())
    text = (copy / "run.json").read_text()
    (copy / "run.json").write_text(text.replace('"host_digest": "', '"host_digest": "0'))
    done = CliRunner().invoke(command, ["serve", str(copy), "--port", "0"])
    assert isinstance(done.exception, EvoloraError) and "expected the host the run began with" in str(done.exception)


def test_many_threads_read_with_one_tokenizer(speakers: Speakers) -> None:
    asked = [Conversation(f"a{i}", system=f"s{i % 40}") for i in range(200)]  # more system messages than are kept
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(speakers.prompt, asked)) == [speakers.prompt(one) for one in asked]
