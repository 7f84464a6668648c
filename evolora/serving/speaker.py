"""One who can be asked, and what somebody says to it."""

from dataclasses import dataclass

from evolora.record.residents import Resident

HOST = "host"


@dataclass(frozen=True)
class Speaker:
    """One who can be asked, at `row` of the bank.

    `organism_id` is None for the bare host; `resident` for it too, and for members of a saved portfolio, whose weights
    need not be those of anybody alive. `limit` is the most tokens of an answer unless the asker says otherwise: the
    organism's own answer_limit.
    """

    name: str
    row: int
    num_parameters: int
    limit: int
    organism_id: int | None = None
    resident: Resident | None = None

    @property
    def title(self) -> str:
        """A short name for people."""
        return HOST if self.organism_id is None else f"organism {self.organism_id}"


@dataclass(frozen=True)
class Conversation:
    """What somebody says: earlier (question, answer) `turns`, then a `question`. `system` None: the world's."""

    question: str
    turns: tuple[tuple[str, str], ...] = ()
    system: str | None = None
