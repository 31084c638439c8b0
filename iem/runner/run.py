"""A run: every picture of a labelled dataset is segmented, measured, written down and shown."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from iem.checks import check_choice, check_number
from iem.images import ImageError
from iem.interfaces import Dataset, Image, Mask, Sample, Solution
from iem.metrics.confusion import IgnoreRule, Polarity, confusion
from iem.presets import Preset
from iem.runner.products import Products
from iem.runner.recording import Recording
from iem.runner.report import write_report
from iem.runner.results import EventLog, plain, read_events, read_json, write_json
from iem.runner.versions import versions
from iem.segmentation import segment
from iem.visualise import curves, film

METRICS = ("iou", "miou", "dice", "accuracy")
POLARITIES: tuple[Polarity, ...] = ("fixed", "oracle")
Row = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """What a run found.

    Attributes:
        rows: one per picture, in the order in which they were finished.
        means: per-image means of the metrics, over the pictures where they are defined.
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
) -> Result:
    """Segment and measure a dataset; what an earlier, interrupted run into ``folder`` finished is kept.

    Written: ``metrics.jsonl`` (a line per step and one per picture), per picture the files of ``Products``, and at the
    end ``curves.png``, ``report.html`` and ``result.json``.

    Args:
        dataset: pictures and their truth.
        preset: how to segment.
        folder: of this run alone. One that was written with other ``settings`` is refused.
        settings: plain containers that say what this run is; kept with the results.
        size: short side at which to search, in pixels.
        batch_size: pictures of one shape that are searched together.
        ignore_rule: what happens to pixels that the dataset says to ignore: "exclude", or "background" (they count as
            truth 0).
        write_pictures: masks, cut-outs, overlays and films; without, numbers only.
        title: heads the report.
        on_row: called with each row and the number of pictures, as soon as the row is on disk.

    Raises:
        ValueError: the folder belongs to a run with other settings, or an argument is out of range.
    """
    check_number(batch_size, "batch_size", low=1, integer=True)
    check_choice(ignore_rule, "ignore_rule", ("exclude", "background"))
    _claim(folder, settings)
    log = folder / "metrics.jsonl"
    rows = {event["name"]: event for event in read_events(log) if event["event"] == "picture"}
    if on_row:
        for row in rows.values():
            on_row(row, len(dataset))
    kept = len(rows)
    failures: list[str] = []
    with EventLog(log) as events:
        for batch in _batches(dataset, batch_size, skip=set(rows), failures=failures):
            for row, steps in _segment(batch, preset, folder, size, ignore_rule, write_pictures):
                events.append(*steps, row)
                rows[row["name"]] = row
                if on_row:
                    on_row(row, len(dataset))
    ordered = list(rows.values())
    means = _means(ordered)
    report = folder / "report.html"
    histories = _histories(log, [row["name"] for row in ordered])
    if histories:
        curves(histories, folder / "curves.png", quantities=("iou_oracle", "score"))
    write_report(
        report,
        title=title,
        settings=settings,
        rows=ordered,
        means=means,
        curves_svg_or_png=folder / "curves.png" if histories else None,
        folder=folder,
        versions=versions(),
    )
    found = {"means": means, "rows": ordered, "failures": failures, "settings": settings, "versions": versions()}
    write_json(folder / "result.json", found)
    return Result(ordered, means, kept, failures, folder, report)


def _claim(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder this run's, or find that it is."""
    path = folder / "settings.json"
    if not path.exists():
        write_json(path, settings)
    elif read_json(path) != plain(settings):
        raise ValueError(f"folder: {folder} holds a run with other settings; choose another folder or remove it")


def _batches(dataset: Dataset, batch_size: int, skip: set[str], failures: list[str]) -> Iterator[list[Sample]]:
    """Neighbours of one shape, so that they can be searched together; what cannot be read goes to ``failures``."""
    batch: list[Sample] = []
    for index in range(len(dataset)):
        try:
            sample = dataset[index]
        except ImageError as error:
            failures.append(str(error))
            continue
        if sample.name in skip:
            continue
        if batch and (len(batch) == batch_size or sample.image.shape != batch[0].image.shape):
            yield batch
            batch = []
        batch.append(sample)
    if batch:
        yield batch


def _segment(
    batch: Sequence[Sample], preset: Preset, folder: Path, size: int, ignore_rule: IgnoreRule, write_pictures: bool
) -> Iterator[tuple[Row, list[Row]]]:
    """The row of each picture, and those of its steps."""
    image = torch.cat([sample.image for sample in batch])
    truth = torch.cat([sample.truth for sample in batch])
    ignore = torch.cat([torch.zeros_like(s.truth) if s.ignore is None else s.ignore for s in batch])
    recording = Recording()
    begun = time.perf_counter()
    solution = segment(image, preset, size=size, callback=recording)
    seconds = (time.perf_counter() - begun) / len(batch)
    counts = confusion(solution.mask, truth, ignore=ignore, ignore_rule=ignore_rule)
    final = {f"{name}_{polarity}": v for polarity in POLARITIES for name, v in counts.scores(polarity).items()}
    traces = recording.iou(truth, ignore, ignore_rule)
    for i, sample in enumerate(batch):
        steps = int(solution.steps[i])
        row: Row = {"event": "picture", "name": sample.name}
        row |= {name: float(values[i]) for name, values in final.items()}
        row |= {"score": float(solution.score[i]), "steps": steps, "status": str(solution.status[i])}
        row |= {"seconds": seconds}
        if write_pictures:
            row |= _write(
                sample,
                solution.mask[i : i + 1],
                recording.frames(sample.image, i, steps, solution.mask[i : i + 1]),
                folder,
            )
        yield row, [_step_row(sample.name, step, solution, traces, i) for step in range(steps)]


def _step_row(name: str, step: int, solution: Solution, traces: Mapping[str, torch.Tensor], i: int) -> Row:
    """The state after ``step + 1`` steps: the next history row's score is that of this mask."""
    scores = solution.history["score"]
    after = scores[step + 1, i] if step + 1 < int(solution.steps[i]) else solution.score[i]
    return {
        "event": "step",
        "name": name,
        "step": step + 1,
        "score": float(after),
        "moved": int(solution.history["moved"][step, i]),
        **{quantity: float(values[step, i]) for quantity, values in traces.items()},
    }


def _write(sample: Sample, mask: Mask, frames: Sequence[Image], folder: Path) -> Row:
    products = Products.under(folder, sample.name)
    products.write(sample.image, mask, truth=sample.truth)
    products.film.parent.mkdir(parents=True, exist_ok=True)
    film(frames, products.film)
    files = {"mask": products.mask, "cutout": products.cutout, "overlay": products.overlay, "film": products.film}
    return {kind: path.relative_to(folder).as_posix() for kind, path in files.items()}


def _means(rows: Sequence[Row]) -> dict[str, float]:
    keys = [f"{name}_{polarity}" for name in METRICS for polarity in POLARITIES]
    known = {key: [row[key] for row in rows if row[key] is not None and row[key] == row[key]] for key in keys}
    return {key: sum(values) / len(values) if values else float("nan") for key, values in known.items()}


def _histories(log: Path, names: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Name -> quantity -> values per step, as ``curves`` takes them."""
    histories: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for event in read_events(log):
        if event["event"] == "step" and event["name"] in histories:
            if event["step"] == 1:
                histories[event["name"]] = {}  # a picture that was begun twice
            for quantity in ("iou_oracle", "score"):
                value = event[quantity]
                histories[event["name"]].setdefault(quantity, []).append(float("nan") if value is None else value)
    return {name: history for name, history in histories.items() if history}
