"""One scene taken apart, written down, and held against its truth."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from iem.interfaces import Image, Mask, Sample
from iem.metrics import partition_scores
from iem.metrics.confusion import IgnoreRule, confusion
from iem.regions import RegionTree
from iem.runner.peel_batch import peel_to_cpu, tree_record
from iem.runner.peeler import Labels, Peeler
from iem.runner.region_facts import extent_of
from iem.runner.region_products import RegionProducts
from iem.runner.results import write_json
from iem.runner.scenes import Scene

METRICS = ("iou", "iou_segment", "best_iou", "covering", "ari", "right_number")
Row = dict[str, Any]
Baseline = Callable[[Image], Mask]


@dataclass(frozen=True)
class Peeled:
    """One scene.

    Attributes:
        row: what is known of it: the log's event "picture".
        rounds: the log's events "round".
    """

    row: Row
    rounds: list[Row]


def peel_and_measure(
    scene: Scene,
    peeler: Peeler,
    *,
    folder: Path,
    device: str,
    ignore_rule: IgnoreRule,
    write_pictures: bool,
    baseline: Baseline | None = None,
) -> Peeled:
    """Take a scene apart; its files go below ``folder / "scenes"``. See ``PeelRun`` for the arguments."""
    begun = time.perf_counter()
    tree, labels = peel_to_cpu(scene.image, peeler, device)
    seconds = time.perf_counter() - begun
    record = tree_record(tree, labels)
    row: Row = {"event": "picture", "name": scene.name, "regions": len(tree.regions) - 1, "reason": str(tree.reason)}
    if scene.truth is not None:
        row |= measure(tree, labels, scene.truth, ignore_rule)
        if baseline is not None:
            row["iou_segment"] = _iou(baseline(scene.image.to(device)).cpu(), scene.truth, ignore_rule)
    row |= {"rounds": len(tree.rounds), "seconds": seconds, "data": scene.data}
    if write_pictures:
        products = RegionProducts.under(folder / "scenes", scene.name)
        files = products.write(scene.image, tree, labels, alpha=scene.alpha)
        write_json(products.record, {**record, "name": scene.name, "data": scene.data})
        row["folder"] = products.folder.relative_to(folder).as_posix()
        row["files"] = sorted(files)
        if tree.rounds:  # what a sweep's report shows of it
            row["overlay"] = products.round(1, "overlay").relative_to(folder).as_posix()
    return Peeled(row, [{"event": "round", "name": scene.name, **each} for each in record["rounds"]])


def measure(tree: RegionTree, labels: Labels, sample: Sample, ignore_rule: IgnoreRule) -> dict[str, float]:
    """How well regions agree with the truth.

    Returns:
        ``iou``: of the first region, with all that lies in it, and the sample's ``truth``, as it is; 0 if there is no
        region. ``best_iou``: mean over the true regions, each with a partner; where the truth has but an object and its
        background, of the object alone. ``covering`` and ``ari`` of all regions. ``right_number``: 1 if there are as
        many regions as there should be, else 0; where the truth has but an object and its background, nobody knows.
        What is undefined is NaN; so is ``iou`` where many regions are labelled, none of which need come first.
    """
    first: Mask = extent_of(tree, labels, 1) if len(tree.regions) > 1 else torch.zeros_like(sample.truth)
    has_labels = sample.labels is not None
    truth = sample.labels if sample.labels is not None else (sample.truth[0, 0] > 0.5).long()
    ignore = sample.ignore if ignore_rule == "exclude" else None
    found = partition_scores(labels, truth, ignore=ignore, background=None if has_labels else 0)
    return {
        "iou": math.nan if has_labels else _iou(first, sample, ignore_rule),
        "best_iou": found.best_match_iou,
        "covering": found.covering,
        "ari": found.adjusted_rand_index,
        "right_number": float(found.regions == found.true_regions) if has_labels else math.nan,
        "true_regions": found.true_regions,
    }


def _iou(mask: Mask, sample: Sample, ignore_rule: IgnoreRule) -> float:
    hidden = torch.zeros_like(sample.truth) if sample.ignore is None else sample.ignore
    counts = confusion(mask.to(sample.truth), sample.truth, ignore=hidden, ignore_rule=ignore_rule)
    return float(counts.scores("fixed")["iou"][0])


def mean_rows(rows: list[Row]) -> dict[str, float]:
    """Per-picture means over the pictures where they are defined; and of the number of regions."""
    means = {}
    for key in (*METRICS, "regions", "seconds"):
        known = [float(row[key]) for row in rows if row.get(key) is not None and not math.isnan(row[key])]
        means[key] = math.fsum(known) / len(known) if known else math.nan
    return means
