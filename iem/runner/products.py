"""What is written of one segmented picture, and where."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from iem.images import write_cutout, write_image, write_mask
from iem.images.writing import StrPath
from iem.interfaces import Image, Mask
from iem.visualise import overlay


@dataclass(frozen=True)
class Products:
    """Places of the files of one picture: a folder for each kind, in it the input's tree.

    So ``folder / "masks"`` is what ``iem evaluate`` reads.

    >>> Products.under("out", "birds/a").mask.as_posix()
    'out/masks/birds/a.png'
    """

    mask: Path
    cutout: Path
    overlay: Path
    film: Path
    record: Path  #: JSON; written last, so a picture with a record is done

    @classmethod
    def under(cls, folder: StrPath, place: str | PurePath) -> "Products":
        """The places below ``folder`` for a picture called ``place`` (with its subfolders, without ending)."""

        def at(kind: str, ending: str) -> Path:
            return Path(folder, kind, *PurePath(place).parent.parts, PurePath(place).name + ending)

        return cls(
            mask=at("masks", ".png"),
            cutout=at("cutouts", ".png"),
            overlay=at("overlays", ".jpg"),
            film=at("films", ".webp"),
            record=at("records", ".json"),
        )

    def write(
        self,
        image: Image,
        mask: Mask,
        *,
        alpha: Mask | None = None,
        truth: Mask | None = None,
        protect: Iterable[StrPath] = (),
    ) -> None:
        """Write mask, cut-out and overlay of one picture; what ``alpha`` says is transparent stays so in the cut-out.

        Raises:
            ImageError: no space, no permission, or a file of ``protect`` in the way; nothing half-written remains.
        """
        for path in (self.mask, self.cutout, self.overlay):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_mask(self.mask, mask, protect=protect)
        write_cutout(self.cutout, image, mask if alpha is None else mask * alpha, protect=protect)
        write_image(self.overlay, overlay(image, mask, truth=truth), protect=protect)
