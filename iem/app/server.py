"""The page's server: put together, and run on this machine alone."""

import asyncio
import contextlib
import secrets
import socket
import threading
import time
import webbrowser
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from iem.app.bodies import Bodies
from iem.app.desk import Desk
from iem.app.gate import Asgi, Gate
from iem.app.limits import Limits
from iem.app.listening import HOST
from iem.app.payloads import sentence_of
from iem.app.refusals import Refused
from iem.app.routes import router

STATIC = Path(__file__).parent / "static"
#: Said here, because what a machine knows of endings may be anything.
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
}
_SENTENCES = {404: "there is nothing at this address; reload the page", 405: "this address does not do that"}
_CLEANING_SECONDS = 60.0


def make_app(port: int, token: str, *, limits: Limits | None = None, static: Path = STATIC) -> Asgi:
    """The application, with all its guards.

    Args:
        port: that it will be reached under.
        token: that opens it, see ``Gate``.
        limits: what it takes at most.
        static: the folder of the page.
    """
    desk = Desk(limits or Limits())

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        cleaning = asyncio.create_task(_clean(desk))
        try:
            yield
        finally:
            cleaning.cancel()
            await asyncio.to_thread(desk.close)

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan, redirect_slashes=False)
    app.state.desk = desk
    app.include_router(router)

    @app.get("/")
    async def index() -> Response:
        return _static(static, "index.html")

    @app.get("/static/{name:path}")
    async def file(name: str) -> Response:
        return _static(static, name)

    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)
    return Gate(Bodies(app, desk.limits), token, port)


def serve(
    sock: socket.socket,
    *,
    limits: Limits | None = None,
    open_browser: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the page until SIGINT or SIGTERM; then jobs are cancelled, and all that was stored is removed.

    Args:
        sock: see ``listen``.
        limits: what is taken at most.
        open_browser: whether to open the page.
        say: is told the link that opens it.
    """
    port = sock.getsockname()[1]
    token = secrets.token_urlsafe(32)
    server = make_server(make_app(port, token, limits=limits))
    link = f"http://{HOST}:{port}/?token={token}"
    say(link)
    if open_browser:
        threading.Thread(target=_open, args=(server, link), name="iem-app-browser", daemon=True).start()
    server.run(sockets=[sock])


def make_server(app: Asgi) -> uvicorn.Server:
    """What serves an application of ``make_app``."""
    settings: dict[str, Any] = {"http": "h11", "ws": "none", "lifespan": "on", "limit_concurrency": 512}
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=HOST,
            log_level="error",
            access_log=False,
            server_header=False,
            timeout_keep_alive=20,
            timeout_graceful_shutdown=3,
            **settings,
        )
    )


async def _clean(desk: Desk) -> None:
    pause = min(_CLEANING_SECONDS, max(0.05, desk.limits.session_seconds / 4))
    while True:
        await asyncio.sleep(pause)
        await asyncio.to_thread(desk.sessions.close_idle)


def _static(folder: Path, name: str) -> Response:
    """A file of the page; nothing beside its folder."""
    path = (folder / name).resolve() if "\0" not in name else folder
    kind = _KINDS.get(path.suffix.lower())
    if kind is None or not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise Refused(404, _SENTENCES[404])
    return FileResponse(path, media_type=kind, headers={"Cache-Control": "no-cache"})


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = error.detail if isinstance(error, Refused) else _SENTENCES.get(error.status_code, str(error.detail))
    field = getattr(error, "field", None)
    return JSONResponse(
        {"error": sentence} | ({} if field is None else {"field": field}), error.status_code, error.headers
    )


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    sentence, field = sentence_of(error.errors())
    return JSONResponse({"error": sentence} | ({} if field is None else {"field": field}), 422)


async def _failed(request: Request, error: Exception) -> Response:
    # uvicorn prints where
    return JSONResponse({"error": "this went wrong unexpectedly; the terminal says more"}, 500)


def _open(server: uvicorn.Server, link: str) -> None:
    while not server.started:
        if server.should_exit:
            return
        time.sleep(0.05)
    with contextlib.suppress(webbrowser.Error, OSError):
        webbrowser.open(link)
