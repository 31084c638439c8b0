"""Segmenting pictures into a folder: what an earlier run finished is kept, and one bad file does not stop the rest."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iem.checks import check_choice, check_number
from iem.images import DEFAULT_MAX_PIXELS, Picture
from iem.images.errors import printable
from iem.interfaces import Progress, Solution
from iem.presets import PRESETS, Preset
from iem.runner.inputs import Identity, Outcome, decode, failure, identities, is_finished, read_bytes, refuse_inputs
from iem.runner.products import Products
from iem.runner.recording import Recording
from iem.runner.results import read_json, write_json
from iem.runner.settings import describe, fingerprint
from iem.runner.versions import versions
from iem.runner.work import Work
from iem.segmentation import segment
from iem.segnet import segnet_preset
from iem.visualise import film

OnStep = Callable[[Work, Progress], None]


@dataclass(frozen=True)
class Batch:
    """How to segment a batch of files.

    Attributes:
        preset: the name of a preset.
        segnet: checkpoint of a trained network, which then takes the place of the preset.
        size: short side at which to search, in pixels.
        device: where to search, "cpu" or what else PyTorch knows.
        films: also write a film of each mask as it moved.
        overwrite: segment anew what is finished already.
        max_pixels: refuse larger pictures.
        allow_truncated: use the part of a damaged file that is there.
        how: all that decides what a mask looks like, loaded once.

    Raises:
        ValueError: an unknown preset, a number out of range, or a checkpoint that cannot be used.
        ImportError: a checkpoint needs the extra ``segnet``.
    """

    preset: str = "best"
    segnet: Path | None = None
    size: int = 128
    device: str = "cpu"
    films: bool = False
    overwrite: bool = False
    max_pixels: int = DEFAULT_MAX_PIXELS
    allow_truncated: bool = False
    how: Preset = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_choice(self.preset, "preset", tuple(PRESETS))
        check_number(self.size, "size", low=8, integer=True)
        check_number(self.max_pixels, "max_pixels", low=1, integer=True)
        how = PRESETS[self.preset]() if self.segnet is None else segnet_preset(self.segnet)
        object.__setattr__(self, "how", how)

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides what a mask looks like."""
        return {"preset": describe(self.how), "size": self.size}


def segment_files(
    works: Sequence[Work], folder: Path, batch: Batch, *, on_step: OnStep | None = None
) -> Iterator[Outcome]:
    """Segment pictures one after the other, each outcome as soon as its files are on disk.

    Under ``folder`` every picture gets the files of ``Products``. Its record, a JSON file, is written last: a picture
    is finished if its record was made from the same bytes with the same settings and its files still have their
    sizes. An input is never overwritten. Whatever is wrong with one picture is its outcome, never an exception.
    """
    settings = batch.settings
    stamp = {"settings": settings, "settings_sha256": fingerprint(settings), "version": versions()["iem"]}
    inputs = identities(works)
    for work in works:
        try:
            outcome = _segment_file(work, folder, batch, stamp, inputs, on_step)
        except Exception as error:  # one picture must not cost the others
            outcome = Outcome(work, "failed", {}, {}, failure(error, work))
        yield outcome


def segment_stream(work: Work, batch: Batch) -> Solution:
    """Segment one picture without writing anything.

    Raises:
        ImageError: the picture cannot be read.
    """
    return _search(_decode(read_bytes(work, batch.max_pixels), work, batch), batch, None)


def _segment_file(
    work: Work,
    folder: Path,
    batch: Batch,
    stamp: Mapping[str, Any],
    inputs: Mapping[Identity, str],
    on_step: OnStep | None,
) -> Outcome:
    begun = time.perf_counter()
    data = read_bytes(work, batch.max_pixels)
    key = {"sha256": hashlib.sha256(data).hexdigest(), **stamp}
    products = Products.under(folder, work.place)
    files = {"mask": products.mask, "cutout": products.cutout, "overlay": products.overlay}
    if batch.films:
        files["film"] = products.film
    earlier = read_json(products.record)
    if earlier is not None and not batch.overwrite and is_finished(earlier, key, files):
        return Outcome(work, "skipped", earlier, {**files, "record": products.record})

    refuse_inputs((*files.values(), products.film, products.record), inputs)
    picture = _decode(data, work, batch)
    recording = Recording() if batch.films else None

    def watch(step: Progress) -> None:
        if recording is not None:
            recording(step)
        if on_step is not None:
            on_step(work, step)

    solution = _search(picture, batch, watch)
    # From here on the earlier files change: without a record they are nobody's result.
    products.record.unlink(missing_ok=True)
    products.film.unlink(missing_ok=True)
    products.write(picture.image, solution.mask, alpha=picture.alpha)
    if recording is not None:
        frames = recording.frames(picture.image, 0, int(solution.steps[0]), solution.mask)
        film(frames, products.film, width=min(384, max(8, frames[0].shape[3])))
    record = {
        "input": printable(work.name),
        **key,
        "status": str(solution.status[0]),
        "score": float(solution.score[0]),
        "steps": int(solution.steps[0]),
        "seconds": round(time.perf_counter() - begun, 4),
        "size": [picture.image.shape[3], picture.image.shape[2]],
        "foreground": round(float(solution.mask.double().mean()), 6),
        "format": picture.format,
        "notices": list(picture.notices),
        "files": {kind: path.stat().st_size for kind, path in files.items()},
    }
    write_json(products.record, record)
    return Outcome(work, "done", record, {**files, "record": products.record})


def _decode(data: bytes, work: Work, batch: Batch) -> Picture:
    return decode(data, work, max_pixels=batch.max_pixels, allow_truncated=batch.allow_truncated)


def _search(picture: Picture, batch: Batch, callback: Callable[[Progress], None] | None) -> Solution:
    image = picture.image.to(batch.device)
    solution = segment(image, batch.how, size=batch.size, callback=callback)
    return Solution(solution.mask.cpu(), solution.score.cpu(), solution.steps.cpu(), solution.status, solution.history)
