"""A run that holds segmenters side by side: each finds what is to vanish, which is then painted away."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from iem.images import ImageError, read, read_mask, short_side, write_image, write_mask
from iem.interfaces import Image, Inpainter, Mask, Prompt, Segmenter
from iem.metrics.overlap import iou
from iem.prompts import Box, CoarseMask, Points, Scribble, Text
from iem.removal import remove
from iem.runner.claims import claim
from iem.runner.mask_memory import memory_of_segmenting
from iem.runner.measuring import Row
from iem.runner.pairs import Pair, about
from iem.runner.results import EventLog, read_events, write_json
from iem.runner.settings import fingerprint

TYPES: Mapping[str, type] = {"text": Text, "click": Points, "box": Box}
_LOG = "metrics.jsonl"


@dataclass(frozen=True)
class Method:
    """A segmenter that is tried.

    Attributes:
        name: in tables and folders.
        settings: plain containers with ``_target_``.
        segmenter: what they make.
        given: which prompts it is given: "text", "click", "box" or "all" that it understands; None for the words if it
            understands them, else the click, else the box.
    """

    name: str
    settings: Mapping[str, Any]
    segmenter: Segmenter
    given: str | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The prompts that it is given."""
        understood = tuple(kind for kind, each in TYPES.items() if each in self.segmenter.answers)
        if self.given == "all":
            return understood
        return (self.given,) if self.given is not None else understood[:1]

    def check(self) -> None:
        """Require that it understands what it is given.

        Raises:
            ValueError: one sentence.
        """
        understood = [kind for kind, each in TYPES.items() if each in self.segmenter.answers]
        if not understood:
            names = ", ".join(each.__name__ for each in (Text, Points, Box, Scribble, CoarseMask))
            raise ValueError(f"segmenters.{self.name}: expected one that understands one of {names}, got one of none")
        for kind in self.kinds:
            if kind not in understood:
                raise ValueError(
                    f"given.{self.name}: expected one of {', '.join(understood)}, which it understands, got {kind}"
                )


@dataclass(frozen=True)
class MaskRun:
    """What is held side by side, and where it is kept.

    The folder is laid out as ``iem study build`` wants it: ``photos/NAME.png``, ``prompts.json`` about them,
    ``masks/METHOD/NAME.png`` and ``painted/METHOD/NAME.png``.

    Attributes:
        folder: of the run; what is in it from the same settings is kept.
        methods: in the order of the table.
        painter: paints what they find away.
        painter_settings: of the painter, plain containers.
        size: short side of the photographs, in pixels.
        grow: of the hole, in pixels; None is ``remove``'s own, as for ``feather``.
        feather: of the hole.
        device: where to work.
        measure_memory: whether each method answers once more in a process of its own.
        skip_finished: False begins anew.
        on_row: called with each row, and how many there are of its method.
        on_wait: told who else works in the folder.
        failures: what could not be done, a sentence each.
    """

    folder: Path
    methods: Sequence[Method]
    painter: Inpainter
    painter_settings: Mapping[str, Any]
    size: int = 512
    grow: int | None = None
    feather: int | None = None
    device: str = "cpu"
    measure_memory: bool = True
    skip_finished: bool = True
    on_row: Callable[[Row, int], None] | None = None
    on_wait: Callable[[str], None] | None = None
    failures: list[str] = field(default_factory=list)

    def __call__(self, pairs: Sequence[Pair]) -> list[Row]:
        """Measure what an earlier call has not; one row per method and photograph, in order.

        Raises:
            ImageError: of all photographs, none can be read.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with claim(self.folder / "run.lock", on_wait=self.on_wait):
            if not self.skip_finished:
                (self.folder / _LOG).unlink(missing_ok=True)
            seen = self._photos(pairs)
            known = {(row["event"], row["method"], row.get("name"), row["key"]): row for row in self._events()}
            rows: list[Row] = []
            with EventLog(self.folder / _LOG) as events:
                for method in self.methods:
                    for pair in seen:
                        key = ("picture", method.name, pair.name, self._key(method, pair))
                        row = known.get(key)
                        if row is None or not self._has_files(row):
                            row = self._measured(method, pair, key[3])
                            if row is None:
                                continue
                            events.append(row)
                            if self.on_row is not None:
                                self.on_row(row, len(seen))
                        rows.append(row)
                    self._measure_memory(method, seen, known, events)
        return rows

    def memory(self) -> dict[str, float]:
        """MiB that each method took, of those that were measured."""
        keys = {method.name: fingerprint(method.settings) for method in self.methods}
        found = {row["method"]: row["mib"] for row in self._events() if row["event"] == "memory"
                 and keys.get(row["method"]) == row["key"]}  # fmt: skip
        return {name: found[name] for name in keys if name in found}

    def photo(self, name: str) -> Image:
        """A photograph at the run's size."""
        return read(self.folder / "photos" / f"{name}.png").image

    def mask(self, method: str, name: str) -> Mask:
        """A mask that was found."""
        return read_mask(self.folder / "masks" / method / f"{name}.png")

    def painted(self, method: str, name: str) -> Image:
        """A photograph with what was found painted away."""
        return read(self.folder / "painted" / method / f"{name}.png").image

    def _photos(self, pairs: Sequence[Pair]) -> list[Pair]:
        """The same pairs at the run's size, as read from its folder; those that cannot be read left out and noted."""
        seen, told = [], {}
        for pair in pairs:
            try:
                image, truth = pair.read()
            except ImageError as error:
                self.failures.append(str(error))
                continue
            old = (int(image.shape[2]), int(image.shape[3]))
            small = short_side(image, self.size)
            new = (int(small.shape[2]), int(small.shape[3]))
            write_image(self._file("photos", pair.name), small)
            prompts: dict[str, Prompt] = {kind: each.rescaled(old, new) for kind, each in pair.prompts.items()}
            told[f"{pair.name}.png"] = about(prompts)
            if truth is not None:
                small_truth = (short_side(truth, self.size) >= 0.5).to(truth)
                write_mask(self._file("truth", pair.name), small_truth)
                told[f"{pair.name}.png"]["truth"] = f"truth/{pair.name}.png"
            seen.append(Pair(pair.name, prompts, _reader(self, pair.name, truth is not None)))
        write_json(self.folder / "prompts.json", told)
        return seen

    def _measured(self, method: Method, pair: Pair, key: str) -> Row | None:
        missing = [kind for kind in method.kinds if kind not in pair.prompts]
        prompts = [pair.prompts[kind] for kind in method.kinds if kind in pair.prompts]
        if not prompts or (missing and method.given != "all"):
            self.failures.append(f"{method.name}, {pair.name}: there is no {missing[0]} for this photograph")
            return None
        image, truth = pair.read()
        image = image.to(self.device)
        begun = self._now()
        try:
            proposals = method.segmenter(image, prompts)
            seconds = self._now() - begun
            mask = proposals[0].mask.to(image) if proposals else torch.zeros_like(image[:, :1])
            begun = self._now()
            removal = remove(image, mask, self.painter, grow=self.grow, feather=self.feather)
        except (ValueError, RuntimeError) as error:
            self.failures.append(f"{method.name}, {pair.name}: {' '.join(str(error).split())[:300]}")
            return None
        painting = self._now() - begun
        hard = (mask > 0.5).float().cpu()
        write_mask(self._file("masks", method.name, pair.name), hard)
        write_image(self._file("painted", method.name, pair.name), removal.image.cpu())
        row: Row = {
            "event": "picture",
            "method": method.name,
            "name": pair.name,
            "key": key,
            "given": "+".join(kind for kind in method.kinds if kind in pair.prompts),
            "proposals": len(proposals),
            "score": proposals[0].score if proposals else None,
            "seconds": seconds,
            "painting": painting,
            "area": float(hard.mean()),
        }
        if truth is None:
            return row
        return row | companions(image.cpu(), removal.image.cpu(), hard, removal.hole.cpu(), truth)

    def _measure_memory(self, method: Method, seen: Sequence[Pair], known: Mapping[Any, Row], events: EventLog) -> None:
        key = fingerprint(method.settings)
        pair = next((each for each in seen if all(kind in each.prompts for kind in method.kinds)), None)
        if not self.measure_memory or pair is None or ("memory", method.name, None, key) in known:
            return
        asked = about({kind: pair.prompts[kind] for kind in method.kinds})
        try:
            mib = memory_of_segmenting(
                method.settings, self.folder / "photos" / f"{pair.name}.png", asked, device=self.device
            )
        except RuntimeError as error:
            self.failures.append(f"{method.name}: its memory could not be measured: {error}")
            return
        events.append({"event": "memory", "method": method.name, "name": None, "key": key, "mib": mib})

    def _key(self, method: Method, pair: Pair) -> str:
        image = (self.folder / "photos" / f"{pair.name}.png").read_bytes()
        settings = (self.size, self.grow, self.feather, self.device, about(pair.prompts))
        given = {"method": method.settings, "kinds": method.kinds, "painter": self.painter_settings}
        return fingerprint({**given, "settings": settings, "photo": hashlib.sha256(image).hexdigest()})

    def _has_files(self, row: Row) -> bool:
        return all(self._file(kind, row["method"], row["name"]).is_file() for kind in ("masks", "painted"))

    def _events(self) -> list[Row]:
        return list(read_events(self.folder / _LOG))

    def _file(self, *places: str) -> Path:
        path = self.folder.joinpath(*places[:-1], f"{places[-1]}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _now(self) -> float:
        if self.device != "cpu" and torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.perf_counter()


def companions(photo: Image, painted: Image, mask: Mask, hole: Mask, truth: Mask) -> dict[str, float]:
    """What can be counted where the truth is known; the questionnaire asks people the same.

    Args:
        photo: ``[1, 3, h, w]``.
        painted: the same, with the hole painted.
        mask: 0 or 1, what was found.
        hole: how much of the paint is seen.
        truth: 0 or 1, what was to vanish.

    Returns:
        ``iou`` of the mask; ``left``, the share of the object that is still to be seen; ``outside``, the mean change of
        a colour outside the object, in levels of 255.

    >>> photo, truth = torch.zeros(1, 3, 1, 4), torch.tensor([[[[1.0, 1.0, 0.0, 0.0]]]])
    >>> mask = torch.tensor([[[[0.0, 1.0, 1.0, 0.0]]]])
    >>> companions(photo, photo + mask * 2 / 255, mask, mask, truth)
    {'iou': 0.333..., 'left': 0.5, 'outside': 1.0}
    """
    inside, area = truth > 0.5, float(truth.sum())
    change = (painted - photo).abs().mean(1, keepdim=True)[~inside]
    return {
        "iou": float(iou(mask, truth)[0]),
        "left": float((1 - hole)[inside].sum()) / area if area else float("nan"),
        "outside": round(255 * float(change.double().mean()), 6) if change.numel() else float("nan"),
    }


def _reader(run: MaskRun, name: str, has_truth: bool) -> Callable[[], tuple[Image, Mask | None]]:
    def read_again() -> tuple[Image, Mask | None]:
        truth = read_mask(run.folder / "truth" / f"{name}.png") if has_truth else None
        return run.photo(name), truth

    return read_again
