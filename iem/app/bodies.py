"""The bodies of requests: neither too long nor too slow, whatever their headers announce."""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import final

from iem.app.gate import Asgi, Message, Receive, Scope, Send
from iem.app.limits import Limits
from iem.app.refusals import Refused

_SMALL = 1 << 20
_LINGER_SECONDS = 5.0


@final
@dataclass(frozen=True)
class Bodies:
    """An ASGI application that counts what comes in: 413 for too much, 408 for too slow."""

    inner: Asgi
    limits: Limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with a body of limited length."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        body = _Body(receive, self._most(scope), self.limits.body_seconds)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in (413, 429):
                # whoever is still sending would see a broken connection, not the sentence
                await body.drain(_LINGER_SECONDS)
            await send(message)

        await self.inner(scope, body.receive, sent)

    def _most(self, scope: Scope) -> int:
        return {"/api/photos": self.limits.upload_bytes, "/api/projects": self.limits.project_bytes}.get(
            scope["path"], _SMALL
        )


class _Body:
    """One request's body while it arrives."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._most, self._seconds = receive, most, seconds
        self._deadline: float | None = None
        self._count = 0
        self._ended = False

    async def receive(self) -> Message:
        """The next piece.

        Raises:
            Refused: there is too much of it, or it comes too slowly.
        """
        if self._ended:
            return await self._receive()
        if self._deadline is None:
            self._deadline = time.monotonic() + self._seconds
        try:
            message = await asyncio.wait_for(self._receive(), self._deadline - time.monotonic())
        except asyncio.TimeoutError:
            self._ended = True
            sentence = f"the request did not arrive within {self._seconds:g} seconds; send it again"
            raise Refused(408, sentence, close=True) from None
        self._take(message)
        if self._count > self._most:
            raise Refused(
                413, f"the file is larger than {self._most / 1e6:.0f} MB, the limit; save a smaller version", close=True
            )
        return message

    async def drain(self, seconds: float) -> None:
        """Read on and forget it, for a while."""
        limit, started = 4 * self._most, time.monotonic()
        with contextlib.suppress(asyncio.TimeoutError):
            while not self._ended and self._count < limit and time.monotonic() < started + seconds:
                self._take(await asyncio.wait_for(self._receive(), started + seconds - time.monotonic()))

    def _take(self, message: Message) -> None:
        self._count += len(message.get("body", b""))
        self._ended = message["type"] != "http.request" or not message.get("more_body", False)
