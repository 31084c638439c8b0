"""Taking pictures apart into a folder: what is finished is kept, and one bad file does not stop the rest."""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from iem.checks import check_number
from iem.images import DEFAULT_MAX_PIXELS
from iem.images.errors import printable
from iem.interfaces import Image
from iem.regions import RegionTree, Round
from iem.runner.inputs import Identity, Outcome, decode, failure, identities, is_finished, read_bytes, refuse_inputs
from iem.runner.peeler import Labels, Peeler, labels_at_full_size
from iem.runner.region_facts import region_rows, round_row
from iem.runner.region_products import RegionProducts
from iem.runner.results import read_json, write_json
from iem.runner.settings import describe, fingerprint
from iem.runner.versions import versions
from iem.runner.work import Work

OnRound = Callable[[Work, Round], None]


@dataclass(frozen=True)
class PeelBatch:
    """How to take a batch of files apart.

    Attributes:
        peeler: all that decides what the regions look like.
        device: where to search, "cpu" or what else PyTorch knows.
        films: also write a film of the regions as they were found.
        overwrite: do anew what is finished already.
        max_pixels: refuse larger pictures.
        allow_truncated: use the part of a damaged file that is there.
        weights: checksums of networks that the settings only name, so that others in their place are another run.
    """

    peeler: Peeler = field(default_factory=Peeler)
    device: str = "cpu"
    films: bool = True
    overwrite: bool = False
    max_pixels: int = DEFAULT_MAX_PIXELS
    allow_truncated: bool = False
    weights: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_number(self.max_pixels, "max_pixels", low=1, integer=True)

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides what the regions look like."""
        return {**describe(self.peeler), **({"weights": dict(self.weights)} if self.weights else {})}


def peel_files(
    works: Sequence[Work], folder: Path, batch: PeelBatch, *, on_round: OnRound | None = None
) -> Iterator[Outcome]:
    """Take pictures apart one after the other, each outcome as soon as its files are on disk.

    Under ``folder`` every picture gets a folder with the files of ``RegionProducts``. Its record is written last: a
    picture is finished if its record was made from the same bytes with the same settings and its files still have their
    sizes. An input is never overwritten. Whatever is wrong with one picture is its outcome, never an exception.
    """
    settings = batch.settings
    stamp = {"settings": settings, "settings_sha256": fingerprint(settings), "version": versions()["iem"]}
    inputs = identities(works)
    for work in works:
        try:
            outcome = _peel_file(work, folder, batch, stamp, inputs, on_round)
        except Exception as error:  # one picture must not cost the others
            outcome = Outcome(work, "failed", {}, {}, failure(error, work, "peel"))
        yield outcome


def peel_to_cpu(
    image: Image, peeler: Peeler, device: str = "cpu", callback: Callable[[Round], None] | None = None
) -> tuple[RegionTree, Labels]:
    """The tree of a picture, as it was peeled, and its labels at the picture's own size."""
    tree = peeler(image.to(device), callback)
    if device != "cpu":
        regions = tuple(replace(region, mask=region.mask.cpu()) for region in tree.regions)
        tree = replace(tree, image=tree.image.cpu(), regions=regions, rounds=tuple(map(_round_on_cpu, tree.rounds)))
    return tree, labels_at_full_size(tree, image)


def tree_record(tree: RegionTree, labels: Labels) -> dict[str, Any]:
    """What is known of the regions and of the rounds that found them, as plain containers."""
    return {
        "size": [labels.shape[1], labels.shape[0]],
        "peeled_at": [tree.image.shape[3], tree.image.shape[2]],
        "reason": str(tree.reason),
        "regions": region_rows(tree, labels),
        "rounds": [round_row(tried) for tried in tree.rounds],
    }


def _peel_file(
    work: Work,
    folder: Path,
    batch: PeelBatch,
    stamp: Mapping[str, Any],
    inputs: Mapping[Identity, str],
    on_round: OnRound | None,
) -> Outcome:
    begun = time.perf_counter()
    data = read_bytes(work, batch.max_pixels)
    key = {"sha256": hashlib.sha256(data).hexdigest(), **stamp}
    products = RegionProducts.under(folder, work.place)
    earlier = read_json(products.record)
    if earlier is not None and not batch.overwrite:
        files = {str(name): products.folder / str(name) for name in earlier.get("files", ())}
        wanted = {"labels.png": products.labels, **({"film.webp": products.film} if batch.films else {})}
        if is_finished(earlier, key, {**files, **wanted}):
            return Outcome(work, "skipped", earlier, {**files, "tree.json": products.record})

    refuse_inputs(products.existing(), inputs)
    picture = decode(data, work, max_pixels=batch.max_pixels, allow_truncated=batch.allow_truncated)
    tree, labels = peel_to_cpu(
        picture.image, batch.peeler, batch.device, None if on_round is None else lambda tried: on_round(work, tried)
    )
    files = products.write(picture.image, tree, labels, alpha=picture.alpha, films=batch.films)
    record = {
        "input": printable(work.name),
        **key,
        **tree_record(tree, labels),
        "seconds": round(time.perf_counter() - begun, 4),
        "format": picture.format,
        "notices": list(picture.notices),
        "versions": versions(),
        "files": {name: path.stat().st_size for name, path in files.items()},
    }
    write_json(products.record, record)
    return Outcome(work, "done", record, {**files, "tree.json": products.record})


def _round_on_cpu(tried: Round) -> Round:
    return replace(
        tried,
        picture=tried.picture.cpu(),
        proposal=tried.proposal.cpu(),
        hole=None if tried.hole is None else tried.hole.cpu(),
        painted=None if tried.painted is None else tried.painted.cpu(),
    )
