"""Everybody who can be asked, stacked in one bank: the bare host, a run's organisms, and the members of its teams."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Lock

from evolora.errors import RunFolderError
from evolora.evaluation.local import LocalEvaluator
from evolora.host.bank import stack_genomes
from evolora.host.decode import Generated, Request
from evolora.host.prompt import PromptBuilder
from evolora.lifecycle.ledger import to_energy
from evolora.lifecycle.metabolism import Prices
from evolora.organism.genome import Genome
from evolora.record.residents import Residents
from evolora.serving.speaker import HOST, Conversation, Speaker
from evolora.serving.teams import Choice, Team

HOST_LIMIT = 64  # most tokens of an answer of the bare host, which has no answer_limit of its own
PROMPT_BUILDERS = 16  # system messages whose prompt builders are kept
COLDEST = 1e-6  # a temperature below is greedy: logits divided by it may be too large for float32
CONTEXT = 2048  # of a host whose configuration does not say


@dataclass(frozen=True)
class Asked:
    """`prompt` put to a speaker, or to a team that chooses by the bare `question` (empty for a speaker).

    Answers have at most `limit` tokens; None: as many as whoever answers would write, and at most `most`. The other
    fields are the bank's, `opening` too: how many tokens of `prompt` come from what was said before.
    """

    who: Speaker | Team
    prompt: tuple[int, ...]
    question: tuple[int, ...]
    num_samples: int
    temperature: float
    limit: int | None
    most: int
    key: int
    opening: int = 0


@dataclass(frozen=True)
class Given:
    """What `speaker` answered. `choice` is None where it was asked by name."""

    speaker: Speaker
    choice: Choice | None
    answers: tuple[Generated, ...]

    @property
    def routing_tokens(self) -> int:
        """What the host read in order to choose the speaker."""
        return 0 if self.choice is None else self.choice.tokens


class Speakers:
    """The bare host (row 0, an empty genome), the living organisms of a run, best first, then `guests`.

    Guests are genomes from elsewhere by (name, organism id): those of saved portfolios, the bare host's id being None.
    `teams` are of any of these.
    """

    def __init__(
        self,
        residents: Residents,
        evaluator: LocalEvaluator,
        prices: Prices,
        guests: Sequence[tuple[str, int | None, Genome]] = (),
    ) -> None:
        self.residents, self.host, self._prices = residents, evaluator.host, prices
        self._decoder, self._prompts = evaluator.decoder, evaluator.prompts
        self._reading = Lock()  # fast tokenizers keep settings between calls: one thread at a time
        alive = [(resident.name, resident.id, resident.organism.active) for resident in residents.members]
        genomes = [genome for _, _, genome in (*alive, *guests)]
        bare = Genome({}, genomes[0].traits, genomes[0].scaling)
        self._bank = stack_genomes([bare, *genomes], evaluator.sites, self.host.dtype, self.host.device)
        by_name = {resident.name: resident for resident in residents.members}
        speakers = [
            Speaker(name, row, genome.num_parameters, genome.traits.answer_limit, identity, by_name.get(name))
            for row, (name, identity, genome) in enumerate((*alive, *guests), start=1)
        ]
        self.all = [Speaker(HOST, 0, 0, HOST_LIMIT), *speakers[: len(alive)]]
        self.guests = speakers[len(alive) :]
        self.teams: list[Team] = []
        self._by_name: dict[str, Speaker | Team] = {one.name: one for one in (*self.all, *self.guests)}
        self._builder = lru_cache(PROMPT_BUILDERS)(self._make_builder)

    @property
    def first(self) -> Speaker | Team:
        """Who answers where nobody is named: the best organism, or the first team where nobody lives."""
        return self.all[1] if len(self.all) > 1 else self.teams[0]

    def add_team(self, team: Team) -> None:
        """Let a team be asked."""
        self.teams.append(team)
        self._by_name[team.name] = team

    @cached_property  # every request asks, and a configuration takes half a millisecond to be made a dictionary
    def context(self) -> int:
        """Most tokens of a prompt with its answer that the host was made for."""
        positions = self.host.model.config.to_dict().get("max_position_embeddings")
        return positions if isinstance(positions, int) else CONTEXT

    @property
    def num_adapter_bytes(self) -> int:
        """Memory that the bank takes."""
        return sum(site.a.nbytes + site.b.nbytes for site in self._bank.sites.values())

    def find(self, model: str) -> Speaker | Team | None:
        """Who `model` names: `host`, a team, a full name, an id (`42`, `organism-42`); None if nobody."""
        if model in self._by_name:
            return self._by_name[model]
        try:
            return self._by_name[self.residents.find(model).name]
        except RunFolderError:
            return None

    def prompt(self, conversation: Conversation) -> tuple[int, ...]:
        """Token ids of a conversation up to where the answer begins, as organisms are asked in their world."""
        with self._reading:
            return self._builder_of(conversation).build(conversation.question, conversation.turns)

    def opening(self, conversation: Conversation) -> int:
        """How many tokens the prompt of a conversation opens with whatever is asked in the end: they are read once for
        all who ask the same one behind the same words."""
        with self._reading:
            return self._builder_of(conversation).opening(conversation.turns)

    def bare_question(self, who: Speaker | Team, question: str) -> tuple[int, ...]:
        """What a team chooses by: the question alone, in the world's frame. Nothing for a speaker."""
        return self.prompt(Conversation(question)) if isinstance(who, Team) else ()

    def raw_prompt(self, text: str) -> tuple[int, ...]:
        """Token ids of a text that is to be gone on with: no template."""
        tokenizer = self.host.tokenizer
        bos = () if tokenizer.bos_id is None else (tokenizer.bos_id,)
        with self._reading:
            return (*bos, *tokenizer.encode(text))

    def answer(self, asked: Sequence[Asked]) -> list[Given]:
        """What was asked, answered in the order given: teams choose first, then all answer in one batch."""
        choices = self._choose(asked)
        speakers = [
            one.who if isinstance(one.who, Speaker) else choices[place].speaker for place, one in enumerate(asked)
        ]
        requests = [
            Request(
                speaker.row,
                one.prompt,
                one.num_samples,
                one.temperature if one.temperature >= COLDEST else 0.0,
                min(speaker.limit if one.limit is None else one.limit, one.most),
                one.key,
                one.opening,
            )
            for speaker, one in zip(speakers, asked, strict=True)
        ]
        return [
            Given(speaker, choices.get(place), tuple(answers))
            for place, (speaker, answers) in enumerate(zip(speakers, self.generate(requests), strict=True))
        ]

    def generate(self, requests: Sequence[Request]) -> list[list[Generated]]:
        """Answers to requests for any rows of the bank, in the order given."""
        return self._decoder.generate(self._bank, requests)

    def text(self, generated: Generated) -> str:
        """What was written, without special tokens."""
        with self._reading:
            return self.host.tokenizer.decode(generated.tokens)

    def energy(self, given: Given, prompt_tokens: int) -> float:
        """What the answers would have cost by the world's prices, in energy units.

        Who chose for a team read the bare question without an adapter.
        """
        generated = sum(len(answer.tokens) for answer in given.answers)
        bills = (
            self._prices.answering_cost(prompt_tokens, generated, given.speaker.num_parameters),
            self._prices.answering_cost(given.routing_tokens, 0, 0),
        )
        return to_energy(sum(units for bill in bills for units in bill.values()))

    def _choose(self, asked: Sequence[Asked]) -> dict[int, Choice]:
        """Place -> who answers, for what was put to teams; each team reads all its questions in one go."""
        choices: dict[int, Choice] = {}
        for team in self.teams:
            places = [place for place, one in enumerate(asked) if one.who is team]
            if places:
                chosen = team.choose([asked[place].question for place in places])
                choices |= dict(zip(places, chosen, strict=True))
        return choices

    def _builder_of(self, conversation: Conversation) -> PromptBuilder:
        return self._prompts if conversation.system is None else self._builder(conversation.system)

    def _make_builder(self, system: str) -> PromptBuilder:
        return PromptBuilder(self.host.tokenizer, system, cache_size=64)
