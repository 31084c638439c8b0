"""Getting weights that somebody asked for: a file over HTTP or from this disk, or a repository of the hub."""

import contextlib
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from iem import images
from iem.images.errors import printable, writing_reason
from iem.transfer import OnBytes, ResumingDownloader, TransferError
from iem.weights.cache import Record, expected_sum, file_of, locate, read_record, write_record
from iem.weights.checkpoint import PICKLE, Checkpoint
from iem.weights.hub import HubError, download_repository
from iem.weights.sums import digest
from iem.weights.tensors import read_tensors
from iem.weights.verification import verify


class FetchError(Exception):
    """Weights that could not be got: one sentence."""


@dataclass(frozen=True)
class Fetched:
    """What became of an entry.

    Attributes:
        entry: which one.
        path: its file, or its folder.
        sha256: of the file; None of a folder.
        trust: as in ``Record``, or "there already", or "hub" (compared with the hub's own sums as it came).
    """

    entry: Checkpoint
    path: Path
    sha256: str | None
    trust: str


def fetch(
    entry: Checkpoint,
    *,
    accept_changed: bool = False,
    attempts: int = 5,
    pause: float = 1.0,
    timeout: float = 60.0,
    on_bytes: OnBytes | None = None,
) -> Fetched:
    """Download an entry into the cache; what is there and whole is not fetched again.

    Args:
        entry: of the table.
        accept_changed: take a file whose sum is another one than expected.
        attempts: how often to try while nothing comes.
        pause: seconds before the second try.
        timeout: seconds without a byte that end a try.
        on_bytes: shown every piece of a file; repositories show their own progress.

    Raises:
        FetchError: anything that went wrong; what has come is kept, and the same call goes on.
    """
    if entry.kind == "hub":
        return _fetch_repository(entry)
    with _problems(entry), _alone(entry):
        path, record = file_of(entry), read_record(entry)
        if path.is_file() and digest(path) == (expected := expected_sum(entry, record)):
            if record is None:
                write_record(entry, Record(str(expected), path.stat().st_size, "pinned", entry.address))
            return Fetched(entry, path, expected, "there already")
        if entry.kind == "page":
            raise FetchError(
                f"{entry.name}: its publishers' page cannot be downloaded from by a program; open {entry.address} in "
                f"a browser, then: iem models get {entry.name} --from {entry.file}"
            )
        whole = path.parent / f"{entry.address.rpartition('/')[2]}.whole"
        if not whole.is_file():
            part = whole.with_suffix(".part")
            _check_space(entry, part)
            ResumingDownloader(part, attempts, pause, timeout, on_bytes)(entry.address, str(whole))
        try:
            fetched = _install(entry, whole, record, accept_changed, entry.address)
        except FetchError:
            whole.unlink(missing_ok=True)  # else the next call would fail alike
            raise
        whole.unlink(missing_ok=True)
        return fetched


def register(entry: Checkpoint, source: Path, *, accept_changed: bool = False) -> Fetched:
    """Copy a file that was downloaded by hand into the cache, after the same checks.

    Args:
        entry: of the table, of kind "file" or "page".
        source: the file; where the entry is a part of an archive, either of them.
        accept_changed: take a file whose sum is another one than expected.

    Raises:
        FetchError: it is another file, damaged, or cannot be copied.
    """
    if entry.kind == "hub":
        raise FetchError(
            f"{entry.name}: it is a folder of the hub, not a file; give the folder itself where it is asked"
        )
    if not source.is_file():
        got = "a folder" if source.is_dir() else "a path where nothing is"
        raise FetchError(f"{entry.name}: expected the file {entry.file}, got {got}: {printable(str(source))}")
    with _problems(entry), _alone(entry):
        return _install(entry, source, read_record(entry), accept_changed, str(source.absolute()))


def _fetch_repository(entry: Checkpoint) -> Fetched:
    was_here = locate(entry) is not None
    try:
        folder = download_repository(entry)
    except HubError as error:
        raise FetchError(str(error)) from error
    verdict = verify(entry)  # the hub's library looks at sizes alone
    if verdict.state == "altered":
        raise FetchError(
            f"{entry.name}: {verdict.words}; remove {printable(str(folder.parents[1]))} and run the same command again"
        )
    return Fetched(entry, folder, None, "there already" if was_here and entry.files else "hub")


def _install(entry: Checkpoint, source: Path, record: Record | None, accept_changed: bool, origin: str) -> Fetched:
    """Copy what is needed of a file to its place, if its sum is right; the source stays."""
    path = file_of(entry)
    incoming = path.with_name(f"{path.name}.incoming")
    try:
        if not _extract(entry, source, incoming):
            shutil.copyfile(source, incoming)
        found = digest(incoming)
        expected = expected_sum(entry, record)
        trust = "first" if expected is None else "pinned" if expected == entry.sha256 else "remembered"
        if expected not in (None, found):
            if not accept_changed:
                whence = f"as stated by {entry.sha256_from}" if expected == entry.sha256 else "as of the first download"
                raise FetchError(
                    f"{printable(origin)}: expected the sha256 sum {expected} ({whence}), got {found}; the file is "
                    "truncated or altered and was not kept: try again, or take it as it is with --accept-changed"
                )
            trust = "accepted"
        if trust in ("first", "accepted") and entry.format == PICKLE:
            _check_content(entry, incoming, origin)
        os.replace(incoming, path)  # noqa: PTH105 (as elsewhere)
    finally:
        incoming.unlink(missing_ok=True)
    write_record(entry, Record(found, path.stat().st_size, trust, origin))
    return Fetched(entry, path, found, trust)


def _extract(entry: Checkpoint, source: Path, target: Path) -> bool:
    """Take the wanted file out of an archive; False where the source is no such archive."""
    if entry.member is None or not zipfile.is_zipfile(source):
        return False
    try:
        with zipfile.ZipFile(source) as archive:
            if entry.member not in archive.namelist():
                return False
            with archive.open(entry.member) as packed, target.open("wb") as file:
                shutil.copyfileobj(packed, file, 1 << 20)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise FetchError(
            f"{printable(str(source))}: expected an archive with {entry.member}, got one that is damaged ({error}); "
            "it was not kept: download it anew"
        ) from error
    return True


def _check_content(entry: Checkpoint, path: Path, origin: str) -> None:
    """A file that nobody states a sum for at least has to hold tensors: often it is a page of the server instead."""
    try:
        read_tensors(path, key=entry.name, wanted=f"weights in {printable(origin)}")
    except ValueError as error:
        raise FetchError(
            f"{entry.name}: expected {entry.format} in {printable(origin)}, got a file that is truncated or holds no "
            "weights; it was not kept: download it anew"
        ) from error


@contextlib.contextmanager
def _problems(entry: Checkpoint) -> Iterator[None]:
    try:
        yield
    except TransferError as error:
        raise FetchError(str(error)) from error
    except images.ImageError as error:
        raise FetchError(f"{error.path}: {error.reason}") from error
    except OSError as error:
        raise FetchError(f"{printable(str(file_of(entry).parent))}: {writing_reason(error)}") from error


@contextlib.contextmanager
def _alone(entry: Checkpoint) -> Iterator[None]:
    """Nobody else fetches the same entry meanwhile; a killed process leaves nothing that is in the way."""
    folder = file_of(entry).parent
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("wb") as file:
        if os.name == "posix":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise FetchError(f"{entry.name}: another process is fetching it; wait for it, or end it") from None
        yield


def _check_space(entry: Checkpoint, part: Path) -> None:
    """Room for the download and for the file that is made of it."""
    if entry.size is None:
        return
    here = part.stat().st_size if part.is_file() else 0
    needed = 2 * entry.size - here
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise FetchError(
            f"{printable(str(part.parent))}: expected {needed / 1e9:.2f} GB of free space for {entry.name}, found "
            f"{free / 1e9:.2f} GB; free some, or choose another folder with --root"
        )
