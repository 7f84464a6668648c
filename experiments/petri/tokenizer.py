"""The petri host's tokenizer: every word of the families is one token, every digit and letter another, bytes the rest.

An answer is then one to four tokens long, which is what makes generations quick. A unigram model with fixed scores
takes a word where it is one of the vocabulary's, and spells it otherwise.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from string import printable

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

SPACE = "▁"
UNKNOWN, ASK, ANSWER, END = "<unk>", "<|q|>", "<|a|>", "<|end|>"
WORD = re.compile(r"[A-Za-z]+")
PIECE_COST = -1.0  # of any piece: the fewest pieces win
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'user' %}" + ASK + "{{ message.content }}"
    "{% elif message.role == 'assistant' %}"
    + ANSWER
    + "{{ message.content }}"
    + END
    + "{% else %}{{ message.content }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}" + ANSWER + "{% endif %}"
)


def make_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """The tokenizer whose words are those of `texts`, with the chat template above."""
    spaced: set[str] = set()
    joined: set[str] = set()  # words after a hyphen, as in forty-seven
    for text in texts:
        for match in WORD.finditer(text):
            (joined if text[match.start() - 1 : match.start()] == "-" else spaced).add(match.group())
    letters = [c for c in printable if not c.isspace()]
    pieces = dict.fromkeys(
        [
            *(SPACE + word for word in sorted(spaced)),
            *sorted(joined),
            *(SPACE + c for c in letters),
            *letters,
            SPACE,
        ]
    )
    specials = [UNKNOWN, ASK, ANSWER, END]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    vocabulary = [*((piece, 0.0) for piece in specials + bytes_), *((piece, PIECE_COST) for piece in pieces)]
    inner = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=True))
    inner.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always", split=True)
    inner.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(replacement=SPACE, prepend_scheme="always")]
    )
    inner.add_special_tokens([AddedToken(piece, normalized=False, special=True) for piece in specials])
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token=UNKNOWN, eos_token=END, pad_token=END, chat_template=TEMPLATE
    )


def save(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write tokenizer.json and its companions."""
    tokenizer.save_pretrained(folder)
