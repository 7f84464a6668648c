"""What stands before every page of the dashboard: who may ask, what may be asked, what the answer may load."""

from collections.abc import Iterable
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Plotly writes style attributes, and draws pictures for download from blobs. Nothing else is let in, from anywhere.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Guard:
    """Answers only GET and HEAD, only to a Host that is this machine's, and sends the policy with every answer.

    The Host check is what keeps another site's page out whose name has been pointed at this machine (DNS rebinding):
    such a page cannot choose the Host its browser sends. `hosts` are names that are right; where `any_address` is set
    (the server listens on every address) a numeric address is right too, since a name is what rebinding needs.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = LOOPBACK, any_address: bool = False) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"expected http, got {scope['type']}: the dashboard speaks nothing else")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await (self._refusal(scope) or self.app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("the dashboard only shows: GET\n", 405, {"allow": "GET, HEAD"})
        host = host_name(Headers(scope=scope).get("host", ""))
        if host in self.hosts or (self.any_address and _is_address(host)):
            return None
        return PlainTextResponse("this address is not the dashboard's own: open the one it printed\n", 421)


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    name = header.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
