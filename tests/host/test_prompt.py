"""Prompts: chat turns where there is a template, Q and A lines where there is none; each is built once."""

from collections.abc import Iterable, Sequence

import pytest

from evolora.host.byte_tokenizer import ByteTokenizer, Message
from evolora.host.load import Host
from evolora.host.prompt import PromptBuilder


class ChatBytes(ByteTokenizer):
    """Bytes with a chat template: `[role:content]`, and an own system message where none is given."""

    def __init__(self, default_system: str = "", takes_system: bool = True) -> None:
        self.default_system = default_system
        self.takes_system = takes_system
        self.calls = 0

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        self.calls += 1
        turns = list(messages)
        if turns[0]["role"] == "system" and not self.takes_system:
            raise ValueError("System role not supported")
        if turns[0]["role"] != "system" and self.default_system:
            turns.insert(0, {"role": "system", "content": self.default_system})
        return self.encode("".join(f"[{turn['role']}:{turn['content']}]" for turn in turns) + "[assistant:")


def text(ids: Iterable[int]) -> str:
    return ByteTokenizer().decode(ids)


def test_without_a_template_a_prompt_is_lines_after_the_begin_token() -> None:
    builder = PromptBuilder(ByteTokenizer(), "Be brief.")
    ids = builder.build("3+3?", [("1+1?", "2")])
    assert ids[0] == ByteTokenizer.BOS
    assert text(ids) == "Be brief.\nQ: 1+1?\nA: 2\nQ: 3+3?\nA:"


def test_without_a_template_prompt_and_answer_continue_like_an_example() -> None:
    builder = PromptBuilder(ByteTokenizer())
    whole = text((*builder.build("1+1?"), *builder.answer_ids("2")))
    assert builder.build("3+3?", [("1+1?", "2")])[1 : len(whole) + 1] == tuple(whole.encode())
    assert builder.answer_ids("2")[-1] == ByteTokenizer.EOS


def test_with_a_template_examples_are_earlier_turns_after_the_system_message() -> None:
    builder = PromptBuilder(ChatBytes(), "Be brief.")
    assert text(builder.build("3+3?", [("1+1?", "2")])) == (
        "[system:Be brief.][user:1+1?][assistant:2][user:3+3?][assistant:"
    )


def test_a_template_without_a_system_role_gets_it_with_the_first_question() -> None:
    builder = PromptBuilder(ChatBytes(takes_system=False), "Be brief.")
    assert text(builder.build("3+3?", [("1+1?", "2")])) == (
        "[user:Be brief.\n\n1+1?][assistant:2][user:3+3?][assistant:"
    )


@pytest.mark.parametrize(
    ("default", "expected"),
    [("", "[user:a][assistant:"), ("You are a long one.", "[system:][user:a][assistant:")],
)
def test_an_empty_system_prompt_takes_the_cheapest_form(default: str, expected: str) -> None:
    assert text(PromptBuilder(ChatBytes(default)).build("a")) == expected


def test_a_prompt_shared_by_many_is_tokenised_once() -> None:
    tokenizer = ChatBytes()
    builder = PromptBuilder(tokenizer)
    before = tokenizer.calls
    first = builder.build("a", [("b", "c")])
    assert all(builder.build("a", (("b", "c"),)) is first for _ in range(5))
    assert tokenizer.calls == before + 1


@pytest.mark.parametrize("tokenizer", [ByteTokenizer(), ChatBytes(), ChatBytes(takes_system=False)])
@pytest.mark.parametrize("examples", [[], [("1+1?", "2")]])
def test_prompts_open_alike_up_to_the_question(tokenizer: ByteTokenizer, examples: list[tuple[str, str]]) -> None:
    builder = PromptBuilder(tokenizer, "Be brief.")
    opening = builder.opening(examples)
    asked = [builder.build(question, examples) for question in ("3+3?", "name a fruit", "123")]
    assert len({prompt[:opening] for prompt in asked}) == 1
    assert text(asked[0][opening:]).startswith("3+3?")


def test_decoding_drops_special_tokens_and_outer_space(tiny_host: Host) -> None:
    builder = PromptBuilder(tiny_host.tokenizer)
    assert builder.decode(builder.answer_ids("forty two")) == "forty two"
