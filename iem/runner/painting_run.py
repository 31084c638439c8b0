"""A run that holds painters side by side: each paints every picture in every case, and is held against the truth."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from iem.datasets.damage import Damage
from iem.images import ImageError, write_image
from iem.interfaces import Dataset, Image, Inpainter, Mask, RunIdentity, Sample, Tracker
from iem.metrics.painting import boundary_error, l1, psnr, ssim
from iem.runner.claims import claim
from iem.runner.measuring import Row
from iem.runner.painting_cases import Case, Damager, case_of
from iem.runner.painting_memory import memory_of_painting
from iem.runner.provenance import sample_fingerprint
from iem.runner.results import EventLog, plain, read_events, write_failure
from iem.runner.settings import fingerprint

MEASURES = ("psnr", "ssim", "l1", "boundary", "seconds")
Key = tuple[str, Case]


@dataclass(frozen=True)
class Painter:
    """A painter that is tried.

    Attributes:
        name: in tables and files.
        settings: plain containers with ``_target_``.
        inpainter: what they make.
        most: pixels of the largest hole that it is asked to paint; None for no limit.
    """

    name: str
    settings: Mapping[str, Any]
    inpainter: Inpainter
    most: int | None = None

    def passes(self, hole: int) -> bool:
        """Whether a hole of so many pixels is too large for it."""
        return self.most is not None and hole > self.most


@dataclass(frozen=True)
class PaintingResult:
    """What a run found.

    Attributes:
        rows: painter -> one per picture and case, in their order.
        memory: painter -> MiB, where it was measured.
        kept: how many rows an earlier run had left.
        failures: what could not be read or painted, and why.
    """

    rows: Mapping[str, list[Row]]
    memory: Mapping[str, float]
    kept: int
    failures: list[str]


@dataclass(frozen=True)
class PaintingRun:
    """How to try painters.

    What is done is kept by painter: another one in the same folder is tried alone, beside the others' earlier rows.

    Attributes:
        folder: where to write; what other settings left there is not touched.
        settings: of the pictures and of how is measured, on which rows depend; plain containers.
        painters: to try.
        cases: to try them on.
        seed: of the damage.
        margin: pixels around what covers the picture that are measured, too.
        shown: so many pictures are kept, each in one case, evenly spaced.
        device: where to paint.
        measure_memory: whether each painter paints once more, in a process of its own.
        skip_finished: False forgets what an earlier run left.
        tracker: shows the run while it goes on.
        identity: what the tracker calls it.
        on_picture: called with each picture's name, the number of pictures done, and of all.
        on_wait: called with the name of another process that holds the folder, once.
    """

    folder: Path
    settings: Mapping[str, Any]
    painters: tuple[Painter, ...]
    cases: tuple[Case, ...]
    seed: int = 0
    margin: int = 0
    shown: int = 6
    device: str = "cpu"
    measure_memory: bool = True
    skip_finished: bool = True
    tracker: Tracker | None = None
    identity: RunIdentity | None = None
    on_picture: Callable[[str, int, int], None] = field(default=lambda name, done, count: None)
    on_wait: Callable[[str], None] | None = None

    def __call__(self, dataset: Dataset) -> PaintingResult:
        """Try all painters on all pictures in all cases that an earlier, interrupted run has not finished.

        Raises:
            ValueError: no picture can be damaged in a way that is asked for.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with claim(self.folder / "run.lock", {"pictures": len(dataset)}, on_wait=self.on_wait):
            (self.folder / "failure.json").unlink(missing_ok=True)
            if self.tracker is not None:
                name = self.folder.name
                self.tracker.start(self.identity or RunIdentity(fingerprint(self.settings), name, self.folder))
            try:
                return self._run(dataset)
            except BaseException as error:
                if self.tracker is not None:
                    self.tracker.finish({}, failed=True)
                if isinstance(error, Exception):
                    write_failure(self.folder, error)
                raise

    def log(self, painter: Painter) -> Path:
        """A line per picture and case, and one for the memory."""
        return self.folder / "runs" / f"{painter.name}-{self._digits(painter)}.jsonl"

    def chosen(self, dataset: Dataset) -> dict[str, Case]:
        """The pictures that are kept, and the case of each."""
        count = min(self.shown, len(dataset))
        spread = [(i * len(dataset) // count, i * len(self.cases) // count) for i in range(count)]
        return {dataset.names[picture]: self.cases[case] for picture, case in spread}

    def pictures(self, name: str, case: Case) -> Path:
        """The folder of a picture that is kept: ``original.png``, ``damaged.png``, ``hole.png`` and paintings."""
        digits = fingerprint({**self.settings, "name": name, **case.as_row()})[:12]
        return self.folder / "pictures" / digits

    def painting(self, name: str, case: Case, painter: Painter) -> Path:
        """The file of a painting that is kept."""
        return self.pictures(name, case) / f"{painter.name}-{self._digits(painter)}.png"

    def _digits(self, painter: Painter) -> str:
        return fingerprint({**self.settings, "painter": painter.settings})[:12]

    def _run(self, dataset: Dataset) -> PaintingResult:
        if not self.skip_finished:
            for painter in self.painters:
                self.log(painter).unlink(missing_ok=True)
        chosen, failures = self.chosen(dataset), list[str]()
        rows = {painter.name: dict(self._kept(painter, set(dataset.names), chosen)) for painter in self.painters}
        kept = sum(map(len, rows.values()))
        damager = Damager(dataset, self.seed)
        with ExitStack() as stack:
            logs = {each.name: stack.enter_context(EventLog(self.log(each))) for each in self.painters}
            for index, name in enumerate(dataset.names):
                if any((name, case) not in rows[each.name] for each in self.painters for case in self.cases):
                    try:
                        sample = dataset[index]
                        for painter, row in self._tried(sample, damager, rows, chosen.get(name), failures):
                            logs[painter.name].append(row)
                            rows[painter.name][name, case_of(row)] = plain(row)
                    except ImageError as error:
                        failures.append(str(error))
                        continue
                self.on_picture(name, index + 1, len(dataset))
                self._track(index + 1, rows)
            memory = self._memory(rows, logs, failures) if self.measure_memory else {}
        keys = [(name, case) for name in dataset.names for case in self.cases]
        ordered = {
            each.name: [row for row in map(rows[each.name].get, keys) if row and not each.passes(row["hole"])]
            for each in self.painters
        }
        return PaintingResult(ordered, memory, kept, failures)

    def _kept(self, painter: Painter, names: set[str], chosen: Mapping[str, Case]) -> Iterator[tuple[Key, Row]]:
        """What an earlier run left, if all is there that is wanted now."""
        for event in read_events(self.log(painter)):
            if event["event"] != "painting" or event["name"] not in names:
                continue
            name, case = event["name"], case_of(event)
            passed = painter.passes(event["hole"])
            if "psnr" not in event and not passed:
                continue
            if case in self.cases and (
                passed
                or chosen.get(name) != case
                or (self.painting(name, case, painter).is_file() and (self.pictures(name, case) / "hole.png").is_file())
            ):
                yield (name, case), event

    def _tried(
        self,
        sample: Sample,
        damager: Damager,
        rows: Mapping[str, Mapping[Key, Row]],
        shown: Case | None,
        failures: list[str],
    ) -> Iterator[tuple[Painter, Row]]:
        damaged: dict[object, Damage] = {}
        data = sample_fingerprint(sample)
        for case in self.cases:
            missing = [each for each in self.painters if (sample.name, case) not in rows[each.name]]
            if not missing:
                continue
            if case.damaging not in damaged:
                damaged = {case.damaging: damager(sample, *case.damaging)}
            found = damaged[case.damaging]
            hole = case.hole(found.mask)
            if case == shown:
                folder = self.pictures(sample.name, case)
                for picture, stem in ((found.truth, "original"), (found.image, "damaged"), (hole, "hole")):
                    write_image(folder / f"{stem}.png", picture.expand(-1, 3, -1, -1))
            size = {"height": hole.shape[2], "width": hole.shape[3], "hole": int((hole > 0).sum())}
            for painter in missing:
                begun: Row = {"event": "painting", "name": sample.name, **case.as_row(), "data": data, **size}
                if painter.passes(size["hole"]):
                    yield painter, begun
                    continue
                try:
                    painted, seconds = self._paint(painter, found.image, hole)
                    row = self._measure(found, hole, painted, case)
                except Exception as error:  # whatever a painter of anybody's raises, the others go on
                    failures.append(f"{painter.name}: {sample.name}, {case.describe()}: {_words(error)}")
                    continue
                if case == shown:
                    write_image(self.painting(sample.name, case, painter), painted)
                yield painter, {**begun, **row, "seconds": seconds}

    def _paint(self, painter: Painter, image: Image, hole: Mask) -> tuple[Image, float]:
        image, hole = image.to(self.device), hole.to(self.device)
        begun = time.perf_counter()
        with torch.no_grad():
            painted = painter.inpainter(image, hole)
        if image.is_cuda:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - begun
        return painted.cpu().clamp(0, 1), seconds

    def _measure(self, found: Damage, hole: Mask, painted: Image, case: Case) -> Row:
        where = case.grown(found.mask, self.margin)
        return {
            "psnr": psnr(painted, found.truth, where).item(),
            "ssim": ssim(painted, found.truth, where).item(),
            "l1": l1(painted, found.truth, where).item(),
            "boundary": boundary_error(painted, found.truth, hole).item(),
        }

    def _memory(
        self, rows: Mapping[str, Mapping[Key, Row]], logs: Mapping[str, EventLog], failures: list[str]
    ) -> dict[str, float]:
        """Of each painter, for the largest hole that it has painted."""
        found: dict[str, float] = {}
        for painter in self.painters:
            done = [row for row in rows[painter.name].values() if not painter.passes(row["hole"])]
            if not done:
                continue
            largest = max(done, key=lambda row: (row["hole"], row["height"] * row["width"]))
            asked = {key: largest[key] for key in ("height", "width", "hole")} | {"device": self.device}
            for event in read_events(self.log(painter)):
                if event["event"] == "memory" and {key: event[key] for key in asked} == asked:
                    found[painter.name] = event["mib"]
            if painter.name in found:
                continue
            size = (largest["height"], largest["width"])
            try:
                mib = memory_of_painting(painter.settings, size, largest["hole"], device=self.device)
            except RuntimeError as error:
                failures.append(f"{painter.name}: memory could not be measured: {_words(error)}")
                continue
            logs[painter.name].append({"event": "memory", **asked, "mib": mib})
            found[painter.name] = mib
        return found

    def _track(self, done: int, rows: Mapping[str, Mapping[Key, Row]]) -> None:
        if self.tracker is None:
            return
        running = {}
        for name, found in rows.items():
            for measure in MEASURES:
                values = [row[measure] for row in found.values() if row.get(measure) is not None]
                with suppress(ZeroDivisionError):
                    running[f"data/{name}/{measure}"] = sum(values) / len(values)
        self.tracker.log(done, running, axis="data/pictures")


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
