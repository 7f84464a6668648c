"""Portfolios and colonies that are asked: who is chosen, why, and what that costs, over HTTP and in a terminal."""

import asyncio
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
from bundles import sign_portfolio
from run_server import serving
from safetensors.numpy import load_file, save_file
from team_run import make_team_run
from typer.testing import CliRunner

from evolora.build import reopen_rules
from evolora.cli.app import app as command
from evolora.errors import ConfigError, EvoloraError, RunFolderError
from evolora.host.decode import Generated, Request
from evolora.lifecycle.colony_rules import Forwarding
from evolora.organism.organism import Organism
from evolora.portfolio.portfolio import Reading
from evolora.portfolio.session import open_saved
from evolora.routing.exam import Question
from evolora.serving.opening import open_speakers
from evolora.serving.session import Session
from evolora.serving.speaker import Conversation
from evolora.serving.speakers import Asked, Speakers
from evolora.serving.teams import NicheReader, Team, by_bids
from evolora.share.pack import pack
from evolora.share.unpack import unpack


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_team_run(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def speakers(run: Path) -> Speakers:
    return open_speakers(run)


@pytest.fixture(scope="module")
def questions(run: Path) -> list[Question]:
    rules = reopen_rules(run)
    return [Question(niche, task) for niche in rules.niches for task in rules.tasks.test(niche, 4)]


@pytest.fixture(scope="module")
def client(run: Path) -> Iterator[openai.OpenAI]:
    with serving(run) as (address, _):
        yield openai.OpenAI(base_url=address, api_key="none", max_retries=0, timeout=60)


def team(speakers: Speakers, name: str) -> Team:
    found = speakers.find(name)
    assert isinstance(found, Team)
    return found


def said(question: Question) -> list[Any]:
    return [{"role": "user", "content": question.task.question}]


def about(answer: Any) -> dict[str, Any]:
    found = (answer.model_extra or {})["evolora"]
    assert isinstance(found, dict)
    return found


def test_models_name_portfolios_and_colonies(client: openai.OpenAI) -> None:
    models = {model.id: (model.model_extra or {})["evolora"] for model in client.models.list().data}
    assert list(models)[-3:] == ["portfolio", "portfolio-arrow", "colony-0"]
    assert models["portfolio"]["router"] == "ridge" and models["portfolio-arrow"]["router"] == "arrow"
    assert len(models["portfolio"]["members"]) == 3 and len(models["colony-0"]["members"]) == 4
    for name in (*models["portfolio"]["members"], *models["colony-0"]["members"]):
        assert client.models.retrieve(name).id == name


@pytest.mark.parametrize("name", ["portfolio", "portfolio-arrow"])
def test_a_portfolio_answers_by_the_member_its_router_prefers(
    client: openai.OpenAI, run: Path, questions: list[Question], name: str
) -> None:
    session = open_saved(run / name)
    routing = session.portfolio.route(Reading.of(questions, session.evaluator))
    members = list(session.portfolio.members)
    for question, preferences, tokens in zip(questions, routing.preferences, routing.tokens, strict=True):
        done = client.chat.completions.create(model=name, messages=said(question))
        found = about(done)
        assert done.model == name and found["organism"] == members[preferences.argmax()]
        assert found["answered_by"] == f"{name}/organism-{found['organism']:06d}" == next(iter(found["preferences"]))
        assert found["preferences"] == {
            f"{name}/organism-{member:06d}": pytest.approx(value, abs=1e-4)
            for member, value in zip(members, preferences, strict=True)
        }
        assert found["routing_tokens"] == tokens and name.partition("-")[2] in found["because"]


def test_a_member_that_is_asked_by_name_says_the_same(client: openai.OpenAI, questions: list[Question]) -> None:
    for name in ("portfolio", "colony-0"):
        routed = client.chat.completions.create(model=name, messages=said(questions[0]))
        asked = client.chat.completions.create(model=about(routed)["answered_by"], messages=said(questions[0]))
        assert asked.choices[0].message.content == routed.choices[0].message.content
        assert "preferences" not in about(asked) and about(asked)["energy"] < about(routed)["energy"]


def test_usage_counts_what_routing_read(client: openai.OpenAI, speakers: Speakers, questions: list[Question]) -> None:
    prompt = len(speakers.prompt(Conversation(questions[1].task.question)))
    turns = [*said(questions[0]), {"role": "assistant", "content": "a"}, *said(questions[1])]
    whole = len(speakers.prompt(Conversation(questions[1].task.question, ((questions[0].task.question, "a"),))))
    for name in ("portfolio", "colony-0"):
        for messages, expected in ((said(questions[1]), prompt), (turns, whole)):
            usage = client.chat.completions.create(model=name, messages=messages).usage
            assert usage is not None and usage.prompt_tokens_details is not None
            assert usage.prompt_tokens == expected + prompt  # the router reads the last question alone
            assert (usage.prompt_tokens_details.model_extra or {})["routing_tokens"] == prompt
            assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_a_stream_says_who_answered_and_why(client: openai.OpenAI, questions: list[Question]) -> None:
    for name in ("portfolio", "colony-0"):
        whole = client.chat.completions.create(model=name, messages=said(questions[2]))
        pieces = list(
            client.chat.completions.create(
                model=name, messages=said(questions[2]), stream=True, stream_options={"include_usage": True}
            )
        )
        text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
        assert text == whole.choices[0].message.content and {piece.model for piece in pieces} == {name}
        assert about(pieces[-2]) == about(pieces[-1]) == about(whole) and pieces[-1].usage == whole.usage
        plain = list(client.chat.completions.create(model=name, messages=said(questions[2]), stream=True))
        assert about(plain[-1]) == about(whole) and plain[-1].choices[0].finish_reason


def test_plain_completions_are_routed_too(client: openai.OpenAI) -> None:
    done = client.completions.create(model="portfolio", prompt="abc", max_tokens=4)
    assert done.choices and about(done)["answered_by"].startswith("portfolio/")


def test_a_colony_answers_by_whoever_bids_most_where_the_question_belongs(
    client: openai.OpenAI, run: Path, speakers: Speakers, questions: list[Question]
) -> None:
    rules = reopen_rules(run)
    assert rules.colonies is not None
    world = speakers.residents.world
    organisms = [world.population[identity] for identity in world.colonies[0].members]
    recognised = 0
    for question in questions:
        found = about(client.chat.completions.create(model="colony-0", messages=said(question)))
        niche = found["because"].split(" in ")[1].split(",")[0]
        recognised += niche == question.niche.name
        bids = rules.colonies.forwarding.bids(niche, organisms)
        assert found["organism"] == max(bids, key=lambda identity: (bids[identity], -identity))
        assert sorted(found["preferences"].values()) == pytest.approx(sorted(bids.values()), abs=1e-6)
    assert recognised > len(questions) * 0.75  # of four niches


def test_teams_and_organisms_share_a_batch(
    speakers: Speakers, questions: list[Question], monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    generate = speakers.generate

    def counted(requests: Sequence[Request]) -> list[list[Generated]]:
        batches.append(len(requests))
        return generate(requests)

    monkeypatch.setattr(speakers, "generate", counted)
    asked = []
    for place, question in enumerate(questions):
        who = [speakers.all[1], *speakers.teams, speakers.all[0]][place % 5]
        text = question.task.question
        prompt, bare = speakers.prompt(Conversation(text)), speakers.bare_question(who, text)
        asked.append(Asked(who, prompt, bare, 1, 0.0, None, 64, 0))
    given = speakers.answer(asked)
    assert batches == [len(questions)]
    for one, got in zip(asked, given, strict=True):
        assert (got.choice is None) == (not isinstance(one.who, Team))
        assert got.speaker in (one.who.members if isinstance(one.who, Team) else [one.who])
        assert len(got.answers[0].tokens) <= got.speaker.limit
        alone = speakers.answer([one])[0]
        assert alone.speaker == got.speaker and alone.answers[0].tokens == got.answers[0].tokens


def test_many_who_ask_teams_at_once_are_all_answered(client: openai.OpenAI, questions: list[Question]) -> None:
    async def ask_all() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=client.base_url, api_key="none", max_retries=0, timeout=120) as asker:
            models = ("portfolio", "colony-0", "portfolio-arrow", "host")
            asked = [(models[i % 4], questions[i % len(questions)]) for i in range(100)]
            return await asyncio.gather(
                *(asker.chat.completions.create(model=model, messages=said(one), max_tokens=6) for model, one in asked)
            )

    answers = asyncio.run(ask_all())
    assert len(answers) == 100 and all(about(answer)["answered_by"] for answer in answers)


@pytest.mark.parametrize("model", ["colony-9", "portfolio-9", "portfolio/organism-999999"])
def test_a_team_that_is_not_there_is_a_404(client: openai.OpenAI, questions: list[Question], model: str) -> None:
    with pytest.raises(openai.NotFoundError, match="one of those in /v1/models"):
        client.chat.completions.create(model=model, messages=said(questions[0]))


class Known(NicheReader):
    """A reader of questions that name their niches by number."""

    def order(self, questions: Sequence[tuple[int, ...]]) -> list[list[str]]:
        return [[self.niches[place] for place in question] for question in questions]


def organism(identity: int, **practice: tuple[int, float]) -> Organism:
    return Organism(identity, None, "founder", (), identity, 0, practice=practice)  # type: ignore[arg-type]


def test_the_best_bid_wins_the_lower_id_among_equals_and_the_next_niche_where_nobody_has_one() -> None:
    reader = Known(("x", "y", "z"), None, None, 0)  # type: ignore[arg-type]
    group = [organism(5, x=(10, 0.5), y=(1, 1.0)), organism(3, x=(10, 0.5), y=(100, 0.9)), organism(4)]
    rank = by_bids(group, Forwarding(0.0, 0.0, 0.0, doubt=4.0), reader)
    in_x, in_y, beyond, nowhere = rank([(0, 1, 2), (1, 0, 2), (2, 0, 1), (2,)])
    assert list(in_x.preferences) == [1, 0] and in_x.reason == "it bids most in x, which the question reads like"
    assert list(in_y.preferences) == [0, 1] and in_y.preferences[0] < 0.93  # a single success is drawn to the mean
    assert beyond.preferences == in_x.preferences and "nobody ever tried z" in beyond.reason
    assert list(nowhere.preferences) == [0] and "tried anything" in nowhere.reason


def test_in_a_terminal_a_team_says_who_answered_why_and_what_it_cost(
    speakers: Speakers, questions: list[Question]
) -> None:
    session = Session(speakers, team(speakers, "portfolio"))
    answer = session.ask(questions[0].task.question)
    assert answer.choice is not None and answer.speaker is answer.choice.speaker
    why, took = session.explain(answer)
    assert why.startswith("the ridge router prefers it: organism ") and why.count("organism") == 3
    assert f"{answer.choice.tokens} read to choose" in took and "energy" in took
    assert session.tokens == answer.prompt_tokens + answer.generated_tokens + answer.choice.tokens
    assert "3 member(s)" in session.who()[0] and "router ridge" in session.who()[0]
    assert session.command("/list")[:3] == [
        "portfolio: 3 members, one of whom answers",
        "portfolio-arrow: 3 members, one of whom answers",
        "colony-0: 4 members, one of whom answers",
    ]
    assert "colony 0" in session.command("/switch colony-0")[0]
    assert "it bids most in" in session.explain(session.ask(questions[0].task.question))[0]
    assert session.command(f"/switch {answer.speaker.name}") == [
        f"organism {answer.speaker.organism_id} as saved in portfolio ({answer.speaker.name})"
    ]
    assert "`colony-0`" in session.command("/switch nobody")[0]


def test_the_command_talks_to_a_portfolio_through_a_pipe(
    run: Path, speakers: Speakers, questions: list[Question]
) -> None:
    lines = "".join(f"{question.task.question}\n" for question in questions[::4] if "\n" not in question.task.question)
    done = CliRunner().invoke(command, ["chat", str(run), "--organism", "portfolio"], input=lines)
    session = Session(speakers, team(speakers, "portfolio"))
    expected = [" ".join(session.ask(line, remember=False).text.split()) for line in lines.splitlines()]
    assert done.exit_code == 0 and done.stdout.splitlines()[: len(expected)] == expected


def test_portfolios_from_elsewhere_are_named(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "portfolio-arrow", tmp_path / "first")
    shutil.copytree(run / "portfolio", tmp_path / "second")
    found = open_speakers(run, [tmp_path / "first", tmp_path / "second"]).teams
    assert [(one.name, one.about.get("router")) for one in found][:2] == [
        ("portfolio", "arrow"),
        ("portfolio-second", "ridge"),
    ]
    with pytest.raises(ConfigError, match="folders of different names"):
        open_speakers(run, [run / "portfolio", tmp_path / "second", tmp_path / "second"])


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("host_digest", "ab" * 32, "expected a portfolio made on the run's host petri"),
        ("best", -5, "expected the best to be a member"),
        ("router", "fixed", "router.safetensors: expected order, got other arrays"),
    ],
)
def test_a_portfolio_that_does_not_belong_is_refused_in_one_line(
    run: Path, tmp_path: Path, key: str, value: object, reason: str
) -> None:
    shutil.copytree(run / "portfolio", tmp_path / "strange")
    index = tmp_path / "strange" / "portfolio.json"
    index.write_text(json.dumps({**json.loads(index.read_text()), key: value}))
    for name in ("serve", "chat"):
        port = ["--port", "0"] if name == "serve" else []
        done = CliRunner().invoke(command, [name, str(run), *port, "--portfolio", str(index.parent)], input="")
        assert isinstance(done.exception, EvoloraError) and reason in str(done.exception)
        assert "\n" not in str(done.exception)


def test_a_router_of_another_hosts_width_is_refused_before_anybody_asks(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "strange"
    shutil.copytree(run / "portfolio", folder)
    arrays = load_file(folder / "router.safetensors")
    narrow = {"mean": arrays["mean"][:-1], "scale": arrays["scale"][:-1], "weights": arrays["weights"][:-1]}
    save_file({**arrays, **narrow}, folder / "router.safetensors")
    sign_portfolio(folder, json.loads((folder / "portfolio.json").read_text()))
    for refused in (lambda: open_speakers(run, [folder]), lambda: open_saved(folder)):
        with pytest.raises(RunFolderError, match="expected a router of hidden states 128 wide, got 127"):
            refused()


def test_what_came_out_of_a_bundle_answers_by_its_portfolio(
    run: Path, speakers: Speakers, questions: list[Question], tmp_path: Path
) -> None:
    pack(run, tmp_path / "a.evolora")
    unpack(tmp_path / "a.evolora", tmp_path / "out")
    received = open_speakers(tmp_path / "out")
    assert [one.name for one in received.all] == ["host"] and received.first is team(received, "portfolio")
    home, away = Session(speakers, team(speakers, "portfolio")), Session(received, received.first)
    for question in questions[::3]:
        ours, theirs = (session.ask(question.task.question, remember=False) for session in (home, away))
        assert (ours.text, ours.speaker.name, ours.energy) == (theirs.text, theirs.speaker.name, theirs.energy)
    assert away.command("/list") == ["portfolio: 3 members, one of whom answers"]
    done = CliRunner().invoke(command, ["chat", str(tmp_path / "out")], input=f"{questions[0].task.question}\n")
    assert done.exit_code == 0 and done.stdout.strip()
    shutil.rmtree(tmp_path / "out" / "portfolio")
    with pytest.raises(RunFolderError, match="a bundle brings no checkpoint"):
        open_speakers(tmp_path / "out")


def test_a_strangers_run_cannot_choose_a_path_for_a_host(run: Path, tmp_path: Path) -> None:
    pack(run, tmp_path / "a.evolora")
    unpack(tmp_path / "a.evolora", tmp_path / "out")
    record = tmp_path / "out" / "run.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "host": "../evil"}))
    with pytest.raises(RunFolderError, match="expected a host out of smollm2-135m"):
        open_speakers(tmp_path / "out")


def test_who_asks_for_a_team_that_is_not_there_hears_which_are(run: Path) -> None:
    done = CliRunner().invoke(command, ["chat", str(run), "--organism", "colony-7"], input="")
    assert isinstance(done.exception, RunFolderError)
    assert "(portfolio, portfolio-arrow, colony-0), got colony-7" in str(done.exception)
