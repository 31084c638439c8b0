"""What a run tells its tracker, and when."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from iem.interfaces import Tracker
from iem.runner.histories import mean_history
from iem.runner.means import METRICS, POLARITIES, means
from iem.runner.measuring import Measured

COLUMNS = ("name", *(f"{metric}_{p}" for metric in METRICS for p in POLARITIES), "score", "steps", "status", "seconds")
_LABELS = ("event", "name", "step")
RUNNING = tuple(f"{metric}_{polarity}" for metric in ("iou", "dice") for polarity in POLARITIES)


class Watching:
    """Curves of a few pictures, running means of all, and at the end the mean curves and the table.

    * ``watch/<name>/...`` over ``opt/iter``: the curves of a watched picture, as soon as it is finished;
    * ``data/...`` over ``data/pictures``: after each picture, the means over those finished so far;
    * ``opt/...`` over ``opt/iter``: at the end, the mean curves of the whole data set.

    Args:
        tracker: who is told.
        names: the watched pictures.
        rows: of the pictures that an earlier run has finished.
    """

    def __init__(
        self,
        tracker: Tracker,
        names: Collection[str],
        rows: Collection[Mapping[str, Any]] = (),
    ) -> None:
        self._tracker, self._names = tracker, frozenset(names)
        self._finished, self._sums = 0, dict.fromkeys(RUNNING, (0.0, 0))
        for row in rows:
            self._add(row)

    def picture(self, measured: Measured) -> None:
        """One picture is finished."""
        self._add(measured.row)
        running = {f"data/{key}": total / n if n else float("nan") for key, (total, n) in self._sums.items()}
        self._tracker.log(self._finished, running, axis="data/pictures")
        sample = measured.sample
        if sample.name in self._names:
            for row in measured.steps:
                known = {key: value for key, value in row.items() if key not in _LABELS and value is not None}
                self._tracker.log(row["step"], {f"watch/{sample.name}/{key}": value for key, value in known.items()})
            masks = {"prediction": measured.mask, "truth": sample.truth}
            steps = max(1, int(measured.row["steps"]))
            self._tracker.image(f"watch/{sample.name}/mask", steps, sample.image, masks)

    def finish(self, rows: Sequence[Mapping[str, Any]], histories: Mapping[str, Mapping[str, list[float]]]) -> None:
        """The end of a run that went well."""
        curves = mean_history(histories)
        for step in range(max(map(len, curves.values()), default=0)):
            self._tracker.log(step + 1, {f"opt/{quantity}": values[step] for quantity, values in curves.items()})
        self._tracker.table("pictures", [{column: row.get(column) for column in COLUMNS} for row in rows])
        self._tracker.finish({**means(rows), "pictures": float(len(rows))})

    def _add(self, row: Mapping[str, Any]) -> None:
        self._finished += 1
        for key, (total, n) in self._sums.items():
            value = row.get(key)
            if value is not None and value == value:
                self._sums[key] = (total + value, n + 1)
