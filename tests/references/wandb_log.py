"""What is in a run's ``.wandb`` file, read by W&B's own messages: every row, the settings, the summary, the end."""

import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

BLOCK = 32 * 1024


@dataclass
class Recorded:
    id: str = ""
    name: str = ""
    project: str = ""
    group: str = ""
    job_type: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    axes: dict[str, str] = field(default_factory=dict)
    exit_code: int | None = None

    def rows(self, axis: str) -> list[dict[str, Any]]:
        """The rows of one axis, without what W&B adds."""
        own = [{key: value for key, value in row.items() if key[0] != "_"} for row in self.history]
        return [row for row in own if axis in row]


def recorded(folder: Path) -> Recorded:
    """The only run in a job's folder."""
    (path,) = folder.glob("wandb/*run-*/run-*.wandb")
    return read(path)


def read(path: Path) -> Recorded:
    found = Recorded()
    for record in records(path.read_bytes()):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = record.run
            found.id, found.name, found.project, found.notes = run.run_id, run.display_name, run.project, run.notes
            found.group, found.job_type, found.tags = run.run_group, run.job_type, tuple(run.tags)
            found.config |= unfolded(run.config.update)
        elif kind == "config":
            found.config |= unfolded(record.config.update)
        elif kind == "history":
            found.history.append(unfolded(record.history.item))
        elif kind == "summary":
            found.summary |= unfolded(record.summary.update)
        elif kind == "metric":
            found.axes[record.metric.name or record.metric.glob_name] = record.metric.step_metric
        elif kind == "exit":
            found.exit_code = record.exit.exit_code
    return found


def records(data: bytes) -> Iterator[Record]:
    """The whole records; a file that ends in the middle of one is read up to there."""
    assert data[:4] == b":W&B", data[:7]
    assert int.from_bytes(data[4:6], "little") == 0xBEE1
    begun = bytearray()
    at = 7
    while True:
        if BLOCK - at % BLOCK < 7:  # no room for another head in this block
            at += BLOCK - at % BLOCK
        head = data[at : at + 7]
        body = data[at + 7 : at + 7 + int.from_bytes(head[4:6], "little")]
        if len(head) < 7 or len(body) < int.from_bytes(head[4:6], "little") or head[6] == 0:
            return
        assert binascii.crc32(head[6:] + body) == int.from_bytes(head[:4], "little"), f"checksum at byte {at}"
        at += 7 + len(body)
        begun += body
        if head[6] in (1, 4):  # whole, or the last part
            yield Record.FromString(bytes(begun))
            begun.clear()


def unfolded(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}
