"""What a run leaves behind, such that nothing finished is ever lost.

``metrics.jsonl`` is appended to and flushed, a line per event; ``result.json`` is written last and atomically: a folder
that has one is done.
"""

import json
import math
import os
import traceback
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from iem.images import ImageError, write_atomic


class EventLog:
    """An append-only file of JSON lines.

    A process that was killed may have left half a line. It is cut off when the log is opened again, so that every line
    in it is whole.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "metrics.jsonl"
    >>> path.write_text('{"step": 1}' + chr(10) + '{"ste')
    17
    >>> with EventLog(path) as log:
    ...     log.append({"step": 2, "iou": float("nan")})
    >>> list(read_events(path))
    [{'step': 1}, {'step': 2, 'iou': None}]
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab+")
        self._file.seek(0)
        whole = self._file.read().rfind(b"\n") + 1
        self._file.truncate(whole)

    def __enter__(self) -> "EventLog":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def append(self, *events: Mapping[str, Any]) -> None:
        """Write events, and hand them to the disk before going on."""
        for event in events:
            self._file.write(json.dumps(plain(event), ensure_ascii=False, allow_nan=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """The whole lines of a log; none if there is no such file."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield json.loads(line)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all; NaN becomes null."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomic(path, (text + "\n").encode())


def read_json(path: Path) -> dict[str, Any] | None:
    """What ``write_json`` wrote, or None if it is not there or not whole."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_failure(folder: Path, error: Exception) -> None:
    """Write ``failure.json``: what ended a run, in words and as Python tells it, and when."""
    words = " ".join(str(error).split()) or type(error).__name__
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    text = "".join(traceback.format_exception(error))
    try:
        write_json(
            folder / "failure.json", {"error": words, "type": type(error).__name__, "traceback": text, "when": now}
        )
    except (OSError, ImageError):  # a full disk is what failed: the error itself is about to be raised
        return


def plain(value: Any) -> Any:
    """Containers, numbers and text that JSON knows: NaN and infinity become None, paths and enums their text.

    >>> plain({"iou": float("nan"), "path": Path("a/b")})
    {'iou': None, 'path': 'a/b'}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)
