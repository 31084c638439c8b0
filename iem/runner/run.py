"""A run: every picture of a labelled dataset is segmented, measured, written down and shown."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iem.checks import check_choice, check_number
from iem.images import ImageError
from iem.interfaces import Dataset, RunIdentity, Sample, Tracker
from iem.metrics.confusion import IgnoreRule
from iem.presets import Preset
from iem.runner.claims import claim
from iem.runner.histories import histories
from iem.runner.means import means
from iem.runner.measuring import Row, segment_and_measure
from iem.runner.provenance import Provenance
from iem.runner.report import write_report
from iem.runner.results import EventLog, plain, read_events, read_json, write_failure, write_json
from iem.runner.settings import fingerprint
from iem.runner.shards import Shard
from iem.runner.versions import versions
from iem.runner.watching import Watching
from iem.visualise import curves


@dataclass(frozen=True)
class Result:
    """What a run found.

    Attributes:
        rows: one per picture, in the order of the dataset.
        means: per-image means of the metrics, over the pictures where they are defined, and max-F.
        kept: how many of the rows an earlier run into the same folder had finished.
        failures: what could not be read, and why; the means are without them.
        folder: where everything was written.
        report: the HTML page.
    """

    rows: list[Row]
    means: dict[str, float]
    kept: int
    failures: list[str]
    folder: Path
    report: Path


@dataclass(frozen=True)
class _Plan:
    """The arguments of ``run`` but for its dataset and preset."""

    folder: Path
    settings: Mapping[str, Any]
    size: int
    batch_size: int
    ignore_rule: IgnoreRule
    write_pictures: bool
    title: str
    on_row: Callable[[Row, int], None] | None
    on_wait: Callable[[str], None] | None
    tracker: Tracker | None
    identity: RunIdentity | None
    shard: Shard
    watch: int
    skip_finished: bool

    def __post_init__(self) -> None:
        check_number(self.batch_size, "batch_size", low=1, integer=True)
        check_number(self.watch, "watch", low=0, integer=True)
        check_choice(self.ignore_rule, "ignore_rule", ("exclude", "background"))

    @property
    def log(self) -> Path:
        """A line per event."""
        return self.folder / "metrics.jsonl"

    @property
    def report(self) -> Path:
        """The page."""
        return self.folder / "report.html"


def run(
    dataset: Dataset,
    preset: Preset,
    *,
    folder: Path,
    settings: Mapping[str, Any],
    size: int = 128,
    batch_size: int = 8,
    ignore_rule: IgnoreRule = "exclude",
    write_pictures: bool = True,
    title: str = "Segmentation",
    on_row: Callable[[Row, int], None] | None = None,
    on_wait: Callable[[str], None] | None = None,
    tracker: Tracker | None = None,
    identity: RunIdentity | None = None,
    shard: Shard | None = None,
    watch: int = 4,
    skip_finished: bool = True,
) -> Result:
    """Segment and measure a dataset; what an earlier, interrupted run into ``folder`` finished is kept.

    Written: ``metrics.jsonl`` (a line per step and one per picture), per picture the files of ``Products``, and at the
    end ``curves.png``, ``report.html`` and, last, ``result.json``; a folder that has one is done, and only shows it
    again. If the run is stopped by an error, ``failure.json`` says which. ``run.lock`` is there while it works: a
    second run into the folder waits, then has the first one's result.

    Args:
        dataset: pictures and their truth.
        preset: how to segment.
        folder: of this run alone. One that was written with other ``settings`` is refused.
        settings: plain containers that say what this run is; kept with the results.
        size: short side at which to search, in pixels.
        batch_size: pictures of one shape that are searched together; no number depends on it.
        ignore_rule: what happens to pixels that the dataset says to ignore: "exclude", or "background" (they
            count as truth 0).
        write_pictures: masks, cut-outs, overlays, films and curves; without, numbers only.
        title: heads the report.
        on_row: called with each row and the number of pictures, as soon as the row is on disk.
        on_wait: called with the name of another process that holds the folder, once.
        tracker: shows the run while it goes on. None: nobody does.
        identity: what the tracker calls it; by default its settings' fingerprint and its folder's name.
        shard: the part of the dataset to do; None is all of it.
        watch: so many pictures, evenly spaced over the whole dataset, are shown by the tracker step by step.
        skip_finished: False forgets what an earlier run into the folder found, and does all of it anew.

    Raises:
        ValueError: the folder belongs to a run with other settings, or an argument is out of range.
    """
    plan = _Plan(
        folder=folder,
        settings=settings,
        size=size,
        batch_size=batch_size,
        ignore_rule=ignore_rule,
        write_pictures=write_pictures,
        title=title,
        on_row=on_row,
        on_wait=on_wait,
        tracker=tracker,
        identity=identity,
        shard=shard or Shard(),
        watch=watch,
        skip_finished=skip_finished,
    )
    _check_settings(plan)
    plan.folder.mkdir(parents=True, exist_ok=True)
    names = [dataset.names[i] for i in plan.shard.indices(len(dataset))]
    if plan.skip_finished and (found := _finished(plan, names)):
        return found
    with claim(plan.folder / "run.lock", {"pictures": len(names)}, on_wait=plan.on_wait):
        _check_settings(plan)
        if plan.skip_finished and (found := _finished(plan, names)):
            return found
        if read_json(plan.folder / "settings.json") is None:
            write_json(plan.folder / "settings.json", plan.settings)
        for name in ("failure.json", *(() if plan.skip_finished else ("result.json", "metrics.jsonl"))):
            (plan.folder / name).unlink(missing_ok=True)
        tracker = plan.tracker
        if tracker is not None:
            tracker.start(plan.identity or RunIdentity(fingerprint(plan.settings), plan.folder.name, plan.folder))
        try:
            return _run(dataset, preset, plan, names)
        except BaseException as error:
            if tracker is not None:
                tracker.finish({}, failed=True)
            if isinstance(error, Exception):
                write_failure(plan.folder, error)
            raise


def _run(dataset: Dataset, preset: Preset, plan: _Plan, names: Sequence[str]) -> Result:
    provenance = Provenance()
    wanted = frozenset(names)
    finished = (event for event in read_events(plan.log) if event["event"] == "picture" and _is_whole(event, plan))
    rows = {event["name"]: event for event in finished if event["name"] in wanted}
    if plan.on_row:
        for row in rows.values():
            plan.on_row(row, len(names))
    kept = len(rows)
    failures: list[str] = []
    watching = None
    if plan.tracker is not None:
        watched = [dataset.names[i * len(dataset) // plan.watch] for i in range(plan.watch)] if len(dataset) else []
        watching = Watching(plan.tracker, watched, rows.values())
    with EventLog(plan.log) as events:
        for batch in _batches(dataset, plan, skip=rows.keys(), failures=failures):
            for measured in segment_and_measure(
                batch,
                preset,
                folder=plan.folder,
                size=plan.size,
                ignore_rule=plan.ignore_rule,
                write_pictures=plan.write_pictures,
            ):
                row = measured.row
                events.append(*measured.steps, row)
                rows[row["name"]] = row
                if watching is not None:
                    watching.picture(measured)
                if plan.on_row:
                    plan.on_row(row, len(names))
    ordered = [rows[name] for name in names if name in rows]
    result = Result([_brief(row) for row in ordered], means(ordered), kept, failures, plan.folder, plan.report)
    found = histories(read_events(plan.log), list(rows))
    shown = found if plan.write_pictures else {}
    write_result(result, plan.settings, title=plan.title, found=shown, provenance=provenance.describe)
    if watching is not None:
        watching.finish(ordered, {name: found[name] for name in names if name in found})
    return result


def write_result(
    result: Result,
    settings: Mapping[str, Any],
    *,
    title: str,
    found: Mapping[str, Mapping[str, Sequence[float]]],
    provenance: Callable[[Mapping[str, Any], Sequence[Row]], Mapping[str, Any]],
) -> None:
    """Write the curves, the report and, last, ``result.json``.

    Args:
        result: its folder exists.
        settings: of the run.
        title: of the report.
        found: the pictures' histories.
        provenance: called with settings and rows, says where they come from.
    """
    folder = result.folder
    if found:
        curves(found, folder / "curves.png", quantities=("iou_oracle", "score"))
    write_report(
        result.report,
        title=title,
        settings=settings,
        rows=result.rows,
        means=result.means,
        curves_svg_or_png=folder / "curves.png" if found else None,
        folder=folder,
        versions=versions(),
    )
    write_json(
        folder / "result.json",
        {
            "means": result.means,
            "rows": result.rows,
            "failures": result.failures,
            "settings": settings,
            "versions": versions(),
            "provenance": provenance(settings, result.rows),
        },
    )


def _check_settings(plan: _Plan) -> None:
    """Refuse the folder of another run."""
    path = plan.folder / "settings.json"
    if path.exists() and read_json(path) != plain(plan.settings):
        raise ValueError(f"folder: {plan.folder} holds a run with other settings; choose another folder or remove it")


def _finished(plan: _Plan, names: Sequence[str]) -> Result | None:
    """What is in the folder, if it is a whole result; one that lacks pictures is not, as they may be readable now."""
    content = read_json(plan.folder / "result.json")
    if content is None or [row["name"] for row in content["rows"]] != list(names) or not plan.report.exists():
        return None
    rows, found = content["rows"], content["means"]
    if not all(_is_whole(row, plan) for row in rows):
        return None
    if plan.on_row:
        for row in rows:
            plan.on_row(row, len(names))
    numbers = {name: float("nan") if value is None else value for name, value in found.items()}
    return Result(rows, numbers, len(rows), content["failures"], plan.folder, plan.report)


def _is_whole(row: Row, plan: _Plan) -> bool:
    """Whether an earlier run left all that is asked for now: its pictures, too, if they are."""
    return not plan.write_pictures or "mask" in row


def _batches(dataset: Dataset, plan: _Plan, skip: Collection[str], failures: list[str]) -> Iterator[list[Sample]]:
    """Neighbours of one shape, so that they can be searched together; what cannot be read goes to ``failures``."""
    batch: list[Sample] = []
    for index in plan.shard.indices(len(dataset)):
        if dataset.names[index] in skip:
            continue
        try:
            sample = dataset[index]
        except ImageError as error:
            failures.append(str(error))
            continue
        if batch and (len(batch) == plan.batch_size or sample.image.shape != batch[0].image.shape):
            yield batch
            batch = []
        batch.append(sample)
    if batch:
        yield batch


def _brief(row: Row) -> Row:
    """Without the curves that only max-F needs; the log has them."""
    return {key: value for key, value in row.items() if key not in ("f_fixed", "f_oracle")}
