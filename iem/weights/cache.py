"""Where fetched files lie, and what is remembered of each: its sum, its size, and why it is trusted."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from iem.images import write_atomic
from iem.weights.checkpoint import Checkpoint
from iem.weights.folders import cache_folder
from iem.weights.hub_cache import snapshot

_RECORD = "record.json"


@dataclass(frozen=True)
class Record:
    """What is remembered of a file in the cache.

    Attributes:
        sha256: of the file.
        size: in bytes.
        trust: "pinned" (compared with the table), "first" (nobody states a sum: it was kept at the first download),
            "remembered" (compared with that) or "accepted" (another than expected, as the user allowed).
        origin: where it came from.
    """

    sha256: str
    size: int
    trust: str
    origin: str


def file_of(entry: Checkpoint) -> Path:
    """Where the file of an entry belongs, whether it is there or not."""
    return cache_folder() / entry.name / entry.file


def locate(entry: Checkpoint) -> Path | None:
    """The file or folder of an entry where all of it is there; no file's content is looked at."""
    if entry.kind == "hub":
        return snapshot(entry.address, entry.files)
    path = file_of(entry)
    if not path.is_file():
        return None
    record = read_record(entry)
    return path if record is None or path.stat().st_size == record.size else None


def expected_sum(entry: Checkpoint, record: Record | None) -> str | None:
    """What the sum of an entry's file has to be; None where nobody says."""
    if record is not None and (record.trust == "accepted" or entry.sha256 is None):
        return record.sha256
    return entry.sha256


def read_record(entry: Checkpoint) -> Record | None:
    """What is remembered of an entry's file; None where nothing is, or what there is cannot be read."""
    try:
        found = json.loads((file_of(entry).parent / _RECORD).read_text(encoding="utf-8"))
        return Record(str(found["sha256"]), int(found["size"]), str(found["trust"]), str(found["origin"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(entry: Checkpoint, record: Record) -> None:
    """Remember a file.

    Raises:
        ImageError: it cannot be written.
    """
    write_atomic(file_of(entry).parent / _RECORD, (json.dumps(asdict(record), indent=2) + "\n").encode())
