"""Getting a data set: download, compare sums, unpack, remember; every step may be interrupted and is done once."""

import contextlib
import hashlib
import importlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from iem import images
from iem.datasets.catalogue import CatalogueEntry, RemoteFile
from iem.datasets.unpacking import UnpackingError, remove_leftovers, unpack
from iem.images.errors import writing_reason
from iem.transfer import ResumingDownloader, TransferError

#: In the data set's folder: what was downloaded, with its sum.
RECORD = "download.json"
#: Where archives wait to be unpacked.
WAITING = ".downloads"

_ROOM = 64 * 10**6
_MOST_GROWTH = 20

#: ``(file, bytes so far, bytes in all or None)``.
OnProgress = Callable[[RemoteFile, int, int | None], None]


class DownloadError(Exception):
    """A data set that could not be got: one sentence."""


@dataclass(frozen=True)
class Got:
    """What became of one file.

    Attributes:
        file: which one.
        sha256: of the file as it was downloaded.
        trust: "pinned" (compared with the catalogue), "remembered" (compared with the first download), "first" (nobody
            states a sum, this one is kept from now on), "accepted" (another than expected, as the user allowed) or
            "there already".
    """

    file: RemoteFile
    sha256: str
    trust: str


def get(
    entry: CatalogueEntry,
    folder: Path,
    *,
    accept_changed: bool = False,
    keep_archives: bool = False,
    attempts: int = 5,
    pause: float = 1.0,
    timeout: float = 60.0,
    on_progress: OnProgress | None = None,
) -> list[Got]:
    """Download a data set's files into ``folder`` and unpack them; what is there already is not fetched again.

    Args:
        entry: of the catalogue.
        folder: the data set's own folder.
        accept_changed: take a file whose sum is another one than expected.
        keep_archives: leave the archives in ``.downloads/``.
        attempts: how often to try while nothing comes.
        pause: seconds before the second try.
        timeout: seconds without a byte that end a try.
        on_progress: shown every piece.

    Raises:
        DownloadError: anything that went wrong; what has come is kept, and the same command goes on.
        ModuleNotFoundError: the extra ``data`` is not installed.
    """
    _import_pooch()
    waiting = folder / WAITING
    try:
        waiting.mkdir(parents=True, exist_ok=True)
        with _alone(waiting / "lock", folder):
            record = _read_record(folder / RECORD)
            _check_space(entry, folder, record)
            got = []
            for file in entry.files:

                def show(done: int, total: int | None, file: RemoteFile = file) -> None:
                    if on_progress is not None:
                        on_progress(file, done, total)

                downloader = ResumingDownloader(waiting / f"{file.name}.part", attempts, pause, timeout, show)
                got.append(_get_one(file, folder, record, downloader, accept_changed, keep_archives))
        if not keep_archives:
            shutil.rmtree(waiting, ignore_errors=True)
    except (TransferError, UnpackingError) as error:
        raise DownloadError(str(error)) from error
    except images.ImageError as error:
        raise DownloadError(f"{error.path}: {error.reason}") from error
    except OSError as error:
        raise DownloadError(f"{folder}: {writing_reason(error)}") from error
    return got


def read_sums(folder: Path) -> Mapping[str, str]:
    """The sums of what was downloaded into a folder, by address; empty where nothing was."""
    return {url: entry["sha256"] for url, entry in _read_record(folder / RECORD).items()}


def _get_one(
    file: RemoteFile,
    folder: Path,
    record: dict[str, Any],
    downloader: ResumingDownloader,
    accept_changed: bool,
    keep: bool,
) -> Got:
    """Download and install one file, and add it to the record; nothing where the record says that it is there."""
    place = folder / file.folder
    known = record.get(file.url)
    if known is not None and all((place / name).exists() for name in known["names"]):
        return Got(file, known["sha256"], "there already")
    path, trust = _download(file, folder / WAITING, downloader, known, accept_changed)
    sha256 = _digest(path, "sha256")
    names = _install(file, path, place, keep)
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    record[file.url] = {"file": file.name, "sha256": sha256, "trust": trust, "names": names, "when": when}
    images.write_atomic(folder / RECORD, (json.dumps(record, indent=2) + "\n").encode())
    return Got(file, sha256, trust)


@contextlib.contextmanager
def _alone(path: Path, folder: Path) -> Iterator[None]:
    """Nobody else downloads into the same folder meanwhile; a killed process leaves nothing that is in the way."""
    with path.open("wb") as file:
        if os.name == "posix":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DownloadError(
                    f"{folder}: another process is downloading into this folder; wait for it, or end it"
                ) from None
        yield


def _download(
    file: RemoteFile,
    waiting: Path,
    downloader: ResumingDownloader,
    known: Mapping[str, Any] | None,
    accept_changed: bool,
) -> tuple[Path, str]:
    """The whole file with the right sum, and why it is trusted."""
    pooch = _import_pooch()
    expected = file.sum or (f"sha256:{known['sha256']}" if known is not None else None)
    trust = "pinned" if file.sum else "first" if known is None else "remembered"
    path = waiting / file.name
    if not path.is_file() or not _has_sum(path, expected):
        if path.is_file():
            path.unlink()
        pooch.retrieve(file.url, known_hash=None, fname=file.name, path=waiting, downloader=downloader)
    if expected is None or _has_sum(path, expected):
        return path, trust
    if accept_changed:
        return path, "accepted"
    algorithm, _, wanted = expected.partition(":")
    found = _digest(path, algorithm)
    whence = f"as {file.sum_from} states" if file.sum else "as of the first download"
    path.unlink()
    raise DownloadError(
        f"{file.url}: expected the {algorithm} sum {wanted} ({whence}), got {found}; the file was damaged on its "
        "way or has been replaced, so it was removed: try again, or take it as it is with --accept-changed"
    )


def _install(file: RemoteFile, path: Path, place: Path, keep: bool) -> list[str]:
    """Put a file, or what is in it, where it belongs; the names that are there then."""
    place.mkdir(parents=True, exist_ok=True)
    if not file.unpack:
        os.replace(path, place / file.name)  # noqa: PTH105 (as elsewhere)
        return [file.name]
    remove_leftovers(place)
    limit = max(_MOST_GROWTH * path.stat().st_size, _ROOM)
    try:
        names = unpack(path, place, max_bytes=limit)
    except UnpackingError:
        path.unlink(missing_ok=True)  # else the next call would find it whole and fail alike
        raise
    if not keep:
        path.unlink()
    return list(names)


def _check_space(entry: CatalogueEntry, folder: Path, record: Mapping[str, Any]) -> None:
    """Room for what is missing, packed and unpacked at once."""
    missing = [file for file in entry.files if file.url not in record]
    waiting = folder / WAITING
    here = sum(path.stat().st_size for path in waiting.iterdir()) if waiting.is_dir() else 0
    needed = sum(2 * file.size if file.unpack else file.size for file in missing) - here
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(
            f"{folder}: expected {needed / 1e9:.1f} GB of free space ({entry.name}, packed and unpacked), found "
            f"{free / 1e9:.1f} GB; free some or choose another folder with -o"
        )


def _read_record(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {
            url: {"sha256": str(each["sha256"]), **each, "names": list(each["names"])} for url, each in record.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DownloadError(f"{path}: expected the record of downloads, but it is damaged; remove it") from error


def _has_sum(path: Path, expected: str | None) -> bool:
    """Whether a file has the sum; one whose sum nobody states is as good as any."""
    if expected is None:
        return True
    algorithm, _, wanted = expected.partition(":")
    return _digest(path, algorithm) == wanted.lower()


def _digest(path: Path, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _import_pooch() -> Any:
    try:
        pooch: Any = importlib.import_module("pooch")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("iem data get needs pooch; install it with: pip install 'iem[data]'") from error
    pooch.get_logger().setLevel(logging.WARNING)  # it reports sums as if they were news
    return pooch
