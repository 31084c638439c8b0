"""The table of segmenters side by side: how long, how much memory, how right."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from iem.runner.measuring import Row

Line = dict[str, Any]
_HEADS = {
    "method": ("Method", ""),
    "given": ("Given", ""),
    "seconds": ("Mask, s", ".2f"),
    "painting": ("Paint, s", ".2f"),
    "mib": ("Memory, MiB", ".0f"),
    "found": ("Found", ""),
    "iou": ("IoU", ".3f"),
    "left": ("Left", ".3f"),
    "outside": ("Outside", ".2f"),
    "pictures": ("Pictures", ""),
}
NOTE = (
    "Mean over pictures. Found: pictures with a mask. Left: the share of the object that is still to be seen. "
    "Outside: mean change of a colour outside the object, in levels of 255."
)


def as_plain(methods: Sequence[str], rows: Sequence[Row], memory: Mapping[str, float]) -> list[Line]:
    """One line per method, all with the same keys.

    Args:
        methods: in order.
        rows: of the run.
        memory: MiB by method.

    >>> rows = [{"method": "iem", "given": "box", "seconds": 1.0, "painting": 0.5, "area": 0.2, "iou": 0.75},
    ...         {"method": "iem", "given": "box", "seconds": 2.0, "painting": 0.5, "area": 0.0}]
    >>> [line] = as_plain(["iem"], rows, {})
    >>> line["seconds"], line["iou"], line["found"], line["mib"]
    (1.5, 0.75, 1, None)
    """
    lines = []
    for method in methods:
        own = [row for row in rows if row["method"] == method]
        line: Line = {"method": method, "given": ", ".join(dict.fromkeys(row["given"] for row in own))}
        line |= {key: _mean(own, key) for key in ("seconds", "painting")}
        line |= {"mib": memory.get(method), "found": sum(row["area"] > 0 for row in own)}
        line |= {key: _mean(own, key) for key in ("iou", "left", "outside")}
        lines.append({**line, "pictures": len(own)})
    return lines


def as_markdown(lines: Sequence[Line]) -> str:
    """The table and what its columns mean."""
    shown = _shown(lines)
    heads = [_HEADS[key][0] for key in shown]
    text = [f"| {' | '.join(heads)} |", "| --- | --- |" + " ---: |" * (len(heads) - 2)]
    text += [f"| {' | '.join(_cell(key, line[key]) for key in shown)} |" for line in lines]
    return "\n".join(text) + f"\n\n{NOTE}\n"


def as_text(lines: Sequence[Line]) -> str:
    """The table for a terminal."""
    table = Table(box=box.SIMPLE_HEAD)
    shown = _shown(lines)
    for key in shown:
        table.add_column(_HEADS[key][0], justify="left" if key in ("method", "given") else "right")
    for line in lines:
        table.add_row(*(_cell(key, line[key]) for key in shown))
    stream = io.StringIO()
    Console(file=stream, width=100).print(table, NOTE, highlight=False)
    return stream.getvalue()


def _shown(lines: Sequence[Line]) -> list[str]:
    """Columns without a value are left out."""
    return [key for key in _HEADS if any(line[key] is not None for line in lines)]


def _cell(key: str, value: Any) -> str:
    return "\N{EN DASH}" if value is None or value == "" else format(value, _HEADS[key][1])


def _mean(rows: Sequence[Row], key: str) -> float | None:
    known = [float(row[key]) for row in rows if row.get(key) is not None and not math.isnan(float(row[key]))]
    return math.fsum(known) / len(known) if known else None
