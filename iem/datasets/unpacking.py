"""Unpacking archives of strangers: nothing outside the folder, no links, no bombs, and all of it or nothing."""

import os
import secrets
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

_PIECE = 1 << 20
_MOST_FILES = 2_000_000
_LITTER = ("__MACOSX", ".DS_Store", "Thumbs.db")
_PREFIX = ".iem-unpacking-"


class UnpackingError(ValueError):
    """An archive that cannot be unpacked, or must not be: one sentence."""


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    folder: bool
    ordinary: bool
    handle: tarfile.TarInfo | zipfile.ZipInfo


def unpack(archive: Path, folder: Path, *, max_bytes: int) -> tuple[str, ...]:
    """Unpack a .zip or (compressed) .tar into a folder.

    The files go to a hidden folder first and are moved when all of them are whole; entries of the same name in
    ``folder`` are replaced then. Links, devices, absolute names and names with ``..`` are refused, before anything
    is written.

    Args:
        archive: the file; what it is is told by its content.
        folder: where to; made if missing.
        max_bytes: refuse an archive that unpacks to more.

    Returns:
        The names that now are in ``folder``.

    Raises:
        UnpackingError: a damaged or dangerous archive.
        OSError: no space, no permission.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{_PREFIX}{secrets.token_hex(4)}"
    temporary.mkdir()
    try:
        _write(archive, temporary, max_bytes)
        names = sorted(path.name for path in temporary.iterdir())
        if not names:
            raise UnpackingError(f"{archive.name}: expected files in the archive, found none; download it again")
        for name in names:
            _move(temporary / name, folder / name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return tuple(names)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed unpacking left in a folder."""
    for path in folder.glob(f"{_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)


def _write(archive: Path, folder: Path, max_bytes: int) -> None:
    try:
        with ExitStack() as stack:
            opened = _open(archive, stack)
            members = [member for member in _members(opened) if not _is_litter(member.name)]
            _refuse_dangerous(archive, members, max_bytes)
            for member in members:
                path = folder / PurePosixPath(member.name)
                if member.folder:
                    path.mkdir(parents=True, exist_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                with _source(opened, member) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, _PIECE)  # never more than the member's size, which was counted
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        words = " ".join(str(error).split())
        raise UnpackingError(
            f"{archive.name}: expected a whole archive, but it is damaged ({words or type(error).__name__}); "
            "download it again"
        ) from error


def _open(archive: Path, stack: ExitStack) -> tarfile.TarFile | zipfile.ZipFile:
    if zipfile.is_zipfile(archive):
        return stack.enter_context(zipfile.ZipFile(archive))
    try:
        return stack.enter_context(tarfile.open(archive))
    except tarfile.ReadError as error:
        with archive.open("rb") as file:
            head = file.read(64).lstrip().lower()
        found = "a web page" if head.startswith((b"<!doctype", b"<html")) else "something else, or half of one"
        raise UnpackingError(
            f"{archive.name}: expected a .zip or .tar archive, got {found}; download it again"
        ) from error


def _members(opened: tarfile.TarFile | zipfile.ZipFile) -> Iterator[_Member]:
    if isinstance(opened, tarfile.TarFile):
        for entry in opened:
            yield _Member(entry.name, entry.size, entry.isdir(), entry.isreg() or entry.isdir(), entry)
    else:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            ordinary = kind in (0, stat.S_IFREG, stat.S_IFDIR)
            yield _Member(info.filename, info.file_size, info.is_dir(), ordinary, info)


def _refuse_dangerous(archive: Path, members: list[_Member], max_bytes: int) -> None:
    for member in members:
        parts = PurePosixPath(member.name.replace("\\", "/")).parts
        outside = not parts or parts[0] == "/" or ".." in parts or ":" in parts[0] or "\0" in member.name
        if outside and member.name.strip("./"):
            raise UnpackingError(
                f"{archive.name}: expected names inside the archive's folder, got {member.name[:80]!r}; "
                "do not use this archive"
            )
        if not member.ordinary:
            raise UnpackingError(
                f"{archive.name}: expected files and folders alone, got a link or device {member.name[:80]!r}; "
                "do not use this archive"
            )
    total = sum(member.size for member in members)
    if total > max_bytes or len(members) > _MOST_FILES:
        raise UnpackingError(
            f"{archive.name}: expected at most {max_bytes / 1e9:.1f} GB in {_MOST_FILES:,} files, got "
            f"{total / 1e9:.1f} GB in {len(members):,}; do not use this archive"
        )


def _source(opened: tarfile.TarFile | zipfile.ZipFile, member: _Member) -> IO[bytes]:
    if isinstance(opened, zipfile.ZipFile):
        return opened.open(member.name)
    assert isinstance(member.handle, tarfile.TarInfo)  # both came from this archive
    source = opened.extractfile(member.handle)
    assert source is not None  # it is a regular file
    return source


def _move(path: Path, target: Path) -> None:
    """Put a new entry in the place of an old one. A folder that is there gets the new one's entries."""
    if target.is_dir() and not target.is_symlink() and path.is_dir():
        for child in sorted(path.iterdir()):
            _move(child, target / child.name)
        return
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    elif target.exists() and path.is_dir():
        target.unlink()
    os.replace(path, target)  # noqa: PTH105 (as elsewhere)


def _is_litter(name: str) -> bool:
    """What macOS and Windows leave in archives."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return any(part in _LITTER or part.startswith("._") for part in parts)
