"""One photo that is open in the page: its past and present states, its jobs, its files."""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from iem.app.jobs import Job
from iem.app.limits import Limits
from iem.app.refusals import Refused
from iem.app.states import State

_JOBS = 8


@final
@dataclass(frozen=True)
class Photo:
    """The photo of a session.

    Attributes:
        name: as the user calls it; shown, never a path.
        width: of the upright picture.
        height: of the upright picture.
        notices: what the user should know of the file.
        original: the file as it came.
        upright: the picture in sRGB, upright, a PNG.
        format: of the original, one of ``iem.images.FORMATS``.
    """

    name: str
    width: int
    height: int
    notices: tuple[str, ...]
    original: Path
    upright: Path
    format: str


@final
class Session:
    """One photo, its past and present states and its jobs; every method may be called from any thread."""

    def __init__(self, id_: str, folder: Path, photo: Photo, limits: Limits, state: State) -> None:
        self.id, self.folder, self.photo = id_, folder, photo
        self._limits = limits
        self._states, self._place, self._revision = [state], 0, 0
        self._jobs: dict[str, Job] = {}
        self._files = 0
        self.lock = threading.RLock()
        self.used = time.monotonic()
        self.is_closed = False

    @property
    def state(self) -> State:
        """The present one."""
        return self._states[self._place]

    @property
    def revision(self) -> int:
        """Grows with every change."""
        return self._revision

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._place > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a later one."""
        return self._place + 1 < len(self._states)

    @property
    def job(self) -> Job | None:
        """The one that waits or runs."""
        with self.lock:
            return next((job for job in self._jobs.values() if job.is_active), None)

    def find_job(self, id_: str) -> Job:
        """The job of that id.

        Raises:
            Refused: there is none, or it is long over.
        """
        with self.lock:
            if (job := self._jobs.get(id_)) is None:
                raise Refused(404, "there is no such job; start it again")
            return job

    def add_job(self, job: Job, start: Callable[[Job], None]) -> None:
        """Start a job of this session.

        Raises:
            Refused: another one is at work.
        """
        with self.lock:
            self._require_open()
            if self.job is not None:
                raise Refused(409, "a job of this photo is at work already; cancel it, or wait until it is done")
            start(job)
            self._jobs[job.id] = job
            for old in list(self._jobs)[:-_JOBS]:
                del self._jobs[old]

    def change(self, how: Callable[[State], State]) -> None:
        """Go on to a new state, which can be undone; what was undone before is lost."""
        with self.lock:
            self._require_open()
            state = how(self.state)
            if state == self.state:
                return
            self._states = [*self._states[: self._place + 1], state]
            while len(self._states) > self._limits.history or (len(self._states) > 2 and self._is_heavy()):
                del self._states[0]
            self._place = len(self._states) - 1
            self._revision += 1
            self._tidy()

    def undo(self) -> None:
        """Go back to the state before."""
        self._go(-1, "there is nothing to undo")

    def redo(self) -> None:
        """Go on to the state that was undone."""
        self._go(1, "there is nothing to redo")

    def new_file(self) -> Path:
        """The name of a file for a result."""
        with self.lock:
            self._require_open()
            self._files += 1
            return self.folder / f"result-{self._files}.png"

    def stored(self) -> int:
        """Bytes on the disk."""
        total = 0
        with contextlib.suppress(OSError):
            for each in os.scandir(self.folder):
                with contextlib.suppress(OSError):
                    total += each.stat().st_size
        return total

    def close(self) -> None:
        """Cancel its jobs and remove its files."""
        with self.lock:
            self.is_closed = True
            for job in self._jobs.values():
                job.cancel()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _go(self, steps: int, refusal: str) -> None:
        with self.lock:
            self._require_open()
            if not 0 <= self._place + steps < len(self._states):
                raise Refused(409, refusal)
            self._place += steps
            self._revision += 1

    def _require_open(self) -> None:
        if self.is_closed:
            raise Refused(404, "this photo was closed; open it again")

    def _is_heavy(self) -> bool:
        """Whether the past takes more than its share of the memory, or of the disk."""
        results = {state.result.file for state in self._states if state.result is not None}
        on_disk = sum(file.stat().st_size for file in results)
        return _mask_bytes(self._states) > self._limits.history_bytes or on_disk > self._limits.stored_bytes // 8

    def _tidy(self) -> None:
        """Remove results that no state remembers."""
        wanted = {state.result.file for state in self._states if state.result is not None}
        for file in self.folder.glob("result-*.png"):
            if file not in wanted:
                file.unlink(missing_ok=True)


def _mask_bytes(states: list[State]) -> int:
    """Of all masks that the states hold; most share most of them."""
    found: dict[int, int] = {}
    for state in states:
        masks = [each.png for each in state.objects]
        if state.proposal is not None:
            masks += [each.png for each in state.proposal.candidates]
        found |= {id(mask): len(mask) for mask in masks}
    return sum(found.values())
