"""What the page's server takes at most, so that nobody can fill the machine."""

from dataclasses import dataclass
from typing import final

from iem.checks import check_number


@final
@dataclass(frozen=True)
class Limits:
    """All limits in one place.

    Attributes:
        megapixels: of a photo.
        sessions: photos that are open at once.
        stored_bytes: that all of them take on the disk.
        history_bytes: of masks that one session remembers in memory, for undoing.
        history: steps that can be undone.
        warm_bytes: of decoded photos that are kept in memory, beside the one at work.
        waiting: jobs that wait for their turn; the next one is refused.
        uploads: photos and projects that are received at once; others wait.
        waiting_uploads: uploads that wait; the next one is refused.
        decoders: photos that are decoded, and masks that are edited, at once.
        body_seconds: that a request's body may take to arrive.
        safe_seconds: a session that was used so lately is never closed to make room.
        session_seconds: after so long without a request a session is closed.
        frames: of the film of one search.

    >>> Limits(megapixels=2).upload_bytes
    24777216
    """

    megapixels: float = 25.0
    sessions: int = 64
    stored_bytes: int = 4 << 30
    history_bytes: int = 64 << 20
    history: int = 60
    warm_bytes: int = 256 << 20
    waiting: int = 12
    uploads: int = 6
    waiting_uploads: int = 100
    decoders: int = 2
    body_seconds: float = 60.0
    safe_seconds: float = 120.0
    session_seconds: float = 6 * 3600.0
    frames: int = 240

    def __post_init__(self) -> None:
        check_number(self.megapixels, "megapixels", low=0.01, high=178.0)
        for name in ("sessions", "stored_bytes", "history_bytes", "history", "uploads", "decoders", "frames"):
            check_number(getattr(self, name), name, low=1, integer=True)
        for name in ("warm_bytes", "waiting", "waiting_uploads"):
            check_number(getattr(self, name), name, low=0, integer=True)
        for name in ("body_seconds", "safe_seconds", "session_seconds"):
            check_number(getattr(self, name), name, low=0)

    @property
    def max_pixels(self) -> int:
        """Of a photo."""
        return int(self.megapixels * 1e6)

    @property
    def upload_bytes(self) -> int:
        """Of a photo's file: what an uncompressed one of that size takes, and some metadata."""
        return 4 * self.max_pixels + (16 << 20)

    @property
    def project_bytes(self) -> int:
        """Of a project's file, and of all that it holds: the photo, its masks and a result."""
        return 3 * self.upload_bytes
