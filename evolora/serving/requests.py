"""What clients of the OpenAI API may ask for: read, checked, and turned into requests to the bank."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evolora.rng import key64
from evolora.serving.speaker import Conversation, Speaker
from evolora.serving.speakers import Asked, Speakers
from evolora.serving.teams import Prompt, Team

# What is not supported: field -> the values that ask for nothing. Fields unknown to both are ignored, as metadata is.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "top_p": (None, 1, 1.0),
    "presence_penalty": (None, 0),
    "frequency_penalty": (None, 0),
    "logit_bias": (None, {}),
    "logprobs": (None, False, 0),
    "top_logprobs": (None, 0),
    "tools": (None, []),
    "functions": (None, []),
    "response_format": (None, {"type": "text"}),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "echo": (None, False),
    "best_of": (None, 1),
    "suffix": (None, ""),
}
CHARACTERS_PER_TOKEN = 32  # a text longer than this many times the prompt's limit is refused without being read

_numbers = itertools.count()  # unseeded requests draw differently from one another, alike after every start


class BadRequestError(Exception):
    """A mistake of the client's: what the error body says."""

    def __init__(self, message: str, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.param, self.code, self.status = param, code, status


@dataclass(frozen=True)
class Limits:
    """Most tokens of a prompt and of an answer."""

    prompt_tokens: int
    answer_tokens: int


class _Body(BaseModel):
    model_config = ConfigDict(extra="ignore")


class TextPart(_Body):
    type: Literal["text"]
    text: str


class Message(_Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)


class StreamOptions(_Body):
    include_usage: bool | None = None


class Wishes(_Body):
    """What chats and completions have in common."""

    model: str
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    n: Annotated[int, Field(ge=1, le=8)] | None = None
    seed: int | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        return tuple(text for text in ([self.stop] if isinstance(self.stop, str) else self.stop or []) if text)


class ChatBody(Wishes):
    messages: Annotated[list[Message], Field(min_length=1, max_length=256)]
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None


class CompletionBody(Wishes):
    prompt: str


BodyT = TypeVar("BodyT", bound=Wishes)


def read_body(kind: type[BodyT], body: object) -> BodyT:
    """`body` as a `kind`.

    Raises:
        BadRequestError: with the first mistake.
    """
    if not isinstance(body, Mapping):
        raise BadRequestError(f"expected a JSON object as body, got {type(body).__name__}")
    for name, harmless in NEUTRAL.items():
        if body.get(name) not in harmless:
            raise BadRequestError(
                f"{name}: expected nothing, got a value; organisms are asked without it",
                name,
                "unsupported_parameter",
            )
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        param = ".".join(str(part) for part in first["loc"])
        raise BadRequestError(f"{param}: {first['msg']}", param, first["type"]) from error


def conversation_of(body: ChatBody) -> Conversation:
    """System messages joined, neighbours of one role joined, the last one a question.

    Raises:
        BadRequestError: nobody asks, or the assistant speaks first.
    """
    system = [message.text for message in body.messages if message.role in ("system", "developer")]
    said = [message for message in body.messages if message.role in ("user", "assistant")]
    joined = [
        (role, "\n\n".join(message.text for message in group))
        for role, group in itertools.groupby(said, key=lambda message: message.role)
    ]
    if not joined or joined[-1][0] != "user" or joined[0][0] != "user":
        raise BadRequestError(
            "messages: expected the first and the last to be the user's, system messages aside", "messages"
        )
    texts = [text for _, text in joined]
    turns = tuple(zip(texts[:-1:2], texts[1::2], strict=True))
    return Conversation(texts[-1], turns, "\n\n".join(system) if system else None)


def check_length(texts: list[str], limits: Limits, param: str) -> None:
    """Refuse a text that no tokenizer could bring under the limit, before one works on it."""
    characters = sum(len(text) for text in texts)
    if characters > CHARACTERS_PER_TOKEN * limits.prompt_tokens:
        raise too_long(f"{characters} characters", limits, param)


def too_long(got: str, limits: Limits, param: str) -> BadRequestError:
    return BadRequestError(
        f"{param}: expected a prompt of at most {limits.prompt_tokens} tokens, got {got}; shorten it",
        param,
        "context_length_exceeded",
    )


def to_request(
    speakers: Speakers,
    who: Speaker | Team,
    prompts: tuple[Prompt, Prompt],
    body: Wishes,
    most: int | None,
    limits: Limits,
    opening: int = 0,
) -> Asked:
    """What is asked of the bank. `prompts` are the whole one, of whose first `opening` tokens others may have the same,
    and the bare question that teams choose by.

    `most` is the client's limit of new tokens; None takes the answerer's own.
    Without a temperature the answer is greedy, as held-out tests are.

    Raises:
        BadRequestError: the prompt, or the answer asked for, is too long.
    """
    param, (prompt, question) = "messages" if isinstance(body, ChatBody) else "prompt", prompts
    if len(prompt) > limits.prompt_tokens:
        raise too_long(f"{len(prompt)} tokens", limits, param)
    if not prompt:
        raise BadRequestError(f"{param}: expected at least one token, got none", param)
    if most is not None and most > limits.answer_tokens:
        raise BadRequestError(
            f"max_tokens: expected at most {limits.answer_tokens}, got {most}; ask for less", "max_tokens"
        )
    limit = min(who.limit if most is None else most, limits.answer_tokens)
    if max(len(prompt) + limit, len(question)) > speakers.context:
        raise BadRequestError(
            f"{param}: expected prompt and answer within the host's {speakers.context} tokens, "
            f"got {max(len(prompt), len(question))} + {limit}; shorten one",
            param,
            "context_length_exceeded",
        )
    key = key64(next(_numbers), "serve") if body.seed is None else key64(body.seed, "serve, seeded")
    samples, temperature = body.n or 1, body.temperature or 0.0
    return Asked(who, prompt, question, samples, temperature, most, limits.answer_tokens, key, opening)
