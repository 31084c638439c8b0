"""How masks compare with the truth. For reports only: nothing in here is known to the training."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from iem.interfaces import Dataset, Mask, Sample
from iem.metrics.confusion import IgnoreRule, Polarity, confusion

Row = dict[str, Any]
_POLARITIES: tuple[Polarity, ...] = ("fixed", "oracle")


def compare(
    dataset: Dataset,
    indices: Sequence[int],
    masks: Callable[[Sample], Mapping[str, Mask]],
    *,
    ignore_rule: IgnoreRule = "exclude",
    on_picture: Callable[[str, int], None] | None = None,
) -> list[Row]:
    """Measure several methods on the same pictures.

    Args:
        dataset: pictures and their truth.
        indices: which of them.
        masks: method -> mask of a sample, whose truth is nobody's business but this function's.
        ignore_rule: see ``iem.metrics.confusion``.
        on_picture: called with the name and how many there are, after each.

    Returns:
        A row per picture: its name, and per method ``<method>/iou_fixed`` and so on.
    """
    rows: list[Row] = []
    for index in indices:
        sample = dataset[index]
        row: Row = {"name": sample.name}
        for name, mask in masks(sample).items():
            counts = confusion(mask, sample.truth, ignore=sample.ignore, ignore_rule=ignore_rule)
            for polarity in _POLARITIES:
                scores = counts.scores(polarity)
                row |= {f"{name}/{metric}_{polarity}": float(score) for metric, score in scores.items()}
        rows.append(row)
        if on_picture is not None:
            on_picture(sample.name, len(indices))
    return rows


def mean_rows(rows: Sequence[Row]) -> dict[str, float]:
    """Per-image means of every number, over the pictures where it is defined; NaN if there are none.

    >>> mean_rows([{"name": "a", "x/iou_fixed": 0.5}, {"name": "b", "x/iou_fixed": float("nan")}])
    {'x/iou_fixed': 0.5}
    """
    means = {}
    for key in [key for key in (rows[0] if rows else {}) if key != "name"]:
        known = [row[key] for row in rows if row[key] == row[key]]
        means[key] = sum(known) / len(known) if known else float("nan")
    return means
