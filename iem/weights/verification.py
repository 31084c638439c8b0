"""Whether what was fetched is still what it was."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from iem.weights.cache import expected_sum, file_of, read_record
from iem.weights.checkpoint import Checkpoint
from iem.weights.hub_cache import missing_of, partial_snapshot, snapshot
from iem.weights.sums import digest

#: What has gone wrong, where something has.
BAD = ("missing", "truncated", "altered")


@dataclass(frozen=True)
class Verdict:
    """What was found of an entry.

    Attributes:
        entry: which one.
        state: "whole", "unverified" (nobody states a sum), "missing", "truncated" or "altered".
        words: more about it.
        path: its file or folder; None if missing.
    """

    entry: Checkpoint
    state: str
    words: str
    path: Path | None = None


def verify(entry: Checkpoint) -> Verdict:
    """Compare an entry's files with their sums; every byte is read.

    >>> verify(Checkpoint("a", "b", "MIT", "hub", "nobody/nothing")).state
    'missing'
    """
    try:
        return _verify_repository(entry) if entry.kind == "hub" else _verify_file(entry)
    except OSError as error:
        return Verdict(entry, "altered", f"it cannot be read ({error.strerror or error})")


def _verify_file(entry: Checkpoint) -> Verdict:
    path, record = file_of(entry), read_record(entry)
    if not path.is_file():
        return Verdict(entry, "missing", "it is not fetched")
    size = path.stat().st_size
    if record is not None and size < record.size:
        return Verdict(entry, "truncated", f"it has {size:,} of {record.size:,} bytes", path)
    expected, found = expected_sum(entry, record), digest(path)
    if expected is None:
        return Verdict(entry, "unverified", f"sha256 {found}, with which nobody states what to compare", path)
    if found != expected:
        return Verdict(entry, "altered", f"sha256 {found}, expected {expected}", path)
    whence = f"as stated by {entry.sha256_from}" if expected == entry.sha256 else "as of the first download"
    if record is not None and record.trust == "accepted":
        whence = "as it was accepted"
    return Verdict(entry, "whole", f"sha256 {found}, {whence}", path)


def _verify_repository(entry: Checkpoint) -> Verdict:
    folder = snapshot(entry.address, entry.files)
    if folder is None:
        partial = partial_snapshot(entry.address)
        lacks = f"{missing_of(partial, entry.files)} is missing" if partial is not None else "it is not fetched"
        return Verdict(entry, "missing", lacks, partial)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    unknown = []
    for path in files:
        right = _has_hub_sum(path)
        if right is None:
            unknown.append(path)
        elif not right:
            return Verdict(entry, "altered", f"{path.relative_to(folder)} is altered or truncated", folder)
    if unknown:
        name = unknown[0].relative_to(folder)
        return Verdict(entry, "unverified", f"{len(unknown)} of {len(files)} files have no sum, {name} first", folder)
    return Verdict(entry, "whole", f"{len(files)} files, as the hub states their sums", folder)


def _has_hub_sum(path: Path) -> bool | None:
    """The hub's cache names what it holds by its sum: sha256 of large files, git's own of small ones."""
    name = path.resolve().name if path.is_symlink() else ""
    if re.fullmatch(r"[0-9a-f]{64}", name):
        return digest(path) == name
    if re.fullmatch(r"[0-9a-f]{40}", name):
        content = path.read_bytes()
        git = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
        git.update(content)
        return git.hexdigest() == name
    return None
