"""Pictures to be taken apart, with or without truth, read one at a time."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from iem.images import DEFAULT_MAX_PIXELS
from iem.interfaces import Dataset, Image, Mask, Sample
from iem.runner.inputs import decode, read_bytes
from iem.runner.provenance import sample_fingerprint
from iem.runner.work import Work, list_work


@dataclass(frozen=True)
class Scene:
    """One picture.

    Attributes:
        name: unique among its scenes, fit to be a path below a folder.
        image: ``[1, 3, h, w]`` in [0, 1].
        data: fingerprint of the picture, and of its truth if it has one.
        truth: the labelled picture; None for a photograph.
        alpha: opacity, None where every pixel is opaque.
    """

    name: str
    image: Image
    data: str
    truth: Sample | None = None
    alpha: Mask | None = None


class Scenes(Protocol):
    """Pictures, by their names."""

    @property
    def names(self) -> Sequence[str]:
        """In order."""
        ...

    def read(self, index: int) -> Scene:
        """The picture at ``index``.

        Raises:
            ImageError: it cannot be read.
        """
        ...


@dataclass(frozen=True)
class Labelled:
    """Those of a data set."""

    dataset: Dataset

    @property
    def names(self) -> Sequence[str]:
        """The samples' names."""
        return self.dataset.names

    def read(self, index: int) -> Scene:
        """The sample at ``index``."""
        sample = self.dataset[index]
        return Scene(sample.name, sample.image, sample_fingerprint(sample), sample)


@dataclass(frozen=True)
class Photographs:
    """Those of a folder and all that is below it.

    Raises:
        ValueError: there is no picture in it.
    """

    folder: Path | str
    _works: list[Work] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not Path(self.folder).is_dir():
            raise ValueError(f"photos: expected a folder of pictures, got {self.folder}; check the name")
        works = list_work([str(self.folder)])
        if not any(work.error is None for work in works):
            raise ValueError(f"photos: expected a folder of pictures, found none in {self.folder}; check the name")
        object.__setattr__(self, "_works", works)

    @property
    def names(self) -> Sequence[str]:
        """Their places below the folder, without endings."""
        return [work.place.as_posix() for work in self._works]

    def read(self, index: int) -> Scene:
        """The picture at ``index``."""
        work = self._works[index]
        data = read_bytes(work, DEFAULT_MAX_PIXELS)
        picture = decode(data, work, max_pixels=DEFAULT_MAX_PIXELS, allow_truncated=False)
        digest = hashlib.sha256(data).hexdigest()[:16]
        return Scene(work.place.as_posix(), picture.image, digest, alpha=picture.alpha)
