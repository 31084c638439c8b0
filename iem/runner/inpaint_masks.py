"""Which mask belongs to which picture, and the hole that it means."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from iem.images import ImageError, list_pictures, read_mask
from iem.images.errors import printable
from iem.images.sources import take
from iem.interfaces import Mask
from iem.runner.work import Work

_ENDINGS = ("", "_mask", "-mask", ".mask")


@dataclass(frozen=True)
class Masks:
    """One mask for all pictures, or a folder with one for each.

    Attributes:
        path: the file or the folder.
        named: in a folder, its pictures by their place without ending, so that capitals do not count; None for a file.
    """

    path: Path
    named: Mapping[str, tuple[Path, ...]] | None = None

    def file_for(self, work: Work) -> Path:
        """The mask's file.

        Raises:
            ImageError: none of the picture's name, or several.
        """
        if self.named is None:
            return self.path
        if not isinstance(work.source, Path):
            raise ImageError(
                work.name, "a picture from standard input has no name to find its mask by; give --mask FILE"
            )
        folder = work.place.parent
        stems = dict.fromkeys((work.source.stem, work.place.name))
        for stem in (stem + ending for stem in stems for ending in _ENDINGS):
            found = self.named.get(_folded(folder / stem), ())
            found = tuple(each for each in found if each.name == work.source.name) or found
            if len(found) == 1:
                return found[0]
            if found:
                names = " and ".join(printable(each.name) for each in found)
                raise ImageError(work.name, f"two masks of its name, {names} in {self}; remove one of them")
        wanted = printable(str(folder / work.source.stem))
        raise ImageError(work.name, f"no mask of its name in {self}; expected {wanted}.png or {wanted}_mask.png there")

    def __str__(self) -> str:
        return printable(str(self.path))


def find_masks(path: Path | str) -> Masks:
    """The masks that a path means; a folder is looked through once.

    Raises:
        ValueError: nothing is there, or a folder without pictures.
    """
    path = Path(path)
    if path.is_file():
        return Masks(path)
    shown = printable(str(path))
    if not path.is_dir():
        raise ValueError(f"--mask: expected a picture or a folder of pictures, got {shown}, where nothing is; check it")
    named: dict[str, tuple[Path, ...]] = {}
    for each in list_pictures([path]):
        if each.error is None:
            key = _folded(each.relative.with_suffix(""))
            named[key] = (*named.get(key, ()), each.path)
    if not named:
        raise ValueError(f"--mask: expected a folder of pictures, got {shown}, which holds none; check the path")
    return Masks(path, named)


def without_masks(works: Sequence[Work], masks: Masks, inputs: Sequence[str]) -> list[Work]:
    """The pictures that are no masks themselves: a folder may hold both. What was named itself stays."""
    return [work for work in works if work.name in inputs or not _lies_in(work.source, masks.path)]


def read_hole(data: bytes, path: Path, size: tuple[int, int], *, invert: bool, resize: bool, max_pixels: int) -> Mask:
    """The hole that a mask's file means, 0 or 1.

    Args:
        data: of the file.
        path: for messages.
        size: (height, width) of the picture.
        invert: whether black, or what is transparent, is to be painted.
        resize: bring another size to the picture's.
        max_pixels: of the mask.

    Raises:
        ImageError: no mask, or another size.
    """
    try:
        mask = read_mask(data, size=size, resize=resize, max_pixels=max_pixels)
    except ImageError as error:
        reason = error.reason.replace("or ask for resizing", "or stretch it with --resize-mask")
        raise ImageError(path, reason) from error
    return 1 - mask if invert else mask


def mask_bytes(path: Path, max_pixels: int) -> bytes:
    """The mask's file, read once, so that its checksum is that of the mask that was used.

    Raises:
        ImageError: it cannot be read.
    """
    return take(path, max_bytes=8 * max_pixels + (16 << 20))


def mask_files(masks: Masks) -> Iterator[Path]:
    """All of them, none of which may be overwritten."""
    if masks.named is None:
        yield masks.path
    else:
        for found in masks.named.values():
            yield from found


def _lies_in(source: object, path: Path) -> bool:
    if not isinstance(source, Path):
        return False
    place = source.resolve()
    return path.resolve() in (place, *place.parents)


def _folded(place: PurePath) -> str:
    return unicodedata.normalize("NFC", place.as_posix()).casefold()
