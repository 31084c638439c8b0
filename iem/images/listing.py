"""Which pictures a user means by files and folders, and where their results go."""

import hashlib
import os
import stat
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from iem.images.errors import ImageError, reading_reason
from iem.images.formats import FORMATS, HEAD, has_picture_extension, sniff
from iem.images.sources import open_regular
from iem.images.writing import StrPath

#: Leaves room for endings such as "_cutout.png" within the 255 bytes that disks allow.
_LONGEST_STEM = 200


@dataclass(frozen=True)
class Listed:
    """One picture to work on, or one entry that could not be.

    Attributes:
        path: the file.
        relative: its place under the input folder; the bare name of a file that was named itself.
        stem: the name of its results without ending: differs from that of every other picture of the same folder, also
            where capitals or unicode forms do not count, and has at most 200 bytes.
        error: why it cannot be read, None if it seems fine.
    """

    path: Path
    relative: PurePath
    stem: str
    error: ImageError | None = None

    def output(self, folder: StrPath, ending: str) -> Path:
        """Where to write a result: under ``folder``, with the input's tree kept.

        >>> listed = Listed(Path("in/birds/a.png"), PurePath("birds/a.png"), "a")
        >>> listed.output("out", "_mask.png").as_posix()
        'out/birds/a_mask.png'
        """
        return Path(folder, *map(_plain, self.relative.parent.parts), self.stem + ending)


def list_pictures(inputs: Iterable[StrPath], *, exclude: StrPath | None = None) -> list[Listed]:
    """List files and, recursively, the pictures in folders, each once, folders in the order of their names.

    A file named itself is kept whatever it is called. In a folder, files are kept that begin like a picture or are
    called like one, hidden ones left out. What cannot be read is an entry with an ``error``, never an exception.

    Args:
        inputs: files and folders.
        exclude: a folder not to look into, such as the output folder.
    """
    if isinstance(inputs, str | bytes | os.PathLike):
        raise TypeError(f"inputs: expected a list of paths, got one {type(inputs).__name__}; put it into a list")
    seen: set[str] = set()
    found = []
    for source in inputs:
        for entry in _entries(source, exclude):
            identity = os.path.join(os.path.realpath(entry.path.parent), entry.path.name)  # noqa: PTH118
            if identity not in seen:
                seen.add(identity)
                found.append(entry)
    return _with_stems(found)


def _entries(source: StrPath, exclude: StrPath | None) -> Iterator[Listed]:
    path = Path(source)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        yield _listed(path, reason=reading_reason(error))
        return
    if stat.S_ISREG(mode):
        yield _listed(path)
    elif not stat.S_ISDIR(mode):
        yield _listed(path, reason="a pipe or device, not a regular file; save the picture as a file")
    elif exclude is not None and _same(path, exclude):
        yield _listed(path, reason="the output folder is the input folder; choose another output folder")
    else:
        entries = list(_walk(path, PurePath(), exclude, set()))
        yield from entries
        if not entries:
            yield _listed(path, reason=f"no picture in this folder; supported are {', '.join(FORMATS)}")


def _walk(folder: Path, place: PurePath, exclude: StrPath | None, seen: set[tuple[int, int]]) -> Iterator[Listed]:
    """A folder's files in the order of their names, then its folders, each visited once whatever links lead to it."""
    try:
        status = folder.stat()
        names = sorted(os.listdir(folder))  # noqa: PTH208 (names, not paths, are sorted)
    except OSError as error:
        yield _listed(folder, place, reading_reason(error))
        return
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return
    seen.add(identity)
    folders = []
    for name in names:
        path = folder / name
        if name.startswith("."):
            continue
        if not os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises where permission is missing)
            if (entry := _file(path, place / name)) is not None:
                yield entry
        elif exclude is None or not _same(path, exclude):
            folders.append(name)
    for name in folders:
        yield from _walk(folder / name, place / name, exclude, seen)


def _file(path: Path, relative: PurePath) -> Listed | None:
    """An entry for what looks like a picture, None for anything else."""
    called_picture = has_picture_extension(path.suffix)
    try:
        with open_regular(path) as file:
            return _listed(path, relative) if called_picture or sniff(file.read(HEAD)) else None
    except ImageError as error:
        return _listed(path, relative, error.reason) if called_picture else None
    except OSError as error:
        # without permission nobody can tell what it is: say so rather than skip a picture
        told = called_picture or isinstance(error, PermissionError)
        return _listed(path, relative, reading_reason(error)) if told else None


def _listed(path: Path, relative: PurePath | None = None, reason: str | None = None) -> Listed:
    relative = PurePath(path.name) if relative is None else relative
    return Listed(path, relative, _plain(path.stem), None if reason is None else ImageError(path, reason))


def _same(path: Path, other: StrPath) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


def _with_stems(entries: list[Listed]) -> list[Listed]:
    """Tell equal stems apart by the file's kind (a.png, a.jpg: a_png, a_jpg), and where that fails by a short hash."""
    entries = [replace(entry, stem=_short(entry.stem)) for entry in entries]
    entries = _renamed(entries, lambda entry: f"{entry.stem}_{_plain(entry.path.suffix[1:])}".removesuffix("_"))
    return _renamed(entries, lambda entry: f"{entry.stem}_{_digest(os.fspath(entry.path))}")


def _renamed(entries: list[Listed], rename: Callable[[Listed], str]) -> list[Listed]:
    groups: dict[tuple[str, str], int] = {}
    for entry in entries:
        groups[_key(entry)] = groups.get(_key(entry), 0) + 1
    return [replace(entry, stem=_short(rename(entry))) if groups[_key(entry)] > 1 else entry for entry in entries]


def _key(entry: Listed) -> tuple[str, str]:
    return _folded(entry.relative.parent.as_posix()), _folded(entry.stem)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _short(stem: str) -> str:
    encoded = stem.encode()
    if len(encoded) <= _LONGEST_STEM:
        return stem
    return encoded[: _LONGEST_STEM - 9].decode(errors="ignore") + "_" + _digest(stem)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]


def _plain(name: str) -> str:
    """The name without control characters and undecodable bytes, which logs, JSON and web pages cannot hold."""
    return "".join("_" if unicodedata.category(c) in ("Cc", "Cs") else c for c in name)
