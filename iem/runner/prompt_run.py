"""Every picture of a labelled dataset is segmented from prompts that its truth suggests."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from iem.images import ImageError
from iem.initialisers import GrabCut
from iem.interfaces import Dataset, Mask, Prompt, Sample, Segmenter
from iem.metrics.confusion import IgnoreRule, confusion
from iem.runner.claims import claim
from iem.runner.measuring import Row
from iem.runner.provenance import sample_fingerprint
from iem.runner.results import EventLog, read_events
from iem.runner.simulated_prompts import interior_click, next_click, skeleton_scribble, tight_box
from iem.segmentation import segment

Answer = tuple[str, Mask, float, tuple[Prompt, ...]]  #: method, mask, seconds, what was given


@dataclass(frozen=True)
class PromptRun:
    """What is held side by side, and where it is kept.

    Attributes:
        folder: of the log; what is in it already is kept.
        segmenter: what is measured.
        kind: "box", "click" or "scribble".
        clicks: how many, for "click": each after the first in the middle of the largest error.
        unprompted: whether ``iem.segment``'s mask stands beside it.
        grabcut: stands beside it, from the same box; None: it does not.
        size: short side of ``iem.segment``'s search.
        ignore_rule: "exclude" or "background".
        on_row: called with each picture's row, and how many there are.
        on_wait: told who else works in the folder.
    """

    folder: Path
    segmenter: Segmenter
    kind: str
    clicks: int = 1
    unprompted: bool = True
    grabcut: GrabCut | None = None
    size: int = 128
    ignore_rule: IgnoreRule = "exclude"
    skip_finished: bool = True
    on_row: Callable[[Row, int], None] | None = None
    on_wait: Callable[[str], None] | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def methods(self) -> tuple[str, ...]:
        """What the columns of numbers are called, in order."""
        own = (
            ("prompted",)
            if self.kind != "click" or self.clicks == 1
            else tuple(_after(i + 1) for i in range(self.clicks))
        )
        return (*(("unprompted",) if self.unprompted else ()), *own, *(("grabcut",) if self.grabcut else ()))

    def __call__(self, dataset: Dataset) -> list[Row]:
        """Measure what an earlier call has not; one row per picture, in the order of the dataset.

        A picture that cannot be read, or whose truth is empty, is left out and noted in ``failures``.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "metrics.jsonl"
        with claim(self.folder / "run.lock", on_wait=self.on_wait):
            if not self.skip_finished:
                log.unlink(missing_ok=True)
            rows = {row["name"]: row for row in read_events(log)}
            with EventLog(log) as events:
                for index, name in enumerate(dataset.names):
                    if name not in rows:
                        row = self._measured(dataset, index)
                        if row is None:
                            continue
                        events.append(row)
                        rows[name] = row
                        if self.on_row is not None:
                            self.on_row(row, len(dataset))
        return [rows[name] for name in dataset.names if name in rows]

    def answers(self, sample: Sample) -> Iterator[Answer]:
        """Every method's mask of one picture, at its own size."""
        image, truth = sample.image, sample.truth
        begun = time.perf_counter()
        if self.unprompted:
            yield "unprompted", segment(image, size=self.size).mask, time.perf_counter() - begun, ()
        begun = time.perf_counter()
        prepare = getattr(self.segmenter, "prepare", None)
        segmenter: Segmenter = self.segmenter if prepare is None else prepare(image)
        prompts: tuple[Prompt, ...] = (_first(self.kind, truth),)
        for count in range(1, (self.clicks if self.kind == "click" else 1) + 1):
            proposals = segmenter(image, prompts)
            mask = proposals[0].mask if proposals else torch.zeros_like(truth)
            method = "prompted" if "prompted" in self.methods else _after(count)
            yield method, mask, time.perf_counter() - begun, prompts
            begun = time.perf_counter()
            more = next_click(truth, mask) if count < self.clicks else None
            prompts = prompts if more is None else (*prompts, more)
        if self.grabcut is not None:
            begun = time.perf_counter()
            box = tight_box(truth)
            mask = GrabCut(iterations=self.grabcut.iterations, seed=self.grabcut.seed, box=box)(image)
            yield "grabcut", mask, time.perf_counter() - begun, (box,)

    def _measured(self, dataset: Dataset, index: int) -> Row | None:
        try:
            sample = dataset[index]
        except ImageError as error:
            self.failures.append(str(error))
            return None
        if not bool((sample.truth >= 0.5).any()):
            self.failures.append(f"{sample.name}: the truth is empty, there is nothing to point at")
            return None
        row: Row = {"event": "picture", "name": sample.name, "data": sample_fingerprint(sample)}
        for method, mask, seconds, _ in self.answers(sample):
            counts = confusion(mask, sample.truth, ignore=sample.ignore, ignore_rule=self.ignore_rule)
            row |= {f"iou_{method}": float(counts.iou()), f"seconds_{method}": seconds}
        return row


def _after(clicks: int) -> str:
    return "1 click" if clicks == 1 else f"{clicks} clicks"


def _first(kind: str, truth: Mask) -> Prompt:
    if kind == "box":
        return tight_box(truth)
    return interior_click(truth) if kind == "click" else skeleton_scribble(truth)
