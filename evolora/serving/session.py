"""A conversation in a terminal: who answers, what was said, what it cost. Nothing here prints."""

import itertools
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from evolora.errors import ConfigError
from evolora.record.residents import Resident, ancestry, first_line
from evolora.rng import key64
from evolora.serving.speaker import HOST, Conversation, Speaker
from evolora.serving.speakers import Asked, Speakers
from evolora.serving.teams import Choice, Team

LISTED = 12  # organisms that /list shows
SHOWN_ANCESTORS = 8
SHOWN_PREFERENCES = 6


@dataclass(frozen=True)
class Answer:
    """What `speaker` said and what it took, `energy` by the world's prices, with what was read for the `choice` of the
    speaker (None: it was asked by name). `cut`: it ran into its limit."""

    speaker: Speaker
    choice: Choice | None
    text: str
    prompt_tokens: int
    generated_tokens: int
    energy: float
    cut: bool

    @property
    def routing_tokens(self) -> int:
        """What the host read in order to choose the speaker."""
        return 0 if self.choice is None else self.choice.tokens


class Session:
    """One conversation at a time with one speaker, or team, at a time; earlier turns are part of the prompt while there
    is room. A team chooses anew for each question, by that question alone.

    `most` is the most new tokens of an answer; None: the speaker's own limit. Temperature 0 is greedy.
    """

    def __init__(
        self, speakers: Speakers, speaker: Speaker | Team, temperature: float = 0.0, most: int | None = None
    ) -> None:
        self.speakers, self.speaker = speakers, speaker
        self._temperature, self._most = temperature, most
        self._turns: list[tuple[str, str]] = []
        self._numbers = itertools.count()
        self.answers, self.tokens, self.energy = 0, 0, 0.0

    def ask(self, question: str, remember: bool = True) -> Answer:
        """Let the speaker answer. The oldest turns are forgotten where the host's context is too short.

        Raises:
            ConfigError: the question alone is too long for the host.
        """
        limit = self.speaker.limit if self._most is None else self._most
        room = self.speakers.context - limit
        while len(prompt := self.speakers.prompt(Conversation(question, tuple(self._turns)))) > room:
            if not self._turns:
                raise ConfigError(f"question: expected at most {room} tokens with its frame, got {len(prompt)}")
            del self._turns[0]
        bare = self.speakers.bare_question(self.speaker, question)
        key = key64(next(self._numbers), "chat")
        opening = self.speakers.opening(Conversation(question, tuple(self._turns)))
        asked = Asked(self.speaker, prompt, bare, 1, self._temperature, self._most, limit, key, opening)
        (given,) = self.speakers.answer([asked])
        (generated,) = given.answers
        if generated.fault:
            raise ConfigError(
                f"{given.speaker.name}: expected an answer, got none: {generated.fault}; switch to another"
            )
        energy = self.speakers.energy(given, len(prompt))
        answer = Answer(
            given.speaker,
            given.choice,
            printable(self.speakers.text(generated).strip()),
            len(prompt),
            len(generated.tokens),
            energy,
            not generated.stopped,
        )
        if remember:
            self._turns.append((question, answer.text))
        self.answers += 1
        self.tokens += answer.prompt_tokens + answer.generated_tokens + answer.routing_tokens
        self.energy += energy
        return answer

    def explain(self, answer: Answer) -> list[str]:
        """Why its speaker gave an answer, where somebody chose, and what it took."""
        resident, choice = answer.speaker.resident, answer.choice
        lineage = "" if resident is None else f"lineage {resident.organism.lineage} · "
        cut = " · cut at its limit" if answer.cut else ""
        took = f"{answer.prompt_tokens} + {answer.generated_tokens} tokens"
        if choice is None:
            return [f"{lineage}{took} · {answer.energy:.4f} energy{cut}"]
        titles = {member.name: member.title for member in self._members()}
        preferred = [f"{titles[name]} {value:.2f}" for name, value in choice.preferences.items()]
        more = [f"and {len(preferred) - SHOWN_PREFERENCES} more"] if len(preferred) > SHOWN_PREFERENCES else []
        return [
            f"{choice.reason}: {', '.join([*preferred[:SHOWN_PREFERENCES], *more])}",
            f"{lineage}{took}, {choice.tokens} read to choose · {answer.energy:.4f} energy{cut}",
        ]

    def _members(self) -> tuple[Speaker, ...]:
        return self.speaker.members if isinstance(self.speaker, Team) else (self.speaker,)

    def command(self, line: str) -> list[str]:
        """Obey a line that begins with `/`; what to show. `/quit` is the caller's to notice."""
        name, _, rest = line[1:].strip().partition(" ")
        if name not in COMMANDS:
            return [f"expected one of {', '.join(f'/{known}' for known in COMMANDS)}, got /{printable(name)[:40]}"]
        return COMMANDS[name][0](self, rest.strip())

    def who(self) -> list[str]:
        """The speaker, its line of descent and its scores; or a team and its members."""
        who = self.speaker
        if isinstance(who, Team):
            told = ", ".join(f"{key} {value}" for key, value in who.about.items() if key != "members")
            members = ", ".join(member.title for member in who.members)
            return [f"{who.name} ({told}): {len(who.members)} member(s), {members}; each question goes to one of them"]
        if who.resident is not None:
            return self._descent(who.resident)
        if who.organism_id is None:
            return [f"the bare host, {self.speakers.host.name}: no adapter, no lineage"]
        return [f"{who.title} as saved in {who.name.partition('/')[0]} ({who.name})"]

    def _descent(self, resident: Resident) -> list[str]:
        organism = resident.organism
        births = ancestry(self.speakers.residents.path, organism.id)
        line = first_line(births, organism.id)
        shown = " < ".join(str(identity) for identity in line[:SHOWN_ANCESTORS])
        more = f" < ... < {line[-1]}" if len(line) > SHOWN_ANCESTORS else ""
        kinds = {row["organism_id"]: row for row in births}
        mother = kinds.get(organism.id, {"operator": "unknown"})
        traits = organism.active.traits
        scores = sorted(organism.competence.items(), key=lambda entry: -entry[1])
        return [
            f"organism {organism.id} ({resident.name})",
            f"{organism.kind} by {mother['operator']}, born in generation {organism.born} of "
            f"{self.speakers.residents.generation}, {organism.children} child(ren)",
            f"descent {shown}{more} (founder), {len(births) - 1} ancestor(s) in all",
            f"rank {traits.rank}, answers of at most {traits.answer_limit} tokens, lived with {traits.num_examples} "
            "example(s) in its prompt",
            "scores " + (", ".join(f"{niche} {score:.2f}" for niche, score in scores) or "none yet"),
        ]

    def switch(self, wanted: str) -> list[str]:
        """Let somebody else answer from now on; the conversation begins anew."""
        speaker = self.speakers.find(wanted) if wanted else None
        if speaker is None:
            teams = "".join(f", `{team.name}`" for team in self.speakers.teams)
            return [
                f"expected `host`{teams} or the id of an organism (/list shows some), "
                f"got {printable(wanted)[:60] or 'none'}"
            ]
        self.speaker = speaker
        self._turns.clear()
        return self.who()

    def listed(self) -> list[str]:
        """The teams, then the best organisms, best first."""
        rows = [f"{team.name}: {len(team.members)} members, one of whom answers" for team in self.speakers.teams]
        for speaker in self.speakers.all[1 : LISTED + 1]:
            assert speaker.resident is not None
            organism = speaker.resident.organism
            best = max(organism.competence.items(), key=lambda entry: entry[1], default=("no niche", 0.0))
            rows.append(f"{organism.id}: lineage {organism.lineage}, best in {best[0]} ({best[1]:.2f})")
        more = len(self.speakers.all) - 1 - LISTED
        return rows + ([f"and {more} more"] if more > 0 else [])

    def forget(self) -> list[str]:
        self._turns.clear()
        return ["forgotten: the next question stands alone"]

    def total(self) -> str:
        """What the session took so far."""
        return f"{self.answers} answer(s), {self.tokens} tokens, {self.energy:.4f} energy by this world's prices"


def printable(text: str) -> str:
    """`text` without what a terminal would obey: control characters but line breaks and tabs."""
    return "".join(
        character for character in text if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf")
    )


def _help(session: Session, _rest: str) -> list[str]:
    return [f"/{name}  {what}" for name, (_, what) in COMMANDS.items()]


COMMANDS: dict[str, tuple[Callable[[Session, str], list[str]], str]] = {
    "who": (lambda session, _: session.who(), "who answers: descent, scores"),
    "list": (lambda session, _: session.listed(), "teams, and the best organisms"),
    "switch": (
        lambda session, rest: session.switch(rest),
        "WHO: let another organism answer (an id), `portfolio` or `colony-ID`",
    ),
    "host": (lambda session, _: session.switch(HOST), "let the bare host answer"),
    "forget": (lambda session, _: session.forget(), "begin a new conversation"),
    "cost": (lambda session, _: [session.total()], "what this took so far"),
    "help": (_help, "this list"),
    "quit": (lambda session, _: [], "leave; so do Ctrl-C and Ctrl-D"),
}
