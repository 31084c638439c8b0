"""The table that a run ends with, as plain text: it must read well in a terminal, a log file and a notebook."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = {
    "name": "photo",
    "iou_fixed": "IoU fixed",
    "iou_oracle": "IoU oracle",
    "score": "score",
    "steps": "steps",
    "status": "status",
    "seconds": "seconds",
}
FORMATS = {"iou_fixed": ".3f", "iou_oracle": ".3f", "score": ".3f", "seconds": ".2f"}


def table(rows: Sequence[Mapping[str, Any]], means: Mapping[str, float], *, most: int = 40) -> str:
    """Rows and, under a line, the means of the IoU.

    Args:
        rows: with the keys of ``COLUMNS``.
        means: with ``iou_fixed`` and ``iou_oracle``.
        most: so many rows are shown; the middle ones are left out.

    >>> row = {"name": "cat", "iou_fixed": 0.5, "iou_oracle": 0.5, "score": 1, "steps": 7, "status": "converged",
    ...        "seconds": 0.1}
    >>> print(table([row], {"iou_fixed": 0.5, "iou_oracle": 0.5}))
    photo  IoU fixed  IoU oracle  score  steps  status     seconds
    cat        0.500       0.500  1.000      7  converged     0.10
    --------------------------------------------------------------
    mean       0.500       0.500
    """
    shown = list(rows) if len(rows) <= most else [*rows[: most // 2], *rows[-(most // 2) :]]
    cells = [list(COLUMNS.values()), *([_cell(row, key) for key in COLUMNS] for row in shown)]
    mean = [_cell({"name": "mean", **means}, key) for key in COLUMNS]
    widths = [max(len(line[i]) for line in [*cells, mean]) for i in range(len(COLUMNS))]
    left = {list(COLUMNS).index(key) for key in ("name", "status")}

    def line(entries: Sequence[str]) -> str:
        aligned = (
            e.ljust(w) if i in left else e.rjust(w) for i, (e, w) in enumerate(zip(entries, widths, strict=True))
        )
        return "  ".join(aligned).rstrip()

    lines = [line(entries) for entries in cells]
    if len(shown) < len(rows):
        lines.insert(1 + most // 2, f"... {len(rows) - len(shown)} more, all of them in the report ...")
    return "\n".join([*lines, "-" * max(map(len, lines)), line(mean)])


def _cell(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if value is None:
        return "" if row.get("name") == "mean" else "-"
    if isinstance(value, int | float) and key in FORMATS:
        return format(value, FORMATS[key]) if math.isfinite(value) else "-"
    return str(value)
