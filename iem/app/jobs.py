"""Work that takes a while: one after the other on one thread, a bounded queue, and an end whenever it is asked for."""

import contextlib
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Literal, final

from iem.app.pngs import Frame, OneMask
from iem.app.refusals import Refused

Kind = Literal["propose", "find", "remove"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]


class Cancelled(Exception):  # noqa: N818 (nothing went wrong)
    """Somebody wants this job to end."""


@final
class Job:
    """One piece of work, as the page watches it.

    Attributes:
        id: random.
        kind: what is done.
        state: how far it is.
        step: of ``steps``.
        steps: 0 while that is unknown.
        message: what is being done, or why it failed.
    """

    def __init__(self, id_: str, kind: Kind, work: "Callable[[Job], None]", most_frames: int) -> None:
        self.id, self.kind = id_, kind
        self.state: JobState = "queued"
        self.step, self.steps, self.message = 0, 0, ""
        self._work, self._most_frames = work, most_frames
        self._frames: list[Frame] = []
        self._wanted = threading.Event()
        self._lock = threading.Lock()

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("queued", "running")

    @property
    def frames(self) -> int:
        """How many pictures its film has by now."""
        return len(self._frames)

    def frame(self, index: int) -> bytes | None:
        """A picture of its film, a small mask; None if there is none."""
        return self._frames[index].png() if 0 <= index < len(self._frames) else None

    def cancel(self) -> None:
        """Ask it to end; it does within one step, and at once if it has not begun."""
        self._wanted.set()
        with self._lock:
            if self.state == "queued":
                self._end("cancelled", "cancelled")

    def check(self) -> None:
        """Go on, or not.

        Raises:
            Cancelled: somebody wants it to end.
        """
        if self._wanted.is_set():
            raise Cancelled

    def tell(self, step: int, steps: int, message: str = "", *, mask: OneMask | None = None) -> None:
        """Say how far it is, and show a mask; a film that is full keeps its beginning and shows the newest last.

        Raises:
            Cancelled: somebody wants it to end.
        """
        self.step, self.steps, self.message = step, steps, message
        if mask is not None:
            if len(self._frames) < self._most_frames:
                self._frames.append(Frame.of(mask))
            else:
                self._frames[-1] = Frame.of(mask)
        self.check()

    def run(self) -> None:
        """Do it; whatever happens is told by ``state`` and ``message``."""
        with self._lock:
            if self.state != "queued":
                return
            self.state = "running"
        try:
            self.check()
            self._work(self)
            self._end("done", self.message)
        except Cancelled:
            self._end("cancelled", "cancelled")
        except Refused as error:
            self._end("failed", str(error.detail))
        except (ValueError, TypeError, ImportError) as error:
            self._end("failed", " ".join(str(error).split()) or type(error).__name__)
        except MemoryError:
            self._end("failed", "there is not enough memory for this; take a smaller photo")
        except Exception as error:  # one job must not take the others with it
            traceback.print_exc(file=sys.stderr)
            words = " ".join(str(error).split())[:200] or type(error).__name__
            self._end("failed", f"this went wrong unexpectedly ({words}); the terminal says more")

    def _end(self, state: JobState, message: str) -> None:
        self._work = _nothing  # it holds a photo
        self.message, self.state = message, state


@final
class Jobs:
    """A queue of jobs and the thread that does them.

    Args:
        waiting: jobs that may wait beside the one that runs.
    """

    def __init__(self, waiting: int) -> None:
        self._waiting = waiting
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._active: list[Job] = []
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="iem-app-jobs", daemon=True)
        self._thread.start()

    def add(self, job: Job) -> None:
        """Let it wait for its turn.

        Raises:
            Refused: too many wait already.
        """
        with self._lock:
            self._active = [each for each in self._active if each.is_active]
            if self._stopped:
                raise Refused(503, "the server is ending; start iem app again")
            if len(self._active) > self._waiting:
                raise Refused(429, f"{len(self._active)} jobs wait or run already; try again in a moment")
            self._active.append(job)
            self._queue.put(job)

    def stop(self, seconds: float = 10.0) -> None:
        """Cancel all of them and wait until the one at work has noticed."""
        with self._lock:
            self._stopped = True
            for job in self._active:
                job.cancel()
            self._queue.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while (job := self._queue.get()) is not None:
            with contextlib.suppress(Exception):
                job.run()
            del job


def _nothing(job: Job) -> None:
    """What is left of a job's work when it has ended."""
