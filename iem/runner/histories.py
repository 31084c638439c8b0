"""How a run's pictures went, step by step, read back from its log."""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

Histories = dict[str, dict[str, list[float]]]


def histories(events: Iterable[Mapping[str, Any]], names: Collection[str]) -> Histories:
    """Picture -> quantity -> values after each step, for the pictures named; what is undefined is NaN.

    Args:
        events: of the log, in order. Of a picture that was begun twice the last time counts.
        names: the pictures wanted.

    >>> log = [{"event": "step", "name": "cat", "step": 1, "score": 0.5}, {"event": "picture", "name": "cat"}]
    >>> histories(log, ["cat"])
    {'cat': {'score': [0.5]}}
    """
    found: Histories = {name: {} for name in names}
    for event in events:
        if event["event"] != "step" or event["name"] not in found:
            continue
        if event["step"] == 1:
            found[event["name"]] = {}
        for quantity, value in event.items():
            if quantity not in ("event", "name", "step"):
                values = found[event["name"]].setdefault(quantity, [])
                values.append(math.nan if value is None else float(value))
    return {name: history for name, history in found.items() if history}


def mean_history(found: Mapping[str, Mapping[str, list[float]]]) -> dict[str, list[float]]:
    """Quantity -> mean over the pictures after each step; a picture that has settled keeps its last value, and moves 0.

    >>> mean_history({"a": {"score": [1.0, 3.0]}, "b": {"score": [5.0]}})
    {'score': [3.0, 4.0]}
    """
    means: dict[str, list[float]] = {}
    for quantity in sorted({quantity for history in found.values() for quantity in history}):
        series = [history[quantity] for history in found.values() if quantity in history]
        longest = max(map(len, series))
        # A last value that is unknown is held as the one before: a term is not measured anew after the last step.
        held = np.array([_held(values, longest, settles_at_zero=quantity == "moved") for values in series])
        known = ~np.isnan(held)
        total = np.where(known, held, 0).sum(0)
        count = known.sum(0)
        means[quantity] = np.where(count > 0, total / np.maximum(count, 1), np.nan).tolist()
    return means


def _held(values: list[float], length: int, *, settles_at_zero: bool) -> list[float]:
    known = [value for value in values if not math.isnan(value)]
    last = 0.0 if settles_at_zero else known[-1] if known else math.nan
    tail = len(values)
    while tail and math.isnan(values[tail - 1]):
        tail -= 1
    return values[:tail] + [last] * (length - tail)
