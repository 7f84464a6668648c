"""Bodies of the OpenAI API: models, answers whole or streamed, errors."""

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from evolora.serving.speaker import Speaker
from evolora.serving.speakers import Asked, Given, Speakers
from evolora.serving.teams import Team

Kind = Literal["chat", "text"]
DONE = b"data: [DONE]\n\n"


class FaultyAnswerError(Exception):
    """The host or the organism's weights gave no usable answer."""


@dataclass(frozen=True)
class Ticket:
    """What a reply is known by from the moment its request is taken on."""

    who: Speaker | Team
    kind: Kind
    stops: tuple[str, ...]
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))


@dataclass(frozen=True)
class Reply:
    """The answers to one request. `texts` are cut at the stops, `reasons` are stop or length.

    `prompt_tokens` are those of the prompt that was answered; what was read to choose a member of a team is in `given`.
    """

    ticket: Ticket
    given: Given
    texts: tuple[str, ...]
    reasons: tuple[str, ...]
    prompt_tokens: int
    completion_tokens: int
    energy: float


def make_reply(speakers: Speakers, ticket: Ticket, asked: Asked, given: Given) -> Reply:
    """What the bank generated, as text.

    Raises:
        FaultyAnswerError: an answer has a fault.
    """
    faults = [answer.fault for answer in given.answers if answer.fault]
    if faults:
        raise FaultyAnswerError(faults[0])
    texts, reasons = [], []
    for answer in given.answers:
        text = speakers.text(answer)
        cuts = [place for stop in ticket.stops if (place := text.find(stop)) >= 0]
        text = text[: min(cuts)] if cuts else text
        texts.append(text.strip() if ticket.kind == "chat" else text)
        reasons.append("stop" if answer.stopped or cuts else "length")
    prompt_tokens, generated = len(asked.prompt), sum(len(answer.tokens) for answer in given.answers)
    energy = speakers.energy(given, prompt_tokens)
    return Reply(ticket, given, tuple(texts), tuple(reasons), prompt_tokens, generated, energy)


def usage(reply: Reply) -> dict[str, Any]:
    """Tokens; the prompt counts once for all answers to it, generated tokens include the stop tokens.

    What was read to choose a member of a team is counted with the prompt, and told apart in the details.
    """
    routing = reply.given.routing_tokens
    counts: dict[str, Any] = {
        "prompt_tokens": reply.prompt_tokens + routing,
        "completion_tokens": reply.completion_tokens,
        "total_tokens": reply.prompt_tokens + routing + reply.completion_tokens,
    }
    return counts | ({"prompt_tokens_details": {"cached_tokens": 0, "routing_tokens": routing}} if routing else {})


def whole(reply: Reply) -> dict[str, Any]:
    """The body of an answer that is not streamed. `evolora` says who answered and what it cost."""
    choices = [
        {"index": index, "finish_reason": reason, "logprobs": None}
        | ({"message": {"role": "assistant", "content": text}} if reply.ticket.kind == "chat" else {"text": text})
        for index, (text, reason) in enumerate(zip(reply.texts, reply.reasons, strict=True))
    ]
    name = "chat.completion" if reply.ticket.kind == "chat" else "text_completion"
    return _head(reply.ticket, name) | {"choices": choices, "usage": usage(reply), "evolora": about(reply)}


def chunks(reply: Reply, include_usage: bool) -> list[bytes]:
    """The events of a streamed answer after its first: text, reason, who answered, usage if asked for, end."""
    name = "chat.completion.chunk" if reply.ticket.kind == "chat" else "text_completion"
    nothing = {"usage": None} if include_usage else {}
    events = []
    for index, (text, reason) in enumerate(zip(reply.texts, reply.reasons, strict=True)):
        for piece, why in ((text, None), ("", reason)):
            content = {"delta": {"content": piece} if piece else {}} if reply.ticket.kind == "chat" else {"text": piece}
            choice = {"index": index, "finish_reason": why, "logprobs": None} | content
            events.append(_head(reply.ticket, name) | {"choices": [choice]} | nothing)
    events[-1]["evolora"] = about(reply)
    if include_usage:
        events.append(_head(reply.ticket, name) | {"choices": [], "usage": usage(reply), "evolora": about(reply)})
    return [*map(event, events), DONE]


def opening(ticket: Ticket, num_answers: int) -> bytes:
    """The first event of a streamed chat: sent when the request is taken on, before there is an answer."""
    choices = [
        {"index": index, "delta": {"role": "assistant", "content": ""}, "finish_reason": None, "logprobs": None}
        for index in range(num_answers)
    ]
    return event(_head(ticket, "chat.completion.chunk") | {"choices": choices})


def about(reply: Reply) -> dict[str, Any]:
    """Who answered, why where somebody chose, and the energy it would have cost by the world's prices."""
    speaker, choice = reply.given.speaker, reply.given.choice
    said: dict[str, Any] = {"answered_by": speaker.name}
    if speaker.organism_id is not None:
        said["organism"] = speaker.organism_id
    if speaker.resident is not None:
        said["lineage"] = speaker.resident.organism.lineage
    if choice is not None:
        said["because"] = choice.reason
        said["preferences"] = {name: round(value, 6) for name, value in choice.preferences.items()}
        said["routing_tokens"] = choice.tokens
    return said | {"energy": round(reply.energy, 6)}


def event(data: dict[str, Any]) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def error_body(message: str, kind: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def model_body(speakers: Speakers, who: Speaker | Team, created: int) -> dict[str, Any]:
    """One entry of /v1/models; `evolora` holds what is known of an organism or a team."""
    body = {"id": who.name, "object": "model", "created": created, "owned_by": "evolora"}
    if isinstance(who, Team):
        return body | {"evolora": dict(who.about)}
    if who.resident is None:
        member = {} if who.organism_id is None else {"organism": who.organism_id}
        return body | {"evolora": {"host": speakers.host.name} | member}
    organism = who.resident.organism
    return body | {
        "evolora": {
            "organism": organism.id,
            "lineage": organism.lineage,
            "kind": organism.kind,
            "born": organism.born,
            "scores": dict(sorted(organism.competence.items())),
        }
    }


def _head(ticket: Ticket, name: str) -> dict[str, Any]:
    return {"id": ticket.id, "object": name, "created": ticket.created, "model": ticket.who.name}
