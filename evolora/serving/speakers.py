"""Everybody who can be asked: the bare host and a run's organisms, stacked in one bank."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from evolora.build import reopen
from evolora.errors import RunFolderError
from evolora.evaluation.local import LocalEvaluator
from evolora.host.bank import stack_genomes
from evolora.host.decode import Generated, Request
from evolora.host.prompt import PromptBuilder
from evolora.lifecycle.ledger import to_energy
from evolora.lifecycle.metabolism import Prices
from evolora.organism.genome import Genome
from evolora.record.adapter import check_shapes
from evolora.record.residents import Resident, Residents, open_residents

HOST = "host"
HOST_LIMIT = 64  # most tokens of an answer of the bare host, which has no answer_limit of its own
PROMPT_BUILDERS = 16  # system messages whose prompt builders are kept
CONTEXT = 2048  # of a host whose configuration does not say


@dataclass(frozen=True)
class Speaker:
    """One who can be asked, at `row` of the bank. `resident` is None for the bare host.

    `limit` is the most tokens of an answer unless the asker says otherwise: the organism's own answer_limit.
    """

    name: str
    row: int
    resident: Resident | None
    num_parameters: int
    limit: int


@dataclass(frozen=True)
class Conversation:
    """What somebody says: earlier (question, answer) `turns`, then a `question`. `system` None: the world's."""

    question: str
    turns: tuple[tuple[str, str], ...] = ()
    system: str | None = None


class Speakers:
    """The bare host (row 0, an empty genome) and the living organisms of a run, best first."""

    def __init__(self, residents: Residents, evaluator: LocalEvaluator, prices: Prices) -> None:
        self.residents, self.host, self._prices = residents, evaluator.host, prices
        self._decoder, self._prompts = evaluator.decoder, evaluator.prompts
        self._reading = Lock()  # fast tokenizers keep settings between calls: one thread at a time
        genomes = [resident.organism.active for resident in residents.members]
        bare = Genome({}, genomes[0].traits, genomes[0].scaling)
        self._bank = stack_genomes([bare, *genomes], evaluator.sites, self.host.dtype, self.host.device)
        self.all = [
            Speaker(HOST, 0, None, 0, HOST_LIMIT),
            *(
                Speaker(
                    resident.name,
                    row,
                    resident,
                    resident.organism.active.num_parameters,
                    resident.organism.active.traits.answer_limit,
                )
                for row, resident in enumerate(residents.members, start=1)
            ),
        ]
        self._by_name = {speaker.name: speaker for speaker in self.all}
        self._builder = lru_cache(PROMPT_BUILDERS)(self._make_builder)

    @property
    def context(self) -> int:
        """Most tokens of a prompt with its answer that the host was made for."""
        positions = self.host.model.config.to_dict().get("max_position_embeddings")
        return positions if isinstance(positions, int) else CONTEXT

    @property
    def num_adapter_bytes(self) -> int:
        """Memory that the bank takes."""
        return sum(site.a.nbytes + site.b.nbytes for site in self._bank.sites.values())

    def find(self, model: str) -> Speaker | None:
        """Who `model` names: `host`, a full name, an id (`42`, `organism-42`); None if nobody."""
        if model in self._by_name:
            return self._by_name[model]
        try:
            return self._by_name[self.residents.find(model).name]
        except RunFolderError:
            return None

    def prompt(self, conversation: Conversation) -> tuple[int, ...]:
        """Token ids of a conversation up to where the answer begins, as organisms are asked in their world."""
        system = conversation.system
        with self._reading:
            builder = self._prompts if system is None else self._builder(system)
            return builder.build(conversation.question, conversation.turns)

    def raw_prompt(self, text: str) -> tuple[int, ...]:
        """Token ids of a text that is to be gone on with: no template."""
        tokenizer = self.host.tokenizer
        bos = () if tokenizer.bos_id is None else (tokenizer.bos_id,)
        with self._reading:
            return (*bos, *tokenizer.encode(text))

    def generate(self, requests: Sequence[Request]) -> list[list[Generated]]:
        """Answers to requests for any speakers, in the order given."""
        return self._decoder.generate(self._bank, requests)

    def text(self, generated: Generated) -> str:
        """What was written, without special tokens."""
        with self._reading:
            return self.host.tokenizer.decode(generated.tokens)

    def energy(self, speaker: Speaker, prompt_tokens: int, generated_tokens: int) -> float:
        """What the answer would have cost its speaker by the world's prices, in energy units."""
        bill = self._prices.answering_cost(prompt_tokens, generated_tokens, speaker.num_parameters)
        return to_energy(sum(bill.values()))

    def _make_builder(self, system: str) -> PromptBuilder:
        return PromptBuilder(self.host.tokenizer, system, cache_size=64)


def open_speakers(path: Path) -> Speakers:
    """The organisms of a run's last checkpoint on their host, ready to be asked.

    Raises:
        EvoloraError: no such run, nobody alive, or another host than the run's.
    """
    residents = open_residents(path)  # first: cheap, and says most mistakes before a host is loaded
    evaluator, prices = reopen(path)
    for resident in residents.members:
        check_shapes(resident.organism.active.factors, evaluator.sites)
    return Speakers(residents, evaluator, prices)
