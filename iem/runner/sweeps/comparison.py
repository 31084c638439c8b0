"""What the finished jobs of a sweep found, side by side."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from iem.runner.naming import OUTSIDE
from iem.runner.results import read_json
from iem.runner.sweeps.jobs import Job, Sweep

Value = str | int | float | bool | None
#: Settings that change what is written, not what is found.
BOOKKEEPING = frozenset(OUTSIDE) - {"experiment"}
_MOST_COLUMNS = 8
SMALLER_IS_BETTER = ("mae",)
#: The means that rank jobs unasked: of masks; of regions; of regions without truth.
RANKING = ("iou_oracle", "iou", "regions")


@dataclass(frozen=True)
class Finished:
    """A job that is done, with what it found.

    Attributes:
        job: where and how.
        label: what sets it apart from the others, in words.
        values: of the settings that vary, by name.
        rows: by picture.
        settings: all of them, resolved.
        versions: of what it was made with.
    """

    job: Job
    label: str
    values: Mapping[str, Value]
    rows: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]

    @property
    def seconds(self) -> float:
        """Of search, all pictures together."""
        return sum(number(row.get("seconds"), 0.0) for row in self.rows.values())

    def mean(self, metric: str) -> float:
        """Over the pictures where it is defined; NaN if there is none."""
        return number(self.job.means.get(metric))

    def error(self, metric: str) -> float:
        """Standard error of the mean over pictures; NaN with fewer than two."""
        return _standard_error([number(row.get(metric)) for row in self.rows.values()])


@dataclass(frozen=True)
class Comparison:
    """Finished jobs, the best first.

    Attributes:
        by: the metric that ranks them.
        columns: names of the settings that vary.
        finished: jobs.
        shared: settings that all of them share, flat.
        same_pictures: whether all have the same pictures; only then are their means comparable.
    """

    by: str
    columns: tuple[str, ...]
    finished: tuple[Finished, ...]
    shared: Mapping[str, Value]
    same_pictures: bool

    def difference(self, other: Finished) -> tuple[float, float]:
        """How much ``other`` differs from the best on the pictures that both have, and the standard error of that."""
        best = self.finished[0]
        both = [name for name in other.rows if name in best.rows]
        gaps = [number(other.rows[name].get(self.by)) - number(best.rows[name].get(self.by)) for name in both]
        known = [gap for gap in gaps if math.isfinite(gap)]
        return (sum(known) / len(known) if known else math.nan), _standard_error(known)

    def contested(self, most: int) -> list[tuple[str, Finished, Finished]]:
        """Pictures on which the jobs differ most: name, the job that does best on it, the one that does worst."""
        found = []
        for name in {name: None for each in self.finished for name in each.rows}:
            having = [each for each in self.finished if math.isfinite(number(each.rows.get(name, {}).get(self.by)))]
            if len(having) > 1:
                ranked = sorted(having, key=lambda each: -quality(number(each.rows[name][self.by]), self.by))
                gap = abs(number(ranked[0].rows[name][self.by]) - number(ranked[-1].rows[name][self.by]))
                found.append((gap, name, ranked[0], ranked[-1]))
        found.sort(key=lambda entry: (-entry[0], entry[1]))
        return [(name, best, worst) for gap, name, best, worst in found[:most] if gap > 0]

    def extremes(self, most: int) -> tuple[list[str], list[str]]:
        """Names of the best and the worst pictures of the best job, no picture twice."""
        rows = self.finished[0].rows
        known = [name for name, row in rows.items() if math.isfinite(number(row.get(self.by)))]
        ranked = sorted(known, key=lambda name: -quality(number(rows[name][self.by]), self.by))
        count = min(most, len(ranked) // 2) or len(ranked)
        return ranked[:count], ranked[max(count, len(ranked) - count) :][::-1]


def compare(sweep: Sweep, *, by: str | None = None) -> Comparison:
    """Put the finished jobs of a sweep side by side.

    Args:
        sweep: whose jobs that are not done are left out.
        by: the mean that ranks them; MAE from the smallest, all others from the largest. None: the first of
            ``RANKING`` that any of them has.

    Raises:
        ValueError: ``by`` is not among the means of the finished jobs.
    """
    jobs = [job for job in sweep.jobs if job.state == "done" and job.folder is not None]
    results = [read_json(job.folder / "result.json") or {} for job in jobs if job.folder is not None]
    known = sorted({key for job in jobs for key in job.means})
    if by is None:
        has = {key for job in jobs for key, value in job.means.items() if value is not None}
        by = next((key for key in RANKING if key in has), RANKING[0])
    if jobs and by not in known:
        raise ValueError(f"by: expected one of {', '.join(known)}, got {by!r}")
    flats = [flat(result.get("settings", {})) for result in results]
    columns, values = _varying([_typed(job.overrides) for job in jobs], flats)
    finished = [
        Finished(
            job=job,
            label=", ".join(f"{key}={shown(own[key])}" for key in columns) or job.name,
            values=own,
            rows={str(row["name"]): row for row in result.get("rows", ())},
            settings=result.get("settings", {}),
            versions=result.get("versions", {}),
        )
        for job, result, own in zip(jobs, results, values, strict=True)
    ]
    finished.sort(key=lambda each: -_sortable(quality(each.mean(by), by)))
    return Comparison(
        by=by,
        columns=tuple(columns),
        finished=tuple(finished),
        shared={key: value for key, value in (flats[0] if flats else {}).items() if _all_same(flats, key)},
        same_pictures=len({frozenset(each.rows) for each in finished}) < 2,
    )


def quality(value: float, metric: str) -> float:
    """A number of which more is better."""
    return -value if metric.startswith(SMALLER_IS_BETTER) else value


def number(value: object, missing: float = math.nan) -> float:
    """A finite float, or ``missing``."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return missing
    return float(value) if math.isfinite(value) else missing


def shown(value: Value) -> str:
    """A setting's value for people.

    >>> shown(0.1 + 0.2), shown(None), shown(True)
    ('0.3', 'default', 'true')
    """
    if value is None:
        return "default"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def flat(settings: Mapping[str, Any], above: str = "") -> dict[str, Value]:
    """Nested settings as dotted names; lists as text.

    >>> flat({"a": {"b": 1, "c": [1, 2]}})
    {'a.b': 1, 'a.c': '[1, 2]'}
    """
    found: dict[str, Value] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = str(value) if isinstance(value, list | tuple) else value
    return found


def _varying(
    overrides: Sequence[Mapping[str, Value]], flats: Sequence[Mapping[str, Value]]
) -> tuple[list[str], list[dict[str, Value]]]:
    """Settings by which the jobs can be told apart, those that were asked for first, and each job's values of them."""
    asked = [key for key in {key: None for own in overrides for key in own} if key.split(".")[0] not in BOOKKEEPING]

    def value(key: str, i: int) -> Value:
        return overrides[i][key] if key in overrides[i] else flats[i].get(key)

    def tell_apart(keys: Iterable[str]) -> list[tuple[Value, ...]]:
        return [tuple(value(key, i) for key in keys) for i in range(len(overrides))]

    columns = [key for key in asked if len(set(tell_apart([key]))) > 1]
    for key in {key: None for own in flats for key in own}:
        same = len(set(tell_apart(columns)))
        if same == len(overrides) or len(columns) >= _MOST_COLUMNS:
            break
        if key.split(".")[0] not in BOOKKEEPING and len(set(tell_apart([*columns, key]))) > same:
            columns.append(key)
    return columns, [{key: value(key, i) for key in columns} for i in range(len(overrides))]


def _typed(overrides: Sequence[str]) -> dict[str, Value]:
    """Name -> value of overrides; ``+name`` is a name, too.

    >>> _typed(["preset=paper", "+inpainter.sigma=1e-3", "~refiner"])
    {'preset': 'paper', 'inpainter.sigma': 0.001}
    """
    pairs = [each.split("=", 1) for each in overrides if "=" in each]
    return {key.lstrip("+~"): _value(text) for key, text in pairs}


def _value(text: str) -> Value:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            found: Value = kind(text)
        except ValueError:
            continue
        return found
    return text.strip("'\"") if text != "null" else "none"


def _all_same(flats: Sequence[Mapping[str, Value]], key: str) -> bool:
    return all(key in own and own[key] == flats[0][key] for own in flats)


def _standard_error(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    if len(known) < 2:
        return math.nan
    mean = sum(known) / len(known)
    return math.sqrt(sum((value - mean) ** 2 for value in known) / (len(known) - 1) / len(known))


def _sortable(value: float) -> float:
    return value if math.isfinite(value) else -math.inf
