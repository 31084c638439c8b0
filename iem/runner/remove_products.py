"""What is written of one picture from which something was removed, and where."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import torch

from iem.images import read, resize, write_atomic, write_image, write_mask
from iem.images.retouching import ENDINGS
from iem.images.writing import StrPath
from iem.interfaces import Image, Mask
from iem.visualise import contact_sheet, legible, region_overlay

_OURS = re.compile(
    r"result(_\w+)?\.(png|jpg|webp|tif|bmp)|hole\.png|overlay\.jpg|comparison\.jpg|preview\.jpg|removal\.json"
    r"|objects/\d{2,}\.png"
)
_LONGEST_SIDE = 1600  # pixels, of pictures to look at
_TALLEST_TILE = 480


@dataclass(frozen=True)
class RemovalProducts:
    """Places of the files of one picture: a folder of its own.

    >>> products = RemovalProducts.under("out", "holiday/a")
    >>> products.record.as_posix(), products.object(3).as_posix(), products.result(".png", "lama").as_posix()
    ('out/holiday/a/removal.json', 'out/holiday/a/objects/03.png', 'out/holiday/a/result_lama.png')
    """

    folder: Path

    @classmethod
    def under(cls, folder: StrPath, place: str | PurePath) -> "RemovalProducts":
        """Those of a picture called ``place`` (with its subfolders, without ending) below ``folder``."""
        return cls(Path(folder, *PurePath(place).parts))

    @property
    def hole(self) -> Path:
        """How much of the paint is seen at every pixel: what the objects cover, grown and feathered."""
        return self.folder / "hole.png"

    @property
    def overlay(self) -> Path:
        """The picture with all that was removed in colour."""
        return self.folder / "overlay.jpg"

    @property
    def comparison(self) -> Path:
        """The picture, and what every painter made of it, side by side."""
        return self.folder / "comparison.jpg"

    @property
    def preview(self) -> Path:
        """What is proposed while somebody chooses."""
        return self.folder / "preview.jpg"

    @property
    def record(self) -> Path:
        """JSON; written last, so a picture with a record is done."""
        return self.folder / "removal.json"

    def object(self, number: int) -> Path:
        """The mask of an object, from 1."""
        return self.folder / "objects" / f"{number:02d}.png"

    def result(self, ending: str, painter: str = "") -> Path:
        """The picture without the objects; by which painter, where there are several."""
        return self.folder / f"result{painter and f'_{painter}'}{ending}"

    def existing(self) -> Iterator[Path]:
        """The files that are there, of this run or an earlier one; what others keep in the folder is not among them."""
        for path in (*self.folder.glob("*.*"), *self.folder.glob("*/*.*")):
            if _OURS.fullmatch(path.relative_to(self.folder).as_posix()) and not path.is_dir():
                yield path

    def write(
        self, image: Image, objects: Sequence[Mask], hole: Mask, results: Mapping[str, bytes], format_: str
    ) -> dict[str, Path]:
        """Write all but the record, after removing what an earlier run left, its record first.

        Args:
            image: the picture as it was.
            objects: their masks.
            hole: see above.
            results: painter -> file.
            format_: of the files, one of ``ENDINGS``.

        Returns:
            Name, relative to the folder -> file.

        Raises:
            ImageError: no space or no permission; nothing half-written remains.
        """
        self.record.unlink(missing_ok=True)
        for path in self.existing():
            path.unlink()
        paths = []
        for painter, data in results.items():
            paths.append(self.result(ENDINGS[format_], painter if len(results) > 1 else ""))
            write_atomic(paths[-1], data)
        write_mask(self.hole, hole)
        for number, mask in enumerate(objects, 1):
            write_mask(self.object(number), mask)
            paths.append(self.object(number))
        shown = shown_objects(image, objects)
        write_image(self.overlay, shown)
        paths += [self.hole, self.overlay]
        if len(results) > 1:
            write_image(self.comparison, compared(shown, results))
            paths.append(self.comparison)
        return {path.relative_to(self.folder).as_posix(): path for path in paths}

    def discard_preview(self) -> None:
        """Remove the preview, and the folder if there is nothing else in it."""
        self.preview.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()


def shown_objects(image: Image, objects: Sequence[Mask]) -> Image:
    """The picture with its objects tinted and numbered; of two that overlap, the later one is seen whole."""
    labels = torch.zeros(image.shape[-2:], dtype=torch.long)
    for number, mask in enumerate(objects, 1):
        labels[mask[0, 0] > 0.5] = number
    shown: Image = region_overlay(image, labels, max_side=_LONGEST_SIDE)
    return shown


def compared(shown: Image, results: Mapping[str, bytes]) -> Image:
    """The picture with its objects, and what every painter made of it."""
    height = min(_TALLEST_TILE, int(shown.shape[2]))
    painted = [read(io.BytesIO(data), max_pixels=2**40).image for data in results.values()]
    names = [legible(name.replace("_", " ")) for name in results]
    tiles = [_tile(each, height) for each in (shown, *painted)]
    return contact_sheet([tiles], labels=["removed", *names], height=max(8, height))


def _tile(image: Image, height: int) -> Image:
    width = max(1, round(image.shape[3] * height / image.shape[2]))
    return resize(image, (height, width))
