"""The OpenAI-compatible HTTP interface of a run's organisms."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from evolora.dashboard.own_names import OwnNames
from evolora.serving.collector import BankError, ClosedError, Collector, QueueFullError
from evolora.serving.door import Door
from evolora.serving.requests import (
    BadRequestError,
    ChatBody,
    CompletionBody,
    Limits,
    check_length,
    conversation_of,
    read_body,
    to_request,
)
from evolora.serving.responses import (
    DONE,
    FaultyAnswerError,
    Reply,
    Ticket,
    chunks,
    error_body,
    event,
    make_reply,
    model_body,
    opening,
    whole,
)
from evolora.serving.speaker import Speaker
from evolora.serving.speakers import Asked, Given, Speakers
from evolora.serving.teams import Team

Pending = asyncio.Future[Given]


@dataclass(frozen=True)
class Bounds:
    """What one server takes on. `patience` is the seconds a client may take to send its body."""

    limits: Limits
    max_waiting: int = 512
    max_batch: int = 256
    max_body_bytes: int = 1_000_000
    patience: float = 30.0


def make_app(speakers: Speakers, bounds: Bounds, created: int, names: OwnNames) -> Starlette:
    """The application. `created` is when the organisms were saved (Unix seconds); `names` are those that clients may
    call this server by."""
    server = _Server(speakers, bounds, created)
    return Starlette(
        routes=[
            Route("/v1/models", server.list_models, methods=["GET"]),
            Route("/v1/models/{model:path}", server.show_model, methods=["GET"]),
            Route("/v1/chat/completions", server.chat, methods=["POST"]),
            Route("/v1/completions", server.complete, methods=["POST"]),
        ],
        middleware=[Middleware(Door, names=names)],
        exception_handlers={
            BadRequestError: _bad_request,
            QueueFullError: _queue_full,
            ClosedError: _closed,
            HTTPException: _http_error,
            FaultyAnswerError: _faulty,
            BankError: _faulty,
            ClientDisconnect: _vanished,
            Exception: _defect,
        },
        lifespan=server.lifespan,
    )


class _Server:
    def __init__(self, speakers: Speakers, bounds: Bounds, created: int) -> None:
        self.speakers, self.bounds, self.created = speakers, bounds, created
        self.collector = Collector(speakers.answer, bounds.max_waiting, bounds.max_batch)

    @asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        app.state.collector = self.collector
        answering = asyncio.create_task(self.collector.run())
        try:
            yield
        finally:
            answering.cancel()
            with suppress(asyncio.CancelledError):
                await answering
            self.collector.close()

    async def list_models(self, request: Request) -> Response:
        everybody: list[Speaker | Team] = [*self.speakers.all, *self.speakers.teams]
        models = [model_body(self.speakers, one, self.created) for one in everybody]
        return JSONResponse({"object": "list", "data": models})

    async def show_model(self, request: Request) -> Response:
        return JSONResponse(model_body(self.speakers, self._find(request.path_params["model"]), self.created))

    async def chat(self, request: Request) -> Response:
        body = read_body(ChatBody, await self._json(request))
        who, limits = self._find(body.model), self.bounds.limits
        check_length([message.text for message in body.messages], limits, "messages")
        conversation = conversation_of(body)
        prompt = await run_in_threadpool(self.speakers.prompt, conversation)
        opening = await run_in_threadpool(self.speakers.opening, conversation)
        question = await self._question(who, conversation.question)
        most = body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens
        asked = to_request(self.speakers, who, (prompt, question), body, most, limits, opening)
        return await self._answer(request, Ticket(who, "chat", body.stops), asked, body)

    async def complete(self, request: Request) -> Response:
        body = read_body(CompletionBody, await self._json(request))
        who, limits = self._find(body.model), self.bounds.limits
        check_length([body.prompt], limits, "prompt")
        prompt = await run_in_threadpool(self.speakers.raw_prompt, body.prompt)
        question = await self._question(who, body.prompt)
        asked = to_request(self.speakers, who, (prompt, question), body, body.max_tokens, limits)
        return await self._answer(request, Ticket(who, "text", body.stops), asked, body)

    async def _question(self, who: Speaker | Team, text: str) -> tuple[int, ...]:
        """What a team chooses by; a speaker is spared the way through another thread."""
        return await run_in_threadpool(self.speakers.bare_question, who, text) if isinstance(who, Team) else ()

    async def _answer(
        self, request: Request, ticket: Ticket, asked: Asked, body: ChatBody | CompletionBody
    ) -> Response:
        pending = self.collector.submit(asked)  # raises before a stream begins, so that 429 is a status
        if body.stream:
            include_usage = bool(body.stream_options and body.stream_options.include_usage)
            events = self._stream(ticket, asked, pending, include_usage)
            return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        given = await _unless_gone(request, pending)
        return JSONResponse(whole(make_reply(self.speakers, ticket, asked, given)))

    async def _stream(
        self, ticket: Ticket, asked: Asked, pending: Pending, include_usage: bool
    ) -> AsyncIterator[bytes]:
        """Server-sent events. A vanished client ends this generator, and the cancelled `pending` leaves the queue."""
        try:
            if ticket.kind == "chat":
                yield opening(ticket, asked.num_samples)
            try:
                reply: Reply = make_reply(self.speakers, ticket, asked, await pending)
            except (FaultyAnswerError, BankError, ClosedError) as error:
                yield event(error_body(str(error) or "the server is shutting down", "server_error"))
                yield DONE
                return
            for chunk in chunks(reply, include_usage):
                yield chunk
        finally:
            pending.cancel()

    def _find(self, model: str) -> Speaker | Team:
        who = self.speakers.find(model)
        if who is None:
            raise BadRequestError(
                f"model: expected one of those in /v1/models, got '{model[:120]}'", "model", "model_not_found", 404
            )
        return who

    async def _json(self, request: Request) -> object:
        """The body, within its bounds of size and time.

        Other content types are refused because any site's page may send them without asking the browser first.
        """
        content_type = request.headers.get("content-type", "none")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise BadRequestError(f"Content-Type: expected application/json, got {content_type[:120]}", status=415)
        most, data = self.bounds.max_body_bytes, bytearray()
        try:
            async with asyncio.timeout(self.bounds.patience):
                async for piece in request.stream():
                    data += piece
                    if len(data) > most:
                        raise BadRequestError(f"body: expected at most {most:,} bytes, got more", status=413)
        except TimeoutError as error:
            raise BadRequestError(
                f"body: expected all of it within {self.bounds.patience:g} s, got {len(data)} bytes", status=408
            ) from error
        try:
            text = data.decode("utf-8")
            body: object = json.loads(text)
            if "\\u" in text:  # half a surrogate pair is valid JSON and no text
                json.dumps(body, ensure_ascii=False).encode("utf-8")
        except (ValueError, RecursionError) as error:
            raise BadRequestError(f"body: expected JSON in UTF-8, got {str(error)[:120]}") from error
        return body


async def _unless_gone(request: Request, pending: Pending) -> Given:
    """The answers, or ClientDisconnect as soon as nobody waits for them."""
    gone = asyncio.create_task(_disconnected(request))
    try:
        waited: list[asyncio.Future[Any]] = [gone, pending]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not pending.done():
            raise ClientDisconnect
        return pending.result()
    finally:
        gone.cancel()
        pending.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


def _bad_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, BadRequestError)
    return JSONResponse(
        error_body(str(error), "invalid_request_error", error.param, error.code), status_code=error.status
    )


def _queue_full(request: Request, error: Exception) -> Response:
    body = error_body("the queue is full; try again in a moment", "rate_limit_error", None, "rate_limit_exceeded")
    return JSONResponse(body, status_code=429, headers={"Retry-After": "1"})


def _closed(request: Request, error: Exception) -> Response:
    return JSONResponse(error_body("the server is shutting down", "server_error"), status_code=503)


def _faulty(request: Request, error: Exception) -> Response:
    return JSONResponse(error_body(str(error), "server_error"), status_code=500)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}"
    return JSONResponse(error_body(message, "invalid_request_error"), error.status_code, error.headers)


def _vanished(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


def _defect(request: Request, error: Exception) -> Response:
    return JSONResponse(error_body("the server failed to answer", "server_error"), status_code=500)
