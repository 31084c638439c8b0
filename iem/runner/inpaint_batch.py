"""Painting the holes of many pictures: what is finished is kept, and one bad file does not stop the rest."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from iem.images import ImageError, write_atomic
from iem.images.errors import printable
from iem.images.retouching import ENDINGS
from iem.runner.inpaint_file import InpaintBatch, OnStep, Painted, inpaint_bytes
from iem.runner.inpaint_masks import Masks, mask_bytes, mask_files
from iem.runner.inputs import Identity, Outcome, failure, identities, is_finished, read_bytes, refuse_inputs
from iem.runner.results import read_json, write_json
from iem.runner.settings import fingerprint
from iem.runner.versions import versions
from iem.runner.work import Work

_SPELLINGS = {
    "PNG": ("png", "apng"),
    "JPEG": ("jpg", "jpeg", "jpe", "jfif"),
    "WEBP": ("webp",),
    "TIFF": ("tif", "tiff"),
    "BMP": ("bmp", "dib"),
}


def inpaint_files(
    works: Sequence[Work], folder: Path, batch: InpaintBatch, *, on_step: OnStep | None = None
) -> Iterator[Outcome]:
    """Paint pictures one after the other, each outcome as soon as its files are on disk.

    Under ``folder`` every picture gets a file of its own name, and under ``records`` a JSON file, which is written
    last: a picture is finished if its record was made from the same bytes and the same mask with the same settings and
    its file still has its size. Neither inputs nor masks are ever overwritten. Whatever is wrong with one picture is
    its outcome, never an exception.
    """
    settings = batch.settings
    stamp = {"settings": settings, "settings_sha256": fingerprint(settings), "version": versions()["iem"]}
    inputs = protected(works, batch.masks)
    for work in works:
        try:
            outcome = _inpaint_file(work, folder, batch, stamp, inputs, on_step)
        except Exception as error:  # one picture must not cost the others
            outcome = Outcome(work, "failed", {}, {}, failure(error, work, "paint"))
        yield outcome


def inpaint_stream(work: Work, batch: InpaintBatch, on_step: OnStep | None = None) -> Painted:
    """Paint one picture without writing anything.

    Raises:
        ImageError: a picture or mask that cannot be used.
    """
    data = read_bytes(work, batch.max_pixels)
    mask_path = batch.masks.file_for(work)
    return inpaint_bytes(data, mask_bytes(mask_path, batch.max_pixels), work, mask_path, batch, on_step)


def inpaint_to_file(work: Work, path: Path, batch: InpaintBatch, *, on_step: OnStep | None = None) -> Iterator[Outcome]:
    """Paint one picture into the file of that name, with no record beside it."""
    begun = time.perf_counter()
    try:
        refuse_inputs([path], protected([work], batch.masks))
        painted = inpaint_stream(work, batch, on_step)
        write_atomic(path, painted.data)
        yield Outcome(work, "done", _facts(painted, begun), {"painted": path})
    except Exception as error:
        yield Outcome(work, "failed", {}, {}, failure(error, work, "paint"))


def protected(works: Sequence[Work], masks: Masks) -> dict[Identity, str]:
    """What the pictures and masks are -> what the user calls them."""
    found = [Work(str(path), path, PurePath(path.name)) for path in mask_files(masks)]
    return {**identities(found), **identities(works)}


def _inpaint_file(
    work: Work,
    folder: Path,
    batch: InpaintBatch,
    stamp: Mapping[str, Any],
    inputs: Mapping[Identity, str],
    on_step: OnStep | None,
) -> Outcome:
    begun = time.perf_counter()
    data = read_bytes(work, batch.max_pixels)
    mask_path = batch.masks.file_for(work)
    mask = mask_bytes(mask_path, batch.max_pixels)
    sums = {"sha256": hashlib.sha256(data).hexdigest(), "mask_sha256": hashlib.sha256(mask).hexdigest()}
    record_path = folder / "records" / work.place.parent / f"{work.place.name}.json"
    earlier = read_json(record_path)
    if earlier is not None and not batch.overwrite and earlier.get("mask_sha256") == sums["mask_sha256"]:
        files = {"painted": folder / str(earlier.get("file", ""))}
        if is_finished(earlier, {**sums, **stamp}, files):
            return Outcome(work, "skipped", earlier, {**files, "record": record_path})

    painted = inpaint_bytes(data, mask, work, mask_path, batch, on_step)
    place = work.place.parent / (work.place.name + _ending(painted, work))
    path = folder / place
    refuse_inputs((path, record_path), inputs)
    if path.exists() and not batch.overwrite and (earlier is None or earlier.get("file") != place.as_posix()):
        raise ImageError(path, "a file of this name is there, which no earlier run wrote; --overwrite replaces it")
    write_json(record_path, {"file": place.as_posix()})  # ours, and not finished, until all is written
    write_atomic(path, painted.data)
    record = {
        "input": printable(work.name),
        "mask": printable(str(mask_path)),
        **sums,
        **stamp,
        "file": place.as_posix(),
        **_facts(painted, begun),
        "files": {"painted": len(painted.data)},
    }
    write_json(record_path, record)
    return Outcome(work, "done", record, {"painted": path, "record": record_path})


def _facts(painted: Painted, begun: float) -> dict[str, Any]:
    height, width = painted.original.samples.shape[:2]
    return {
        "format": painted.format,
        "input_format": painted.original.format,
        "size": [width, height],
        "painted": round(painted.share, 6),
        "seconds": round(time.perf_counter() - begun, 4),
        "notices": list(painted.notices),
    }


def _ending(painted: Painted, work: Work) -> str:
    """The input's own where it fits, such as .jpeg or .JPG."""
    suffix = work.source.suffix if isinstance(work.source, Path) else ""
    same = painted.format == painted.original.format and suffix.lower().strip(".") in _SPELLINGS[painted.format]
    return suffix if same else ENDINGS[painted.format]
