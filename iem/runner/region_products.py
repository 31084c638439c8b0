"""What is written of one picture that was taken apart, and where."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import torch

from iem.images import resize, write_cutout, write_image, write_labels, write_mask
from iem.images.writing import StrPath
from iem.interfaces import Image, Mask
from iem.regions import SCENE, RegionTree, Round
from iem.runner.peeler import Labels
from iem.runner.region_facts import extent_of
from iem.visualise import film, overlay, region_film_frames, region_overview

_OURS = re.compile(
    r"labels\.png|overview\.jpg|film\.webp|tree\.json"
    r"|(regions|cutouts)/\d{2,}\.png|rounds/\d{2,}_(picture|mask|overlay|painted)\.(jpg|png)"
)
_LONGEST_SIDE = 1024  # pixels, of the pictures of the rounds


@dataclass(frozen=True)
class RegionProducts:
    """Places of the files of one picture: a folder of its own.

    >>> products = RegionProducts.under("out", "birds/a")
    >>> products.record.as_posix(), products.region(3).as_posix(), products.round(1, "mask").as_posix()
    ('out/birds/a/tree.json', 'out/birds/a/regions/03.png', 'out/birds/a/rounds/01_mask.png')
    """

    folder: Path

    @classmethod
    def under(cls, folder: StrPath, place: str | PurePath) -> "RegionProducts":
        """Those of a picture called ``place`` (with its subfolders, without ending) below ``folder``."""
        return cls(Path(folder, *PurePath(place).parts))

    @property
    def labels(self) -> Path:
        """The id of every pixel's region, 16 bits."""
        return self.folder / "labels.png"

    @property
    def overview(self) -> Path:
        """All regions at a glance."""
        return self.folder / "overview.jpg"

    @property
    def film(self) -> Path:
        """The regions as they were found."""
        return self.folder / "film.webp"

    @property
    def record(self) -> Path:
        """JSON; written last, so a picture with a record is done."""
        return self.folder / "tree.json"

    def region(self, id: int) -> Path:  # noqa: A002  what it is called everywhere
        """The mask of a region's own pixels."""
        return self.folder / "regions" / f"{id:02d}.png"

    def cutout(self, id: int) -> Path:  # noqa: A002
        """The region with all that lies in it, cut out of the picture."""
        return self.folder / "cutouts" / f"{id:02d}.png"

    def round(self, number: int, kind: str) -> Path:
        """``picture``, ``mask``, ``overlay`` or ``painted`` of a round."""
        return self.folder / "rounds" / f"{number:02d}_{kind}.{'png' if kind == 'mask' else 'jpg'}"

    def existing(self) -> Iterator[Path]:
        """The files that are there, of this run or an earlier one; what others keep in the folder is not among them."""
        for path in (*self.folder.glob("*.*"), *self.folder.glob("*/*.*")):
            if _OURS.fullmatch(path.relative_to(self.folder).as_posix()) and not path.is_dir():
                yield path

    def write(
        self, image: Image, tree: RegionTree, labels: Labels, *, alpha: Mask | None = None, films: bool = True
    ) -> dict[str, Path]:
        """Write all but the record, after removing what an earlier run left, its record first.

        Args:
            image: the picture at its own size.
            tree: its regions; what it says of its rounds is written at its size.
            labels: the region of every pixel of ``image``.
            alpha: what it says is transparent stays so in the cut-outs.
            films: whether to write the film, too.

        Returns:
            Name, relative to the folder -> file.

        Raises:
            ImageError: no space or no permission; nothing half-written remains.
        """
        self.record.unlink(missing_ok=True)
        for path in self.existing():
            path.unlink()
        written = [self.labels, self.overview]
        write_labels(self.labels, labels)
        write_image(self.overview, region_overview(tree))
        for region in tree.regions:
            if region.id == SCENE:
                continue
            write_mask(self.region(region.id), (labels == region.id).float()[None, None])
            extent = extent_of(tree, labels, region.id)
            opacity = extent if alpha is None else extent * alpha
            # Colours that cannot be seen would only make the file larger.
            write_cutout(self.cutout(region.id), image * (opacity > 0), opacity)
            written += [self.region(region.id), self.cutout(region.id)]
        for tried in tree.rounds:
            written += self.write_round(tried)
        if films:
            frames = region_film_frames(tree)
            film(frames, self.film, seconds=len(frames) / 6, hold=2.0, width=max(8, frames[0].shape[3]))
            written.append(self.film)
        return {path.relative_to(self.folder).as_posix(): path for path in written}

    def write_round(self, tried: Round) -> list[Path]:
        """What the finder saw, unless that is the picture as it is, what it found, and what was painted."""
        pictures = {"overlay": overlay(_shrunk(tried.picture), _shrunk(tried.proposal))}
        if tried.kind == "paint":
            pictures["picture"] = _shrunk(tried.picture)
        if tried.painted is not None:
            pictures["painted"] = _shrunk(tried.painted)
        mask = self.round(tried.number, "mask")
        write_mask(mask, _shrunk(tried.proposal))
        for kind, picture in pictures.items():
            write_image(self.round(tried.number, kind), picture)
        return [mask, *(self.round(tried.number, kind) for kind in pictures)]


def _shrunk(values: torch.Tensor) -> torch.Tensor:
    height, width = values.shape[-2:]
    scale = min(1.0, _LONGEST_SIDE / max(height, width))
    return resize(values.cpu(), (max(1, round(height * scale)), max(1, round(width * scale))))
