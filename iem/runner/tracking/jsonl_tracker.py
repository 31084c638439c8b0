"""A run watched through plain files beside its results."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, BinaryIO

from iem.images import short_side, write_atomic, write_image
from iem.interfaces import Image, Mask, RunIdentity
from iem.runner.results import EventLog, plain, write_json
from iem.runner.tracking.troubles import Troubles
from iem.visualise import overlay

_SHORT_SIDE = 256  # pixels, of the pictures


class JsonlTracker:
    """Writes what W&B would be told to ``history.jsonl`` and ``summary.json`` in the run's folder.

    A row has its axis, its values (NaN becomes null) and ``time``, in seconds since 1970; it can be read as soon as it
    is logged. Rows of a run that is continued follow those from before. Pictures go to ``media``, with their mask in
    white and the truth dashed; their row has the file's name. Tables go to ``<key>.jsonl``.

    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> tracker = JsonlTracker()
    >>> tracker.start(RunIdentity("1f", "a run", folder))
    >>> tracker.log(1, {"opt/iou": 0.5})
    >>> tracker.finish({"iou": 0.5})
    >>> row = json.loads((folder / "history.jsonl").read_text())
    >>> row["opt/iter"], row["opt/iou"]
    (1, 0.5)
    """

    def __init__(self) -> None:
        self._troubles = Troubles("history.jsonl", "metrics.jsonl has all rows")
        self._file: BinaryIO | None = None
        self._identity: RunIdentity | None = None

    def start(self, identity: RunIdentity) -> None:
        """Begin, or continue the run in that folder."""
        self._close()
        self._troubles, self._identity = Troubles("history.jsonl", "metrics.jsonl has all rows"), identity

        def begin() -> None:
            path = identity.folder / "history.jsonl"
            with EventLog(path):  # cuts off half a line that a killed process may have left
                pass
            self._file = path.open("ab")

        self._troubles.attempt("begin", begin)

    def log(self, step: int, metrics: Mapping[str, float], axis: str = "opt/iter") -> None:
        """One row, at ``step`` of the axis of that name."""
        self._troubles.attempt("write a row", lambda: self._append({axis: step, **metrics}))

    def image(self, key: str, step: int, image: Image, masks: Mapping[str, Mask], axis: str = "opt/iter") -> None:
        """A picture with its mask "prediction", or the first there is, and "truth"."""
        identity = self._identity
        if identity is None:
            return

        def write() -> None:
            path = identity.folder / "media" / f"{key}_{step}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            shown = {name: _small(mask) for name, mask in masks.items()}
            truth = shown.pop("truth", None)
            picture = _small(image)
            for mask in [shown[name] for name in ("prediction", *shown) if name in shown][:1]:
                picture = overlay(picture, mask, truth=truth)
            write_image(path, picture)
            self._append({axis: step, key: path.relative_to(identity.folder).as_posix()})

        self._troubles.attempt("write a picture", write)

    def table(self, key: str, rows: Sequence[Mapping[str, object]]) -> None:
        """A table; a line per row."""
        identity = self._identity
        if identity is None:
            return

        def write() -> None:
            path = identity.folder / f"{key}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, b"".join(_line(row) for row in rows))

        self._troubles.attempt("write a table", write)

    def finish(self, summary: Mapping[str, float], *, failed: bool = False) -> None:
        """End, with the numbers that count."""
        identity = self._identity
        if identity is not None:
            about = {field.name: getattr(identity, field.name) for field in fields(identity) if field.name != "folder"}
            content = {**about, "failed": failed, "summary": dict(summary)}
            self._troubles.attempt("write the summary", lambda: write_json(identity.folder / "summary.json", content))
        self._close()

    def _append(self, row: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._file.write(_line({**row, "time": time.time()}))
            self._file.flush()

    def _close(self) -> None:
        file, self._file, self._identity = self._file, None, None
        if file is not None:
            self._troubles.attempt("close its file", file.close)


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(plain(row), ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _small(picture: Any) -> Any:
    return short_side(picture, _SHORT_SIDE, enlarge=False).clamp(0, 1)
