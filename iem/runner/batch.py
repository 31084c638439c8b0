"""Segmenting pictures into a folder: what an earlier run finished is kept, and one bad file does not stop the rest."""

import hashlib
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

import torch

from iem.checks import check_choice, check_number
from iem.images import DEFAULT_MAX_PIXELS, ImageError, Picture, read
from iem.images.errors import printable
from iem.images.sources import label, take
from iem.interfaces import Progress, Solution
from iem.presets import PRESETS, Preset
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


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
        work: the picture.
        kind: "skipped" if an earlier run had finished it.
        record: what is known of the result: the JSON file beside it; empty if it failed.
        files: kind -> file, such as ``"mask"``; empty if it failed.
        error: why it failed.
    """

    work: Work
    kind: Literal["done", "skipped", "failed"]
    record: Mapping[str, Any]
    files: Mapping[str, Path]
    error: str | None = None


def choose_device(name: str) -> str:
    """The device called "cpu" or "cuda"; "auto" is CUDA where there is one.

    Raises:
        ValueError: another name, or CUDA where there is none.

    >>> choose_device("cpu")
    'cpu'
    """
    check_choice(name, "device", ("auto", "cpu", "cuda"))
    available = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device: expected a CUDA device, but PyTorch finds none; use cpu, or see iem doctor")
    return "cuda" if available else "cpu"


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
    inputs = {identity: work.name for work in works if (identity := _identity(work.source)) is not None}
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
    return _search(_decode(_bytes(work, batch), work, batch), batch, None)


def failure(error: Exception, work: Work) -> str:
    """Why a picture failed, in one clause that does not repeat its name."""
    if isinstance(error, ImageError):
        return error.reason if error.path in (work.name, label(work.source)) else str(error)
    words = " ".join(str(error).split())[:300]
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "not enough memory" in words:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return "not enough memory to segment it; search at a smaller size, on another device, or reduce the picture"
    return f"{type(error).__name__}: {words}"


def _segment_file(
    work: Work,
    folder: Path,
    batch: Batch,
    stamp: Mapping[str, Any],
    inputs: Mapping[tuple[int, int], str],
    on_step: OnStep | None,
) -> Outcome:
    begun = time.perf_counter()
    data = _bytes(work, batch)
    key = {"sha256": hashlib.sha256(data).hexdigest(), **stamp}
    products = Products.under(folder, work.place)
    files = {"mask": products.mask, "cutout": products.cutout, "overlay": products.overlay}
    if batch.films:
        files["film"] = products.film
    earlier = read_json(products.record)
    if earlier is not None and not batch.overwrite and _is_finished(earlier, key, files):
        return Outcome(work, "skipped", earlier, {**files, "record": products.record})

    for path in (*files.values(), products.film, products.record):
        if (name := inputs.get(_identity(path) or (-1, -1))) is not None:
            raise ImageError(path, f"this would overwrite the input {printable(name)}; choose another output folder")
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


def _bytes(work: Work, batch: Batch) -> bytes:
    """The whole file, read once, so that the record's checksum is that of the picture that was segmented."""
    if work.error is not None:
        raise work.error
    return take(work.source, max_bytes=8 * batch.max_pixels + (16 << 20))


def _decode(data: bytes, work: Work, batch: Batch) -> Picture:
    return read(_NamedBytes(data, work.name), max_pixels=batch.max_pixels, allow_truncated=batch.allow_truncated)


def _search(picture: Picture, batch: Batch, callback: Callable[[Progress], None] | None) -> Solution:
    image = picture.image.to(batch.device)
    solution = segment(image, batch.how, size=batch.size, callback=callback)
    return Solution(solution.mask.cpu(), solution.score.cpu(), solution.steps.cpu(), solution.status, solution.history)


class _NamedBytes(io.BytesIO):
    """Bytes that remember their file's name, by whose ending camera raw files are told from other TIFFs."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def _is_finished(record: Mapping[str, Any], key: Mapping[str, Any], files: Mapping[str, Path]) -> bool:
    sizes = record.get("files")
    if not isinstance(sizes, dict) or any(record.get(each) != key[each] for each in ("sha256", "settings_sha256")):
        return False
    return all(_size(path) == sizes.get(kind, -1) for kind, path in files.items())


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _identity(source: Path | BinaryIO) -> tuple[int, int] | None:
    """What a file is, however it is spelled or linked; None if it is not there."""
    if not isinstance(source, Path):
        return None
    try:
        status = source.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
