"""The numbers of a whole data set, from those of its pictures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from iem.metrics.confusion import Polarity
from iem.metrics.max_f import max_f

METRICS = ("iou", "miou", "dice", "accuracy", "mae")
POLARITIES: tuple[Polarity, ...] = ("fixed", "oracle")


def means(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Per-picture means of ``METRICS`` in both polarities, over the pictures where they are defined; and max-F.

    Sums are exact, so the order of the rows does not count.

    Args:
        rows: as a run's log has them, with the curves ``f_fixed`` and ``f_oracle`` that max-F needs.

    >>> means([{"iou_fixed": 0.5}, {"iou_fixed": None}])["iou_fixed"]
    0.5
    """
    found = {f"{name}_{polarity}": _mean(rows, f"{name}_{polarity}") for name in METRICS for polarity in POLARITIES}
    for polarity in POLARITIES:
        curves = [row[f"f_{polarity}"] for row in rows if row.get(f"f_{polarity}")]
        levels = [math.fsum(values) / len(curves) for values in zip(*map(unpack, curves), strict=True)]
        found[f"max_f_{polarity}"] = float(max_f(torch.tensor([levels], dtype=torch.float64))) if levels else math.nan
    return found


def pack(curve: Sequence[float]) -> list[list[float]]:
    """Runs of equal values, ``[value, length]``: the curve of a hard mask has but two or three.

    >>> pack([0.25, 0.25, 0.5])
    [[0.25, 2], [0.5, 1]]
    """
    runs: list[list[float]] = []
    for value in curve:
        if runs and runs[-1][0] == value:
            runs[-1][1] += 1
        else:
            runs.append([value, 1])
    return runs


def unpack(runs: Sequence[Sequence[float]]) -> list[float]:
    """What ``pack`` was given."""
    return [value for value, length in runs for _ in range(int(length))]


def _mean(rows: Sequence[Mapping[str, Any]], key: str) -> float:
    known = [row[key] for row in rows if row.get(key) is not None and not math.isnan(row[key])]
    return math.fsum(known) / len(known) if known else math.nan
