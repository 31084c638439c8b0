"""Every picture of a labelled dataset without its object, in several ways, held against the truth."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from iem.images import ImageError
from iem.interfaces import Dataset, Image, Inpainter, Mask, Prompt, Sample, Segmenter
from iem.metrics.confusion import confusion
from iem.metrics.painting import psnr
from iem.prompts import Box, Points, Scribble, Text
from iem.removal import grown_hole
from iem.runner.claims import claim
from iem.runner.inpaint_picture import paint
from iem.runner.measuring import Row
from iem.runner.painting_cases import Damager
from iem.runner.provenance import sample_fingerprint
from iem.runner.remove_objects import proposed
from iem.runner.remove_picture import MARGIN
from iem.runner.results import EventLog, plain, read_events
from iem.runner.simulated_prompts import interior_click, skeleton_scribble, tight_box

#: What can be said of an object, and what stands for it; "truth" is the true mask itself.
SAYINGS: Mapping[str, type | None] = {"truth": None, "box": Box, "click": Points, "scribble": Scribble, "text": Text}
MEASURES = ("iou", "left", "outside", "psnr", "seconds_mask", "seconds_paint")


@dataclass(frozen=True)
class Way:
    """One way of removing an object.

    Attributes:
        prompt: of ``SAYINGS``.
        segmenter: its name; empty for the truth.
        painter: its name.
        grow: as a share of the picture's short side.
        feather: likewise.
    """

    prompt: str
    segmenter: str
    painter: str
    grow: float
    feather: float

    def describe(self) -> str:
        """In a few words.

        >>> Way("box", "iem", "harmonic", 0.01, 0.0).describe()
        'box, iem, harmonic, grown 1 %'
        """
        words = [each for each in (self.prompt, self.segmenter, self.painter) if each]
        words += [
            f"{name} {100 * share:g} %" for name, share in (("grown", self.grow), ("soft", self.feather)) if share
        ]
        return ", ".join(words)


@dataclass(frozen=True)
class Scene:
    """A picture, the object that is to vanish, and what is behind it where that is known.

    Attributes:
        image: ``[1, 3, h, w]``.
        truth: ``[1, 1, h, w]``: the object.
        behind: ``[1, 3, h, w]``, or None.
        cover: ``[1, 1, h, w]``: how much of the object each pixel shows.
    """

    image: Image
    truth: Mask
    behind: Image | None
    cover: Mask


@dataclass(frozen=True)
class RemoveRun:
    """How to try ways of removal.

    Attributes:
        folder: of the log; what is in it already is kept.
        segmenters: by name.
        painters: by name.
        prompts: of ``SAYINGS``; each goes to every segmenter that answers it.
        words: what "text" says.
        grows: shares of the short side.
        feathers: likewise.
        paste: the area of an object of another picture that is pasted in and removed again, as a share; None: the
            picture's own object is removed, and what is behind it is not known.
        rim_blur: of the pasted object's edge, in pixels.
        seed: of what is pasted where.
        device: where to search and paint.
        skip_finished: False forgets what an earlier run left.
        on_picture: called with each picture's name, the number of pictures done, and of all.
        on_wait: told who else works in the folder.
        failures: what could not be done, and why.
    """

    folder: Path
    segmenters: Mapping[str, Segmenter]
    painters: Mapping[str, Inpainter]
    prompts: tuple[str, ...] = ("box",)
    words: str = ""
    grows: tuple[float, ...] = (0.01,)
    feathers: tuple[float, ...] = (0.005,)
    paste: float | None = None
    rim_blur: float = 1.0
    seed: int = 0
    device: str = "cpu"
    skip_finished: bool = True
    on_picture: Callable[[str, int, int], None] = field(default=lambda name, done, count: None)
    on_wait: Callable[[str], None] | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def ways(self) -> tuple[Way, ...]:
        """All combinations, in order."""
        return tuple(
            Way(prompt, segmenter, painter, grow, feather)
            for prompt, segmenter in self.sources
            for painter in self.painters
            for grow in self.grows
            for feather in self.feathers
        )

    @property
    def sources(self) -> list[tuple[str, str]]:
        """What masks come from: prompt and segmenter."""
        found = []
        for prompt in self.prompts:
            if SAYINGS[prompt] is None:
                found.append((prompt, ""))
            found += [(prompt, name) for name, each in self.segmenters.items() if SAYINGS[prompt] in each.answers]
        return found

    def __call__(self, dataset: Dataset) -> list[Row]:
        """One row per picture and way, in their order; a picture that cannot be done is noted in ``failures``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "metrics.jsonl"
        with claim(self.folder / "run.lock", on_wait=self.on_wait):
            if not self.skip_finished:
                log.unlink(missing_ok=True)
            done = {event["name"]: event["rows"] for event in read_events(log) if event["event"] == "picture"}
            with EventLog(log) as events:
                for index, name in enumerate(dataset.names):
                    if name not in done:
                        try:
                            rows = self._measured(dataset, index)
                        except ImageError as error:
                            self.failures.append(str(error))
                            continue
                        if rows:
                            events.append({"event": "picture", "name": name, "rows": rows})
                            done[name] = [plain(row) for row in rows]
                    self.on_picture(name, index + 1, len(dataset))
        return [row for name in dataset.names for row in done.get(name, ())]

    def scene(self, dataset: Dataset, sample: Sample) -> Scene:
        """What is to be removed from what."""
        if self.paste is None:
            return Scene(sample.image, sample.truth, None, sample.truth)
        damaged = Damager(dataset, self.seed)(sample, "object", self.paste, self.rim_blur)
        return Scene(damaged.image, damaged.mask, damaged.truth, damaged.cover)

    def tried(self, scene: Scene) -> Iterator[tuple[Way, Mask, Mask, Image, dict[str, float]]]:
        """Of every way: the mask that was found, the hole, the painted picture, and seconds."""
        masks = {source: self._mask(scene, source) for source in self.sources}
        short = min(scene.image.shape[2:])
        for way in self.ways:
            mask, found = masks[way.prompt, way.segmenter]
            grow, feather = round(way.grow * short), round(way.feather * short)
            hole = grown_hole(mask, grow=grow, feather=feather)
            painter = self.painters[way.painter]
            margin = MARGIN if hasattr(painter, "load") else None
            begun = time.perf_counter()
            with torch.no_grad():
                painted = paint(
                    scene.image, mask, painter, grow=grow, feather=feather, margin=margin, device=self.device
                ).image
            seconds = {"seconds_mask": found, "seconds_paint": time.perf_counter() - begun}
            yield way, mask, hole, (1 - hole) * scene.image + hole * painted, seconds

    def _measured(self, dataset: Dataset, index: int) -> list[Row]:
        sample = dataset[index]
        if self.paste is None and not bool((sample.truth >= 0.5).any()):
            self.failures.append(f"{sample.name}: the truth is empty, there is nothing to remove")
            return []
        scene, data = self.scene(dataset, sample), sample_fingerprint(sample)
        try:
            return [
                {"name": sample.name, "data": data, **asdict(way), **measured(scene, mask, hole, painted), **seconds}
                for way, mask, hole, painted, seconds in self.tried(scene)
            ]
        except (ValueError, RuntimeError) as error:
            self.failures.append(f"{sample.name}: {' '.join(str(error).split())}")
            return []

    def _mask(self, scene: Scene, source: tuple[str, str]) -> tuple[Mask, float]:
        prompt, name = source
        if not name:
            return (scene.truth > 0.5).to(scene.image), 0.0
        begun = time.perf_counter()
        with torch.no_grad():
            given = (self._prompt(prompt, scene.truth),)
            found = next(iter(proposed(self.segmenters[name], scene.image.to(self.device), given, {})), None)
        mask = torch.zeros_like(scene.truth) if found is None else (found.mask > 0.5).to(scene.image)
        return mask.cpu(), time.perf_counter() - begun

    def _prompt(self, kind: str, truth: Mask) -> Prompt:
        if kind == "text":
            return Text(self.words)
        if kind == "box":
            return tight_box(truth)
        return interior_click(truth) if kind == "click" else skeleton_scribble(truth)


def measured(scene: Scene, mask: Mask, hole: Mask, painted: Image) -> dict[str, float]:
    """How good a removal is.

    ``iou``: of the mask, before it was grown. ``left``: the share of the object that is still seen. ``outside``: the
    mean change of the pixels that show nothing of the object, in 8-bit steps. ``psnr``: of the painted picture against
    what is behind the object, where the object is; NaN where that is not known.

    >>> truth = torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
    >>> scene = Scene(torch.zeros(1, 3, 1, 4), truth, None, truth)
    >>> hole = torch.tensor([[[[0.0, 1.0, 1.0, 0.0]]]])
    >>> found = measured(scene, hole, hole, torch.full((1, 3, 1, 4), 0.2))
    >>> round(found["iou"], 3), found["left"], found["outside"]
    (0.333, 0.5, 51.0)
    """
    beyond = (scene.cover == 0).to(painted)
    change = 255 * (painted - scene.image).abs().mean(1, keepdim=True)
    around = grown_hole((scene.cover > 0.05).to(painted), grow=0, feather=0)
    return {
        "iou": float(confusion(mask, scene.truth).iou()),
        "left": float((scene.cover * (1 - hole)).sum() / scene.cover.sum()),
        "outside": round(float((change * beyond).sum() / beyond.sum().clamp_min(1)), 6),
        "psnr": float("nan") if scene.behind is None else float(psnr(painted.clamp(0, 1), scene.behind, around)),
    }


def means(rows: list[Row]) -> dict[Way, dict[str, Any]]:
    """Of every way: the mean of each measure over its pictures, where it is defined, and how many there are."""
    found: dict[Way, dict[str, Any]] = {}
    for row in rows:
        way = Way(*(row[key] for key in ("prompt", "segmenter", "painter", "grow", "feather")))
        found.setdefault(way, {"pictures": 0, **{key: [] for key in MEASURES}})
        found[way]["pictures"] += 1
        for key in MEASURES:
            if row[key] is not None and row[key] == row[key]:
                found[way][key].append(row[key])
    for values in found.values():
        for key in MEASURES:
            values[key] = sum(values[key]) / len(values[key]) if values[key] else None
    return found
