"""One batch of a run: segmented, measured, and written."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from iem.interfaces import Image, Mask, Sample, Solution
from iem.metrics.confusion import IgnoreRule, confusion
from iem.metrics.max_f import f_curve
from iem.metrics.mean_absolute_error import mean_absolute_error
from iem.presets import Preset
from iem.runner.means import POLARITIES, pack
from iem.runner.products import Products
from iem.runner.provenance import sample_fingerprint
from iem.runner.recording import Recording
from iem.segmentation import segment
from iem.visualise import film

Row = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """One picture of a batch.

    Attributes:
        sample: as it was read.
        mask: the one found.
        row: what is known of it: the log's event "picture".
        steps: the log's events "step".
    """

    sample: Sample
    mask: Mask
    row: Row
    steps: list[Row]


def segment_and_measure(
    batch: Sequence[Sample],
    preset: Preset,
    *,
    folder: Path,
    size: int,
    ignore_rule: IgnoreRule,
    write_pictures: bool,
) -> Iterator[Measured]:
    """Search a batch of one shape together; each picture as soon as its files are written.

    Args:
        batch: samples of one shape.
        preset: how to segment.
        folder: where ``Products`` go.
        size: short side at which to search, in pixels.
        ignore_rule: "exclude" or "background".
        write_pictures: whether there are any products.
    """
    image = torch.cat([sample.image for sample in batch])
    truth = torch.cat([sample.truth for sample in batch])
    ignore = torch.cat([torch.zeros_like(s.truth) if s.ignore is None else s.ignore for s in batch])
    recording = Recording()

    begun = time.perf_counter()
    solution = segment(image, preset, size=size, callback=recording)
    seconds = (time.perf_counter() - begun) / len(batch)
    scores = _scores(solution.mask, truth, ignore, ignore_rule)
    traces = recording.traces(truth, ignore, ignore_rule)
    for i, sample in enumerate(batch):
        steps, mask = int(solution.steps[i]), solution.mask[i : i + 1]
        row: Row = {"event": "picture", "name": sample.name}
        row |= {name: float(values[i]) for name, values in scores.items() if values.ndim == 1}
        row |= {name: pack(values[i].tolist()) for name, values in scores.items() if values.ndim == 2}
        row |= {"score": float(solution.score[i]), "steps": steps, "status": str(solution.status[i])}
        row |= {"seconds": seconds, "data": sample_fingerprint(sample)}
        if write_pictures:
            row |= _write(sample, mask, recording.frames(sample.image, i, steps, mask), folder)
        trace = [_step_row(sample.name, step, solution, traces, i) for step in range(steps)]
        yield Measured(sample, mask, row, trace)


def _scores(mask: Mask, truth: Mask, ignore: Mask, ignore_rule: IgnoreRule) -> dict[str, torch.Tensor]:
    """``[b]`` for each metric and polarity, and ``[b, 256]`` for the curves of F; those of undefined F are left out."""
    counts = confusion(mask, truth, ignore=ignore, ignore_rule=ignore_rule)
    found: dict[str, torch.Tensor] = {}
    for polarity in POLARITIES:
        found |= {f"{name}_{polarity}": values for name, values in counts.scores(polarity).items()}
        found[f"mae_{polarity}"] = mean_absolute_error(
            mask, truth, ignore=ignore, polarity=polarity, ignore_rule=ignore_rule
        )
        curve = f_curve(mask, truth, ignore=ignore, polarity=polarity, ignore_rule=ignore_rule)
        found[f"f_{polarity}"] = curve.mul(1e7).round().div(1e7)
    return found


def _step_row(name: str, step: int, solution: Solution, traces: Mapping[str, torch.Tensor], i: int) -> Row:
    """The state after ``step + 1`` steps: the next history row's score is that of this mask."""
    history, last = solution.history, step + 1 == int(solution.steps[i])
    row: Row = {"event": "step", "name": name, "step": step + 1}
    row["score"] = float(solution.score[i] if last else history["score"][step + 1, i])
    row["moved"] = int(history["moved"][step, i])
    # A term of the last mask is known only if that is the mask before, too.
    known = not last or row["moved"] == 0
    for quantity in (quantity for quantity in history if quantity.startswith("term/")):
        row[quantity] = float(history[quantity][step if last else step + 1, i]) if known else None
    return row | {quantity: float(values[step, i]) for quantity, values in traces.items()}


def _write(sample: Sample, mask: Mask, frames: Sequence[Image], folder: Path) -> Row:
    products = Products.under(folder, sample.name)
    products.write(sample.image, mask, truth=sample.truth)
    products.film.parent.mkdir(parents=True, exist_ok=True)
    film(frames, products.film)
    files = {"mask": products.mask, "cutout": products.cutout, "overlay": products.overlay, "film": products.film}
    return {kind: path.relative_to(folder).as_posix() for kind, path in files.items()}
