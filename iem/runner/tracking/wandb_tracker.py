"""A run watched in Weights & Biases."""

import contextlib
import shlex
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from iem.checks import check_choice, check_number
from iem.interfaces import Image, Mask, RunIdentity
from iem.runner.tracking.troubles import Troubles, reason
from iem.runner.tracking.wandb_session import WandbSession, abandon_service, options, server

_FORBIDDEN = "/\\#?%:"
_PAUSE = 300.0  # seconds after a failed connection in which no other is tried


class WandbTracker:
    r"""Curves, masks, a table and a summary in W&B; a run's id there is the fingerprint of its settings.

    W&B only mirrors a run. Without a key or an answer of the server the run is recorded offline, and one sentence says
    so and how to upload it; whatever else W&B does, the run goes on. ``WANDB_MODE``, ``WANDB_API_KEY``,
    ``WANDB_BASE_URL`` and, in an agent of a sweep, its own id and project are heeded. All files are in the folder
    ``wandb`` of the run's folder. Without a session of W&B in this process before, later ones are silent, too.

    W&B works in a thread of its own: a run waits for it at its end alone.

    Args:
        project: in which runs are listed.
        entity: user or team; None is the default one of the key.
        mode: "online", or "offline" for files that ``wandb sync`` uploads.
        group: of runs to be compared; None is the run's own, such as its sweep.
        job_type: None is the run's own.
        tags: beside the run's own.
        notes: None are the run's own.
        init_timeout: seconds that the server has to answer before the run is recorded offline.
        finish_timeout: seconds that the last rows have to arrive.
        short_side: of pictures, in pixels; larger ones are shrunk.

    Raises:
        ValueError: an argument out of range.

    >>> WandbTracker(project="iem/flowers")
    Traceback (most recent call last):
    ...
    ValueError: project: expected 1 to 128 characters without any of / \ # ? % :, got 'iem/flowers'
    """

    def __init__(
        self,
        project: str = "iem",
        entity: str | None = None,
        mode: Literal["online", "offline"] = "online",
        group: str | None = None,
        job_type: str | None = None,
        tags: Sequence[str] = (),
        notes: str | None = None,
        init_timeout: float = 30.0,
        finish_timeout: float = 300.0,
        short_side: int = 256,
    ) -> None:
        if not 1 <= len(project) <= 128 or any(character in project for character in _FORBIDDEN):
            marks = " ".join(_FORBIDDEN)
            raise ValueError(f"project: expected 1 to 128 characters without any of {marks}, got {project!r}")
        check_choice(mode, "mode", ("online", "offline"))
        check_number(init_timeout, "init_timeout", low=1)
        check_number(finish_timeout, "finish_timeout", low=1)
        check_number(short_side, "short_side", low=16, integer=True)
        self._project, self._entity, self._mode = project, entity, mode
        self._group, self._job_type, self._tags, self._notes = group, job_type, tuple(tags), notes
        self._init_timeout, self._finish_timeout, self._short_side = init_timeout, finish_timeout, short_side
        self._worker: ThreadPoolExecutor | None = None
        self._session: WandbSession | None = None  # of the worker alone
        self._log_file = "metrics.jsonl"
        self._troubles = Troubles("W&B", "")
        self._no_server_until = -_PAUSE

    def start(self, identity: RunIdentity) -> None:
        """Begin, or continue the run of that id."""
        if self._worker is not None:
            self.finish({}, failed=True)
        self._session, self._log_file = None, _near(identity.folder / "metrics.jsonl")
        self._troubles = Troubles("W&B", f"{self._log_file} has all rows")
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="wandb-tracker")

        def begin() -> None:
            self._session = self._open(identity)

        self._worker.submit(self._troubles.attempt, "begin", begin)

    def log(self, step: int, metrics: Mapping[str, float], axis: str = "opt/iter") -> None:
        """One row, at ``step`` of the axis of that name."""
        row = dict(metrics)
        self._later("log a row", lambda session: session.log(step, row, axis))

    def image(self, key: str, step: int, image: Image, masks: Mapping[str, Mask], axis: str = "opt/iter") -> None:
        """A picture, and masks over it by name."""
        overlays, size = dict(masks), self._short_side
        self._later("log a picture", lambda session: session.image(key, step, image, overlays, axis, size))

    def table(self, key: str, rows: Sequence[Mapping[str, object]]) -> None:
        """A table; all rows have the same columns."""
        copy = [dict(row) for row in rows]

        def add(session: WandbSession) -> None:
            session.table(key, copy)
            if len(copy) > session.table_rows:
                self._troubles.say(
                    f"its table {key} shows {session.table_rows} of {len(copy)} rows, result.json has all"
                )

        self._later("log a table", add)

    def finish(self, summary: Mapping[str, float], *, failed: bool = False) -> None:
        """End, with the numbers that count, once all is written; online, at most ``finish_timeout`` after that."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        worker.submit(self._close, dict(summary), 1 if failed else 0)
        worker.shutdown(wait=True)

    def _later(self, purpose: str, action: Callable[[WandbSession], None]) -> None:
        """Do it in W&B's own thread, after what is waiting there."""

        def attempt() -> None:
            session = self._session
            if session is not None:
                self._troubles.attempt(purpose, lambda: action(session))

        if self._worker is not None:
            self._worker.submit(attempt)

    def _close(self, summary: Mapping[str, float], exit_code: int) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        arrived = True

        def end() -> None:
            nonlocal arrived
            try:
                session.finish(summary, exit_code)
            except TimeoutError:
                arrived = False

        if not self._troubles.attempt("end", end) or not arrived:
            with contextlib.suppress(Exception):
                abandon_service()
        self._troubles.attempt("read its file again", lambda: self._account(session, arrived))

    def _open(self, identity: RunIdentity) -> WandbSession:
        def session(mode: Literal["offline"] | None) -> WandbSession:
            return WandbSession(
                identity,
                mode=mode,
                options=options(
                    identity,
                    project=self._project,
                    entity=self._entity,
                    group=self._group,
                    job_type=self._job_type,
                    tags=self._tags,
                    notes=self._notes,
                ),
                init_timeout=self._init_timeout,
                finish_timeout=self._finish_timeout,
            )

        if self._mode == "offline" or time.monotonic() < self._no_server_until:
            return session("offline")
        before = set(identity.folder.glob("wandb/run-*"))
        try:
            found = session(None)
        except Exception as error:
            self._troubles.say(f"{self._why_offline(error)}; this run is recorded offline")
            abandon_service()
            for begun in set(identity.folder.glob("wandb/run-*")) - before:  # holds nothing yet
                shutil.rmtree(begun, ignore_errors=True)
            return session("offline")
        if found.address:
            self._troubles.say(f"live at {found.address}")
        return found

    def _why_offline(self, error: Exception) -> str:
        """One clause, and whether the next run need not try."""
        text = str(error)
        if "API key" in text and "login" in text:
            return "found no API key, give one by `wandb login` or WANDB_API_KEY"
        self._no_server_until = time.monotonic() + _PAUSE
        if any(words in text for words in ("dial tcp", "deadline exceeded", "timed out")):
            return f"no answer from {server()} within {self._init_timeout:g} s, check WANDB_BASE_URL and the network"
        return f"could not begin online ({reason(error)})"

    def _account(self, session: WandbSession, arrived: bool) -> None:
        """Say what is lost, and what is still to be done."""
        if (missing := session.missing_rows()) > 0:
            where = "its file" if session.is_offline else "its file, and perhaps not on the server"
            self._troubles.say(
                f"{missing} of {session.rows} rows are not in {where} (is the disk full?); "
                f"{self._log_file} has all rows"
            )
        if session.is_offline:
            self._troubles.say(f"recorded offline; to upload: wandb sync {_all_of(session.segments)}")
        elif not arrived:
            self._troubles.say(
                f"the server did not take all within {self._finish_timeout:g} s; "
                f"to upload the rest: wandb sync {_all_of([session.folder])}"
            )


def _all_of(folders: Sequence[Path]) -> str:
    """Folders as arguments of a shell: one, or a pattern for all."""
    if len(folders) == 1:
        return shlex.quote(_near(folders[0]))
    return f"{shlex.quote(_near(folders[0].parent))}/offline-run-*" if folders else "FOLDER"


def _near(path: Path) -> str:
    """The path as seen from here, if it is below."""
    path, here = path.absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
