"""What all requests share: the sessions, the queue of jobs, and how much is done at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar, final

from anyio import CapacityLimiter, to_thread

from iem.app.jobs import Jobs
from iem.app.limits import Limits
from iem.app.photos import WarmPhotos
from iem.app.proposing import Segmenters
from iem.app.refusals import Refused
from iem.app.removing import Painters
from iem.app.sessions import Sessions

P = ParamSpec("P")
T = TypeVar("T")


@final
class Desk:
    """All that the requests share."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.sessions = Sessions(limits)
        self.jobs = Jobs(limits.waiting)
        self.warm = WarmPhotos(limits.warm_bytes)
        self.segmenters, self.painters = Segmenters(), Painters()
        self._decoders = CapacityLimiter(limits.decoders)
        self._uploads = asyncio.Semaphore(limits.uploads)
        self._uploading = 0

    async def heavy(self, work: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
        """Do something that takes processor and memory, a few at once, beside the loop."""
        return await to_thread.run_sync(lambda: work(*arguments, **options), limiter=self._decoders)

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[None]:
        """A few uploads at once; the others wait, but not without end."""
        if self._uploading >= self.limits.uploads + self.limits.waiting_uploads:
            raise Refused(429, f"{self._uploading} uploads are under way already; try again in a moment", close=True)
        self._uploading += 1
        try:
            async with self._uploads:
                yield
        finally:
            self._uploading -= 1

    def close(self) -> None:
        """Cancel all jobs and remove all photos."""
        self.jobs.stop()
        self.sessions.close_all()
