"""Who may ask: this machine's browser, with the token of this start, from the page itself.

A page of another site, or of another program on this machine, can send requests to 127.0.0.1, too: with a name of its
own that points there (DNS rebinding), by forms and pictures, and with this server's cookies. Hence the lists of hosts
and origins, beside the token.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, final
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Of every answer.
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; object-src 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
_HARMLESS = ("GET", "HEAD")


@final
@dataclass(frozen=True)
class Gate:
    """An ASGI application that lets in whoever may ask, and puts ``HEADERS`` on all that goes out.

    Attributes:
        inner: what answers.
        token: of this start.
        port: that the server listens on.
    """

    inner: Asgi
    token: str
    port: int

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which this machine calls itself."""
        return tuple(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    @property
    def cookie(self) -> str:
        """Cookies do not know ports: each server on this machine needs a name of its own."""
        return f"iem-{self.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] == "lifespan":
            await self.inner(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ())]
                present = {name.lower() for name, _ in headers}
                wanted = {"Cache-Control": "no-store", **HEADERS}
                headers += [(k.encode(), v.encode()) for k, v in wanted.items() if k.lower().encode() not in present]
                message = {**message, "headers": headers}
            await send(message)

        headers = _Headers(scope)
        if (refusal := self._refusal(scope, headers)) is not None:
            await _answer(guarded, *refusal)
        elif (given := _token(scope)) is not None:
            await self._start(guarded, given)
        elif not self._is_known(headers):
            sentence = "this request carries no token of this start; open the link that iem app printed"
            await _answer(guarded, 401, sentence)
        else:
            await self.inner(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: "_Headers") -> tuple[int, str] | None:
        host = headers.one("host")
        if host is None or host.lower() not in self.hosts:
            return 403, f"this server answers to http://127.0.0.1:{self.port} alone; use that address"
        harmless = scope["method"] in _HARMLESS
        origin = headers.one("origin")
        if headers.count("origin") and (origin is None or origin.lower() != f"http://{host.lower()}"):
            return 403, "this request comes from another page; use the one that iem app opened"
        arrives = harmless and scope["path"] == "/"  # a link on another page may lead here
        near = not headers.count("sec-fetch-site") or headers.one("sec-fetch-site") in ("same-origin", "none")
        if not near and not arrives:
            return 403, "this request comes from another page; use the one that iem app opened"
        return None

    async def _start(self, send: Send, given: str) -> None:
        if not _equal(given, self.token):
            await _answer(send, 403, "this link is not of this start; open the one that iem app printed last")
            return
        cookie = f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
        await _answer(send, 303, "", [(b"location", b"/"), (b"set-cookie", cookie.encode())])

    def _is_known(self, headers: "_Headers") -> bool:
        given = headers.one("x-iem-token") or _cookies(headers).get(self.cookie, "")
        return _equal(given, self.token)


class _Headers:
    """A request's headers, of which some may come but once."""

    def __init__(self, scope: Scope) -> None:
        self.pairs = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]

    def count(self, name: str) -> int:
        return sum(each == name for each, _ in self.pairs)

    def one(self, name: str) -> str | None:
        """Its value; None if it is missing or there are several."""
        values = [value for each, value in self.pairs if each == name]
        return values[0] if len(values) == 1 else None


def _cookies(headers: _Headers) -> dict[str, str]:
    found = {}
    for name, value in headers.pairs:
        if name == "cookie":
            for part in value.split(";"):
                key, _, content = part.strip().partition("=")
                found[key] = content
    return found


def _token(scope: Scope) -> str | None:
    """The token of the start link; None if this is another request."""
    if scope["path"] != "/" or scope["method"] != "GET":
        return None
    values = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=20).get("token")
    return values[0] if values else None


def _equal(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), token.encode())


async def _answer(send: Send, status: int, sentence: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    body = json.dumps({"error": sentence}).encode() if sentence else b""
    lines = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(headers or [])]
    if status >= 400:
        lines.append((b"connection", b"close"))  # what the body holds is not read
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})
