"""Where the bytes of a picture come from: a path, a stream or memory; never a device, a pipe or an endless file."""

import os
import stat
from typing import BinaryIO, Protocol, runtime_checkable

from iem.images.errors import ImageError, reading_reason
from iem.images.formats import HEAD, foreign_reason, sniff

_PIECE = 1 << 20


@runtime_checkable
class Readable(Protocol):
    """A binary file open for reading, such as ``sys.stdin.buffer``."""

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        ...


Source = str | os.PathLike[str] | bytes | Readable


def label(source: Source) -> str:
    """How errors name a source.

    >>> label(b"..."), label("a.png")
    ('<bytes>', 'a.png')
    """
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    if isinstance(source, bytes):
        return "<bytes>"
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "<stream>"


def take(source: Source, *, max_bytes: int) -> bytes:
    """All bytes of a picture of a supported format; anything else is refused after its first ones.

    Raises:
        ImageError: missing, forbidden, not a regular file, not a supported format, or more than ``max_bytes``.
        TypeError: not a source.
    """
    name = label(source)
    if isinstance(source, bytes):
        _require_format(source[:HEAD], name)
        if len(source) > max_bytes:
            raise _too_large(name, max_bytes)
        return source
    if not isinstance(source, str | os.PathLike) and not isinstance(source, Readable):
        raise TypeError(f"source: expected a path, bytes or a binary file, got {type(source).__name__}")
    try:
        if isinstance(source, str | os.PathLike):
            with open_regular(source) as file:
                return _take_stream(file, name, max_bytes)
        return _take_stream(source, name, max_bytes)
    except (OSError, ValueError) as error:
        raise ImageError(name, reading_reason(error)) from error


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file; a folder, pipe, socket or device is an ``ImageError`` at once, without waiting for it.

    Raises:
        ImageError: not a regular file.
        OSError: not there, or forbidden.
    """
    _require_regular(os.stat(path).st_mode, path)  # noqa: PTH116 (the name may not be a valid Path)
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags)
    try:
        # the name may have come to mean something else since it was looked at
        _require_regular(os.fstat(descriptor).st_mode, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _require_regular(mode: int, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(mode):
        raise ImageError(path, "a folder, where one picture was expected; name a file in it")
    if not stat.S_ISREG(mode):
        raise ImageError(path, "a pipe or device, not a regular file; save the picture as a file, or send it to '-'")


def _take_stream(stream: Readable, name: str, max_bytes: int) -> bytes:
    pieces = bytearray()
    while piece := stream.read(_PIECE if len(pieces) >= HEAD else HEAD):
        if not isinstance(piece, bytes):
            raise TypeError(f"source: expected a file opened in binary mode, got {type(piece).__name__} from it")
        if len(pieces) < HEAD <= len(pieces) + len(piece):
            _require_format(bytes(pieces) + piece, name)
        pieces += piece
        if len(pieces) > max_bytes:
            raise _too_large(name, max_bytes)
    if len(pieces) < HEAD:
        _require_format(bytes(pieces), name)
    return bytes(pieces)


def _require_format(head: bytes, name: str) -> None:
    if sniff(head) is None:
        raise ImageError(name, foreign_reason(head[:HEAD]))


def _too_large(name: str, max_bytes: int) -> ImageError:
    return ImageError(name, f"the file is larger than {max_bytes >> 20} MiB, the limit; save a smaller version")
