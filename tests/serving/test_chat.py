"""Talking to organisms: a session's memory, its commands, and lines through a pipe."""

import subprocess
import sys
from pathlib import Path

import pytest
from puddle import world
from run_server import make_run
from typer.testing import CliRunner

from evolora.build import open_run
from evolora.cli.app import app
from evolora.errors import ConfigError, RunFolderError
from evolora.record.residents import open_residents
from evolora.serving.opening import open_speakers
from evolora.serving.session import COMMANDS, Session, printable
from evolora.serving.speaker import Conversation
from evolora.serving.speakers import Speakers


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    simulation = open_run(world(generations=4), tmp_path_factory.mktemp("runs"))
    simulation.run()
    return simulation.run_dir.path


@pytest.fixture(scope="module")
def speakers(run: Path) -> Speakers:
    return open_speakers(run)


@pytest.fixture
def session(speakers: Speakers) -> Session:
    return Session(speakers, speakers.all[1])


def test_an_answer_says_what_it_cost(session: Session) -> None:
    answer = session.ask("a1")
    assert answer.prompt_tokens == len(session.speakers.prompt(Conversation("a1")))
    assert 1 <= answer.generated_tokens <= session.speaker.limit
    assert answer.speaker is session.speaker and answer.choice is None
    assert answer.energy > 0 and session.energy == answer.energy
    assert session.total().startswith(f"1 answer(s), {answer.prompt_tokens + answer.generated_tokens} tokens")


def test_earlier_turns_are_in_the_prompt_until_they_are_forgotten(session: Session) -> None:
    first = session.ask("a1")
    second = session.ask("a2")
    assert second.prompt_tokens == len(session.speakers.prompt(Conversation("a2", (("a1", first.text),))))
    session.command("/forget")
    assert session.ask("a2").prompt_tokens == len(session.speakers.prompt(Conversation("a2")))


def test_the_oldest_turns_go_where_the_context_ends(session: Session) -> None:
    lengths = [session.ask("b" * 600).prompt_tokens for _ in range(6)]
    assert max(lengths) <= session.speakers.context - session.speaker.limit
    assert lengths[1] > lengths[0] and lengths[-1] > 1200
    with pytest.raises(ConfigError, match="question: expected at most"):
        session.ask("b" * 5000)


def test_switching_changes_who_answers_and_begins_anew(session: Session, speakers: Speakers) -> None:
    session.ask("a1")
    other = speakers.all[2]
    assert other.resident is not None
    assert session.command(f"/switch {other.resident.id}")[0] == f"organism {other.resident.id} ({other.name})"
    assert session.speaker is other
    assert session.ask("a1").prompt_tokens == len(speakers.prompt(Conversation("a1")))
    assert "no adapter" in session.command("/host")[0] and session.speaker.resident is None


def test_who_tells_descent_back_to_the_founder(session: Session) -> None:
    resident = session.speaker.resident
    assert resident is not None
    said = "\n".join(session.command("/who"))
    assert f"organism {resident.id}" in said and resident.name in said
    assert f"{resident.organism.lineage} (founder)" in said
    for niche, score in resident.organism.competence.items():
        assert f"{niche} {score:.2f}" in said


@pytest.mark.parametrize("line", ["/switch 999999", "/switch", "/switch \x1b[31mred", "/dance"])
def test_a_mistake_changes_nothing_and_says_what_was_expected(session: Session, line: str) -> None:
    before = session.speaker
    (said,) = session.command(line)
    assert said.startswith("expected") and session.speaker is before and "\x1b" not in said


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_works_without_an_argument_and_is_in_the_help(session: Session, name: str) -> None:
    session.command(f"/{name}")
    assert any(line.startswith(f"/{name} ") for line in session.command("/help"))


def test_an_answer_cannot_drive_the_terminal() -> None:
    assert printable("a\x1b[2Jb\x07\nc\td\u202e") == "a[2Jb\nc\td"


def test_lines_through_a_pipe_become_one_line_each(run: Path) -> None:
    best, other = open_residents(run).members[:2]
    lines = f"a1\n\na2\n/switch {other.id}\na1\n/quit\na3\n"
    done = subprocess.run(
        [sys.executable, "-m", "evolora", "chat", str(run)],
        input=lines,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    speakers = open_speakers(run)
    expected = []
    for resident, question in ((best, "a1"), (best, "a2"), (other, "a1")):
        speaker = speakers.find(resident.name)
        assert speaker is not None
        text = Session(speakers, speaker).ask(question).text
        expected.append(" ".join(text.split()))
    assert done.stdout.splitlines() == expected
    assert f"organism {other.id}" in done.stderr and "3 answer(s)" in done.stderr


def test_who_is_not_alive_cannot_be_talked_to(run: Path) -> None:
    done = CliRunner().invoke(app, ["chat", str(run), "--organism", "999999"], input="a\n")
    assert isinstance(done.exception, RunFolderError)
    assert "expected the id of an organism alive" in str(done.exception)


def test_the_host_can_be_talked_to(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["chat", str(make_run(tmp_path, 2)), "--organism", "host"], input="a1\n")
    assert done.exit_code == 0 and len(done.stdout.splitlines()) >= 1
