"""Methods side by side on the same pictures: means, how sure they are, and what training adds to its teacher."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from iem.runner.means import POLARITIES, means

Rows = Mapping[str, Mapping[str, Any]]
Interval = tuple[float, float]
SMALLER_IS_BETTER = ("mae",)


@dataclass(frozen=True)
class Method:
    """One method on one data set.

    Attributes:
        name: the preset's.
        label: for people.
        rows: picture -> row of a run's log; with ``f_fixed`` and ``f_oracle`` if max-F is to be known.
        teacher: the name of the method whose masks it learned from; None for a method that did not learn.
        failure: why it has no rows, or not all.
    """

    name: str
    label: str
    rows: Rows = field(default_factory=dict)
    teacher: str | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Line:
    """A method's numbers on some pictures.

    Attributes:
        method: what they are of.
        pictures: how many the method has; fewer than others have if some could not be read.
        means: as ``iem.runner.means.means`` gives them.
        intervals: 95 % intervals of the means of the IoU, ``iou_fixed`` and ``iou_oracle``.
        seconds: per picture.
    """

    method: Method
    pictures: int
    means: Mapping[str, float]
    intervals: Mapping[str, Interval]
    seconds: float


@dataclass(frozen=True)
class Gain:
    """How much better one method is than another, on the pictures that both have.

    Attributes:
        method: the one.
        over: the other.
        polarity: of the IoU.
        pictures: that both have.
        mean: of the differences in IoU.
        interval: 95 % of that mean.
        better: share of the pictures on which the one is better.
    """

    method: Method
    over: Method
    polarity: str
    pictures: int
    mean: float
    interval: Interval
    better: float


@dataclass(frozen=True)
class Comparison:
    """All methods on one data set.

    Attributes:
        name: of the data set.
        pictures: how many it has.
        held_back: how many of these no method learned from.
        whole: the methods that did not learn, on all pictures.
        apart: all methods, on the pictures held back; empty if none learned.
        gains: of the methods that learned, over their teachers, on the pictures held back.
        failures: label -> why a method has no numbers, or not all.
    """

    name: str
    pictures: int
    held_back: int
    whole: tuple[Line, ...]
    apart: tuple[Line, ...]
    gains: tuple[Gain, ...]
    failures: Mapping[str, str]


def compare(
    name: str, names: Sequence[str], held_back: Sequence[str], methods: Sequence[Method], *, samples: int = 10_000
) -> Comparison:
    """Put methods side by side.

    Args:
        name: of the data set.
        names: of all its pictures.
        held_back: of those that no method learned from.
        methods: in the order of the table.
        samples: of the bootstrap.
    """
    having = [method for method in methods if method.rows]
    by_name = {method.name: method for method in having}
    students = [method for method in having if method.teacher is not None]
    taught = [method for method in students if method.teacher in by_name]
    return Comparison(
        name=name,
        pictures=len(names),
        held_back=len(held_back),
        whole=tuple(_line(method, names, samples) for method in having if method.teacher is None),
        apart=tuple(_line(method, held_back, samples) for method in having) if students else (),
        gains=tuple(
            gain(method, by_name[str(method.teacher)], held_back, polarity, samples=samples)
            for method in taught
            for polarity in reversed(POLARITIES)
        ),
        failures={method.label: method.failure for method in methods if method.failure is not None},
    )


def gain(method: Method, over: Method, names: Sequence[str], polarity: str, *, samples: int = 10_000) -> Gain:
    """The differences in IoU, picture by picture, and their mean.

    Pictures differ far more than methods do, so the interval of the mean difference is much narrower than those of the
    two means.
    """
    key = f"iou_{polarity}"
    both = [name for name in names if name in method.rows and name in over.rows]
    found = [_number(method.rows[name].get(key)) - _number(over.rows[name].get(key)) for name in both]
    gaps = [gap for gap in found if math.isfinite(gap)]
    mean = math.fsum(gaps) / len(gaps) if gaps else math.nan
    better = sum(gap > 0 for gap in gaps) / len(gaps) if gaps else math.nan
    return Gain(method, over, polarity, len(gaps), mean, interval(gaps, samples=samples), better)


def interval(values: Sequence[float], *, samples: int = 10_000, seed: int = 0) -> Interval:
    """The 95 % interval of the mean by the bootstrap's percentiles (Efron, 1979); NaN for fewer than two values.

    Pictures are drawn from the given ones, with repetition, as if they were all there are; how far the means of such
    draws spread is how far the mean of other pictures of the kind may lie from this one.

    Args:
        values: one per picture, finite.
        samples: draws.
        seed: of the draws: the same values, the same interval.

    >>> [round(end, 2) for end in interval([0.0, 1.0] * 50)]
    [0.4, 0.6]
    """
    if len(values) < 2:
        return (math.nan, math.nan)
    generator, array = np.random.default_rng(seed), np.asarray(values, dtype=np.float64)
    drawn = [array[generator.integers(0, len(array), len(array))].mean() for _ in range(samples)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def best_of(lines: Sequence[Line], key: str) -> float:
    """The best mean of a column, rounded as it is shown; NaN if there are not two to choose from.

    MAE is best where it is smallest, all others where they are largest.
    """
    known = [rounded for line in lines if math.isfinite(rounded := round(line.means[key], 3))]
    if len(known) < 2:
        return math.nan
    return min(known) if key.startswith(SMALLER_IS_BETTER) else max(known)


def as_plain(comparison: Comparison) -> dict[str, Any]:
    """For JSON."""
    return {
        "pictures": comparison.pictures,
        "held_back": comparison.held_back,
        "all": [_plain_line(line) for line in comparison.whole],
        "held_back_half": [_plain_line(line) for line in comparison.apart],
        "gains": [
            {
                "method": each.method.name,
                "over": each.over.name,
                "metric": f"iou_{each.polarity}",
                "pictures": each.pictures,
                "mean": each.mean,
                "interval": list(each.interval),
                "better": each.better,
            }
            for each in comparison.gains
        ],
        "failures": dict(comparison.failures),
    }


def columns() -> list[tuple[str, str]]:
    """Key -> heading of the metrics, in the order of the table, without the polarity."""
    return [
        ("accuracy", "Accuracy"),
        ("iou", "IoU"),
        ("miou", "mIoU"),
        ("dice", "Dice"),
        ("max_f", "max-F"),
        ("mae", "MAE"),
    ]


def _plain_line(line: Line) -> dict[str, Any]:
    return {
        "method": line.method.name,
        "label": line.method.label,
        "teacher": line.method.teacher,
        "pictures": line.pictures,
        "means": dict(line.means),
        "intervals": {key: list(ends) for key, ends in line.intervals.items()},
        "seconds": line.seconds,
    }


def _line(method: Method, names: Sequence[str], samples: int) -> Line:
    rows = [method.rows[name] for name in names if name in method.rows]
    intervals = {}
    for polarity in POLARITIES:
        values = [_number(row.get(f"iou_{polarity}")) for row in rows]
        intervals[f"iou_{polarity}"] = interval([v for v in values if math.isfinite(v)], samples=samples)
    seconds = [_number(row.get("seconds")) for row in rows]
    return Line(method, len(rows), means(rows), intervals, math.fsum(seconds) / len(seconds) if seconds else math.nan)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
