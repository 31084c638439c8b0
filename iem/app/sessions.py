"""All photos that are open: apart from each other, bounded, forgotten after a while."""

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import final

from iem.app.limits import Limits
from iem.app.refusals import Refused
from iem.app.session import Photo, Session
from iem.app.states import State

_PREFIX = "iem-app-"


@final
class Sessions:
    """All that is open.

    Args:
        limits: how many, how large, how long.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()
        _remove_orphans()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))  # for its owner alone, 0700

    def __len__(self) -> int:
        return len(self._open)

    @contextlib.contextmanager
    def new_folder(self) -> Iterator[Path]:
        """A folder for what comes in; removed unless ``add`` is called with it."""
        folder = self.folder / new_id()
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            if not any(session.folder == folder for session in list(self._open.values())):
                shutil.rmtree(folder, ignore_errors=True)

    def add(self, folder: Path, photo: Photo, state: State | None = None) -> Session:
        """Open a photo; the ones that were not used for longest make room.

        Raises:
            Refused: all others are in use.
        """
        session = Session(new_id(), folder, photo, self._limits, state or State())
        with self._lock:
            self._make_room(session.stored())
            self._open[session.id] = session
        return session

    def get(self, id_: str) -> Session:
        """The session of that id, which is then in use.

        Raises:
            Refused: there is none.
        """
        with self._lock:
            if (session := self._open.get(id_)) is None:
                raise Refused(404, "there is no such photo here; it was closed, or the server was started anew")
            session.used = time.monotonic()
            return session

    def close(self, id_: str) -> Session:
        """Forget a session."""
        session = self.get(id_)
        with self._lock:
            self._open.pop(id_, None)
        session.close()
        return session

    def close_idle(self) -> None:
        """Forget what was not used for long."""
        with self._lock:
            oldest = time.monotonic() - self._limits.session_seconds
            idle = [each for each in self._open.values() if each.used < oldest and each.job is None]
            for each in idle:
                del self._open[each.id]
        for each in idle:
            each.close()

    def close_all(self) -> None:
        """Forget all, and remove the folder."""
        with self._lock:
            sessions, self._open = list(self._open.values()), {}
        for each in sessions:
            each.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_room(self, wanted: int) -> None:
        safe = time.monotonic() - self._limits.safe_seconds
        idle = sorted((s for s in self._open.values() if s.used < safe and s.job is None), key=lambda s: s.used)
        stored = sum(each.stored() for each in self._open.values()) + wanted
        while len(self._open) >= self._limits.sessions or stored > self._limits.stored_bytes:
            if not idle:
                raise Refused(429, f"{len(self._open)} photos are open and in use; close one, or try again in a while")
            oldest = idle.pop(0)
            stored -= oldest.stored()
            del self._open[oldest.id]
            oldest.close()


def new_id() -> str:
    """128 random bits.

    >>> len(new_id())
    32
    """
    return secrets.token_hex(16)


def _remove_orphans() -> None:
    """Photos that a server left behind when it was killed."""
    if not hasattr(os, "getuid"):
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = folder.name[len(_PREFIX) :].partition("-")[0]
        with contextlib.suppress(OSError):
            status = folder.lstat()
            if pid.isdigit() and folder.is_dir() and not folder.is_symlink() and status.st_uid == os.getuid():
                try:
                    os.kill(int(pid), 0)
                except ProcessLookupError:
                    shutil.rmtree(folder, ignore_errors=True)
