"""Text to token ids and back: what a host needs of a tokenizer, and the simplest one there is."""

from collections.abc import Iterable, Sequence
from typing import Protocol

Message = dict[str, str]  # {"role": ..., "content": ...}


class HostTokenizer(Protocol):
    """What the rest of Evolora knows of a host's tokenizer."""

    @property
    def bos_id(self) -> int | None:
        """Put before a prompt without a chat template; None if the model has none."""

    @property
    def stop_id(self) -> int:
        """The one token a finished answer ends with."""

    def encode(self, text: str) -> list[int]:
        """Token ids of plain text: nothing added, and text that looks like a special token stays text."""

    def decode(self, ids: Iterable[int]) -> str:
        """Text of token ids, special tokens dropped."""

    def spell(self, ids: Iterable[int]) -> str:
        """Text of token ids with special tokens spelled out."""

    def read_spelled(self, text: str) -> list[int]:
        """Token ids of a text in which special tokens are spelled out; nothing added."""

    def encode_chat(self, messages: Sequence[Message]) -> list[int] | None:
        """Ids of a conversation up to where the assistant speaks next; None if there is no chat template.

        Raises ValueError when the template refuses these roles, e.g. a system message.
        """


class ByteTokenizer:
    """UTF-8 bytes as ids 0-255, then begin- and end-of-sequence. Nothing to download."""

    BOS = 256
    EOS = 257
    VOCABULARY = 260  # two ids unused: a round number of rows

    @property
    def bos_id(self) -> int | None:
        return self.BOS

    @property
    def stop_id(self) -> int:
        return self.EOS

    def encode(self, text: str) -> list[int]:
        return list(text.encode("utf-8"))

    def decode(self, ids: Iterable[int]) -> str:
        # A random model samples bytes that are no UTF-8: shown as U+FFFD rather than raised.
        return bytes(i for i in ids if i < self.BOS).decode("utf-8", errors="replace")

    def spell(self, ids: Iterable[int]) -> str:
        return self.decode(ids)  # bytes have no spelling for begin and end

    def read_spelled(self, text: str) -> list[int]:
        return self.encode(text)

    def encode_chat(self, messages: Sequence[Message]) -> list[int] | None:
        return None
