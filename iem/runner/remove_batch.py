"""Removing things from many pictures: what is finished is kept, and one bad file does not stop the rest."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scipy import ndimage

from iem.images import write_atomic
from iem.images.errors import printable
from iem.runner.inpaint_batch import protected
from iem.runner.inpaint_masks import mask_bytes
from iem.runner.inputs import Identity, Outcome, failure, identities, is_finished, read_bytes, refuse_inputs
from iem.runner.remove_picture import Marked, OnStep, RemoveBatch, Removed, removed_from
from iem.runner.remove_products import RemovalProducts
from iem.runner.results import read_json, write_json
from iem.runner.settings import fingerprint
from iem.runner.versions import versions
from iem.runner.work import Work


def remove_files(
    works: Sequence[Work], folder: Path, batch: RemoveBatch, *, on_step: OnStep | None = None
) -> Iterator[Outcome]:
    """Do pictures one after the other, each outcome as soon as its files are on disk.

    Under ``folder`` every picture gets a folder with the files of ``RemovalProducts``. Its record is written last: a
    picture is finished if its record was made from the same bytes with the same settings and its files still have their
    sizes. Nothing is written of a picture before all of it is painted, and neither pictures nor masks are ever
    overwritten. Whatever is wrong with one picture is its outcome, never an exception.
    """
    settings = batch.settings
    stamp = {"settings": settings, "settings_sha256": fingerprint(settings), "version": versions()["iem"]}
    inputs = _inputs(works, batch)
    for work in works:
        try:
            outcome = _remove_file(work, folder, batch, stamp, inputs, on_step)
        except Exception as error:  # one picture must not cost the others
            outcome = Outcome(work, "failed", {}, {}, failure(error, work, "paint"))
        yield outcome


def remove_to_file(work: Work, path: Path, batch: RemoveBatch, *, on_step: OnStep | None = None) -> Iterator[Outcome]:
    """Do one picture, whose result gets the file of that name, with nothing beside it."""
    begun = time.perf_counter()
    try:
        refuse_inputs([path], _inputs([work], batch))
        removed = remove_stream(work, batch, on_step)
        write_atomic(path, next(iter(removed.results.values())))
        yield Outcome(work, "done", _facts(removed, begun), {"result": path})
    except Exception as error:
        yield Outcome(work, "failed", {}, {}, failure(error, work, "paint"))


def remove_stream(work: Work, batch: RemoveBatch, on_step: OnStep | None = None) -> Removed:
    """Do one picture without writing anything, and without asking anybody.

    Raises:
        ImageError: a picture or mask that cannot be used, or nothing to remove.
    """
    data = read_bytes(work, batch.max_pixels)
    mask = None if batch.masks is None else mask_bytes(batch.masks.file_for(work), batch.max_pixels)
    removed = removed_from(data, mask, work, RemovalProducts(Path()), replace(batch, choose=None), on_step)
    assert removed is not None  # only somebody who is asked may leave it
    return removed


def _remove_file(
    work: Work,
    folder: Path,
    batch: RemoveBatch,
    stamp: Mapping[str, Any],
    inputs: Mapping[Identity, str],
    on_step: OnStep | None,
) -> Outcome:
    begun = time.perf_counter()
    data = read_bytes(work, batch.max_pixels)
    mask = None if batch.masks is None else mask_bytes(batch.masks.file_for(work), batch.max_pixels)
    key = {"sha256": hashlib.sha256(data + (mask or b"")).hexdigest(), **stamp}
    products = RemovalProducts.under(folder, work.place)
    earlier = read_json(products.record)
    if earlier is not None and not batch.overwrite:
        files = {str(name): products.folder / str(name) for name in earlier.get("files", ())}
        if is_finished(earlier, key, {**files, "hole.png": products.hole}):
            return Outcome(work, "skipped", earlier, {**files, "removal.json": products.record})

    refuse_inputs((*products.existing(), products.preview), inputs)
    try:
        removed = removed_from(data, mask, work, products, batch, on_step)
    finally:
        products.discard_preview()
    if removed is None:
        return Outcome(work, "done", {"left": True, "painted": 0.0, "notices": []}, {})
    image, masks = removed.original.image, [each.mask for each in removed.objects]
    files = products.write(image, masks, removed.hole, removed.results, removed.format)
    record = {
        "input": printable(work.name),
        **key,
        **_facts(removed, begun),
        "versions": versions(),
        "files": {name: path.stat().st_size for name, path in files.items()},
    }
    write_json(products.record, record)
    return Outcome(work, "done", record, {**files, "removal.json": products.record})


def _facts(removed: Removed, begun: float) -> dict[str, Any]:
    height, width = removed.original.samples.shape[:2]
    return {
        "size": [width, height],
        "format": removed.format,
        "input_format": removed.original.format,
        "objects": [_row(each) for each in removed.objects],
        "painted": round(float((removed.hole > 0).double().mean()), 6),
        "grow": removed.grow,
        "feather": removed.feather,
        "painters": {name: round(seconds, 4) for name, seconds in removed.seconds.items()},
        "seconds": round(time.perf_counter() - begun, 4),
        "notices": removed.notices,
    }


def _row(marked: Marked) -> dict[str, Any]:
    found = ndimage.find_objects((marked.mask[0, 0] > 0.5).numpy().astype(int))
    box = [found[0][1].start, found[0][0].start, found[0][1].stop, found[0][0].stop] if found else None
    share = round(float((marked.mask > 0.5).double().mean()), 6)
    return {"said": printable(marked.said), "score": marked.score, "share": share, "box": box}


def _inputs(works: Sequence[Work], batch: RemoveBatch) -> dict[Identity, str]:
    return identities(works) if batch.masks is None else protected(works, batch.masks)
