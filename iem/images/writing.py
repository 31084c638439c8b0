"""Writing files so that no reader ever sees half of one, and no input is ever lost.

The bytes go to a temporary file in the same folder, to the disk, and only then take the name: after a full disk, a
crash or a kill the earlier file is whole. The temporary file's name says who writes it, so that what a killed run left
can be told from what a living one is writing.
"""

import contextlib
import os
import re
import secrets
import socket
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from iem.images.errors import ImageError, printable, writing_reason

StrPath = str | os.PathLike[str]

_TEMPORARY = re.compile(r"\.iem-(?P<host>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]{8}\.tmp")
_DAY = 24 * 60 * 60


def write_atomic(path: StrPath, data: bytes, *, protect: Iterable[StrPath] = ()) -> None:
    """Write a whole file, or nothing; folders on the way are made.

    Args:
        path: where to.
        data: all of it.
        protect: files that must not be overwritten (the inputs), however they are spelled or linked.

    Raises:
        ImageError: no space, no permission, or ``path`` is one of ``protect``; an earlier file is untouched.
    """
    with atomic_file(path, protect=protect) as file:
        file.write(data)


@contextlib.contextmanager
def atomic_file(path: StrPath, *, protect: Iterable[StrPath] = ()) -> Iterator[BinaryIO]:
    """A binary file to write to that takes its name when the block ends well, and vanishes when it does not.

    Raises:
        ImageError: as ``write_atomic``.
    """
    _refuse_impossible_name(path)
    try:
        _refuse_protected(path, protect)
        folder = Path(path).parent
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".iem-{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp"
        # not tempfile: its files are readable by their owner alone, and stay so
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(temporary, flags, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)  # noqa: PTH105 (Path.replace would lose a trailing slash's meaning)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(folder)
    except OSError as error:
        raise ImageError(path, writing_reason(error)) from error


def remove_stale(folder: StrPath) -> int:
    """Remove the temporary files that killed runs left in a folder and below; returns how many.

    Those of a living process of this machine stay, and those of other machines until they are a day old.
    """
    removed = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            if (match := _TEMPORARY.fullmatch(name)) is None:
                continue
            with contextlib.suppress(OSError):
                path = Path(parent, name)
                if _is_stale(path, match["host"], int(match["process"])):
                    path.unlink()
                    removed += 1
    return removed


def _is_stale(path: Path, host: str, process: int) -> bool:
    if host == _host() and os.name == "posix":
        return not _is_alive(process)
    return time.time() - path.stat().st_mtime > _DAY


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 only asks
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _refuse_impossible_name(path: StrPath) -> None:
    try:
        possible = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise ImageError(path, "the name holds characters that no file can have (NUL or half a character); change it")


def _refuse_protected(path: StrPath, protect: Iterable[StrPath]) -> None:
    for kept in protect:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if os.path.samefile(path, kept):  # noqa: PTH121 (either may be no valid Path)
                name = printable(os.fspath(kept))
                raise ImageError(path, f"this would overwrite the input {name}; choose another output folder")


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system can."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
