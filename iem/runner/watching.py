"""What a run tells its tracker, and when."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from iem.images import resize_mask
from iem.interfaces import Mask, Progress, Tracker
from iem.metrics.confusion import IgnoreRule, confusion
from iem.runner.histories import mean_history
from iem.runner.means import METRICS, POLARITIES, means
from iem.runner.measuring import Measured

COLUMNS = ("name", *(f"{metric}_{p}" for metric in METRICS for p in POLARITIES), "score", "steps", "status", "seconds")
RUNNING = tuple(f"{metric}_{polarity}" for metric in ("iou", "dice") for polarity in POLARITIES)


class Watching:
    """Live curves of a few pictures, running means of all, and at the end the mean curves and the table.

    * ``watch/<name>/...`` over ``opt/iter``: while one of the watched pictures is searched;
    * ``data/...`` over ``data/pictures``: after each picture, the means over those finished so far;
    * ``opt/...`` over ``opt/iter``: at the end, the mean curves of the whole data set.

    Args:
        tracker: who is told.
        names: the watched pictures.
        ignore_rule: as the run has it.
        rows: of the pictures that an earlier run has finished.
    """

    def __init__(
        self,
        tracker: Tracker,
        names: Collection[str],
        ignore_rule: IgnoreRule,
        rows: Collection[Mapping[str, Any]] = (),
    ) -> None:
        self._tracker, self._names, self._ignore_rule = tracker, frozenset(names), ignore_rule
        self._finished, self._sums = 0, dict.fromkeys(RUNNING, (0.0, 0))
        for row in rows:
            self._add(row)

    def wants(self, batch: Sequence[str]) -> bool:
        """Whether one of these pictures is watched."""
        return not self._names.isdisjoint(batch)

    def step(self, batch: Sequence[str], progress: Progress, truth: Mask, ignore: Mask) -> None:
        """One step of the search of a batch in which some pictures are watched."""
        chosen = [i for i, name in enumerate(batch) if name in self._names]
        mask = progress.mask[chosen]
        size = (mask.shape[-2], mask.shape[-1])
        small, hidden = resize_mask(truth[chosen], size), resize_mask(ignore[chosen], size)
        counts = confusion(mask.clamp(0, 1), small, ignore=hidden, ignore_rule=self._ignore_rule)
        metrics: dict[str, float] = {}
        for k, i in enumerate(chosen):
            metrics[f"watch/{batch[i]}/score"] = float(progress.score[i])
            metrics[f"watch/{batch[i]}/moved"] = float(progress.moved[i])
            for polarity in POLARITIES:
                metrics[f"watch/{batch[i]}/iou_{polarity}"] = float(counts.iou(polarity)[k])
                metrics[f"watch/{batch[i]}/dice_{polarity}"] = float(counts.dice(polarity)[k])
        self._tracker.log(progress.step, metrics)

    def picture(self, measured: Measured) -> None:
        """One picture is finished."""
        self._add(measured.row)
        running = {f"data/{key}": total / n if n else float("nan") for key, (total, n) in self._sums.items()}
        self._tracker.log(self._finished, running, axis="data/pictures")
        sample = measured.sample
        if sample.name in self._names:
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
