"""Prompts: a question and worked examples as the token ids a host reads, and its answers as text."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import takewhile

from evolora.errors import HostError
from evolora.host.byte_tokenizer import HostTokenizer, Message

Example = tuple[str, str]  # (question, answer)
_UNLIKE = ("A", "1")  # two questions with no token in common


class PromptBuilder:
    """Builds each prompt once: all organisms that meet a task with the same examples share the result."""

    def __init__(self, tokenizer: HostTokenizer, system_prompt: str = "", *, cache_size: int = 8192) -> None:
        self._tokenizer = tokenizer
        self._system_prompt = system_prompt
        self._form = _find_form(tokenizer, system_prompt)
        self._build = lru_cache(maxsize=cache_size)(self._build_uncached)
        self._answer_ids = lru_cache(maxsize=cache_size)(self._answer_ids_uncached)

    def build(self, question: str, examples: Sequence[Example] = ()) -> tuple[int, ...]:
        """Token ids of `question` after `examples`, up to where the answer begins.

        With a chat template: the system message, each example as two turns, the question.
        Without: `Q:` and `A:` lines.
        """
        return self._build(question, tuple((asked, answered) for asked, answered in examples))

    def opening(self, examples: Sequence[Example] = ()) -> int:
        """How many tokens prompts with these examples open with whatever is asked."""
        one, other = (self.build(question, examples) for question in _UNLIKE)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))

    def decode(self, ids: Iterable[int]) -> str:
        """Text of generated ids: special tokens and outer white space dropped."""
        return self._tokenizer.decode(ids).strip()

    def answer_ids(self, text: str) -> tuple[int, ...]:
        """What a host would have to generate after a prompt to answer `text`: its ids and the stop token."""
        return self._answer_ids(text)

    def _answer_ids_uncached(self, text: str) -> tuple[int, ...]:
        # After "A:" comes a space, as in the examples; most vocabularies have it joined to the word.
        written = f" {text}" if self._form == "lines" else text
        return (*self._tokenizer.encode(written), self._tokenizer.stop_id)

    def _build_uncached(self, question: str, examples: tuple[Example, ...]) -> tuple[int, ...]:
        if self._form == "lines":
            return self._lines(question, examples)
        turns: list[Message] = []
        for asked, answered in examples:
            turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
        turns.append({"role": "user", "content": question})
        ids = self._tokenizer.encode_chat(_with_system(turns, self._system_prompt, self._form))
        assert ids is not None  # _find_form saw the template
        return tuple(ids)

    def _lines(self, question: str, examples: tuple[Example, ...]) -> tuple[int, ...]:
        head = [self._system_prompt] if self._system_prompt else []
        shown = [f"Q: {asked}\nA: {answered}" for asked, answered in examples]
        ids = self._tokenizer.encode("\n".join([*head, *shown, f"Q: {question}\nA:"]))
        bos = self._tokenizer.bos_id
        return (bos, *ids) if bos is not None else tuple(ids)


# How the system prompt is given. "message": a message of its own. "none": no such message.
# "joined": before the first question, for templates that know no system role. "lines": no template at all.
_Form = str


def _find_form(tokenizer: HostTokenizer, system_prompt: str) -> _Form:
    """The form this tokenizer's template takes; for an empty system prompt the cheapest of those it takes.

    Cheapest because some templates (SmolLM2's) insert a long system prompt of their own unless given one.
    """
    question: list[Message] = [{"role": "user", "content": "?"}]
    lengths: dict[_Form, int] = {}
    reason = ""
    for form in ("message", "joined") if system_prompt else ("none", "message"):
        try:
            ids = tokenizer.encode_chat(_with_system(question, system_prompt, form))
        except ValueError as error:
            reason = str(error)
            continue
        if ids is None:
            return "lines"
        if system_prompt:
            return form
        lengths[form] = len(ids)
    if not lengths:
        raise HostError(
            f"chat template: expected one that takes a user's question, got the complaint '{reason[:120]}'; "
            "choose another host or remove its chat template"
        )
    return min(lengths, key=lambda form: lengths[form])


def _with_system(turns: list[Message], system_prompt: str, form: _Form) -> list[Message]:
    if form == "message":
        return [{"role": "system", "content": system_prompt}, *turns]
    if form == "joined":
        return [{"role": "user", "content": f"{system_prompt}\n\n{turns[0]['content']}"}, *turns[1:]]
    return turns
