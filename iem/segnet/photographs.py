"""Pictures without any truth: all that training needs."""

from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import final

import torch

from iem.checks import check_number
from iem.images import list_pictures, read, short_side
from iem.images.errors import ImageError, printable
from iem.interfaces import Sample


@final
@dataclass(frozen=True)
class Photographs:
    """Every picture in a folder and below it, sorted by path, as a data set whose truths are empty.

    Args:
        root: the folder.
        size: the short side is brought down to this many pixels; None for pictures as they are.

    Raises:
        ValueError: no picture there, or some that cannot be read; the message names the first.

    >>> import tempfile
    >>> Photographs(tempfile.mkdtemp())
    Traceback (most recent call last):
    ...
    ValueError: photos: expected pictures in ..., found none; give a folder that holds some
    """

    root: Path | str
    _: KW_ONLY
    size: int | None = None
    _paths: tuple[tuple[str, Path], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.size is not None:
            check_number(self.size, "size", low=8, integer=True)
        where = printable(str(self.root))
        if not Path(self.root).is_dir():
            raise ValueError(f"photos: expected a folder, found none at {where}; give a folder with pictures")
        listed = [each for each in list_pictures([Path(self.root)]) if each.path != Path(self.root)]
        if not listed:
            raise ValueError(f"photos: expected pictures in {where}, found none; give a folder that holds some")
        for each in listed:
            if each.error is not None:
                raise ValueError(f"photos: {each.error}; mend or remove it")
        # The ending stays in the name: a.jpg and a.png are two pictures.
        named = [("__".join(each.relative.parts), each.path) for each in listed]
        object.__setattr__(self, "_paths", tuple(sorted(named)))

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names, in order."""
        return tuple(name for name, _ in self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Sample:
        """The picture at ``index``, decoded now.

        Raises:
            ImageError: it cannot be read.
        """
        name, path = self._paths[index]
        image = read(path).image
        if self.size is not None:
            image = short_side(image, self.size, enlarge=False)
        if image.numel() == 0:
            raise ImageError(path, "the picture has no pixels")
        return Sample(name=name, image=image, truth=torch.zeros_like(image[:, :1]))
