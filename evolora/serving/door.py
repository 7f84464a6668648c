"""What stands before the server: who may ask. Refusals are told as OpenAI's clients read them."""

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from evolora.dashboard.own_names import OwnNames, host_name
from evolora.serving.responses import error_body


class Door:
    """Lets in who asks for this machine by a name of its own, and no other site's page.

    A browser names the page's site as the Origin of what the page sends, and need not ask first whether it may: the
    answer would be hidden from the page, but the work would be done.
    """

    def __init__(self, app: ASGIApp, names: OwnNames) -> None:
        self.app, self.names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> ASGIApp | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self.names.hold(host):
            return _refuse(f"Host: expected the name this server listens on, or its number, got '{host[:120]}'", 421)
        if origin is not None and host_name(origin.partition("://")[2]) != host_name(host):
            return _refuse(f"Origin: expected no other site's page, got '{origin[:120]}'", 403)
        return None


def _refuse(message: str, status: int) -> JSONResponse:
    return JSONResponse(error_body(message, "invalid_request_error"), status)
