"""Nine photographs that scikit-learn and scikit-image carry inside their packages, with outlines drawn for us.

Nothing is downloaded, and neither package is imported to find its files.
"""

import re
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

import numpy as np
import torch
from skimage.draw import polygon2mask

from iem.checks import check_number
from iem.datasets.pairs import read_picture
from iem.datasets.problems import DatasetError
from iem.datasets.protocol import EvaluationProtocol, get_protocol
from iem.datasets.subset import evenly_spaced
from iem.interfaces import Mask, Sample

Polygon = tuple[tuple[float, float], ...]

_VERTEX = re.compile(r"-?[0-9.]+,-?[0-9.]+")


@dataclass(frozen=True)
class Photo:
    """One photograph and the outline of what it shows.

    Attributes:
        name: short stem, for example ``"cat"``.
        package: the installed package whose wheel holds the file.
        file: path of the file inside that package.
        width: of the photograph, in pixels.
        height: of the photograph, in pixels.
        polygons: vertices (x, y) in pixels; their union is the object. (0, 0) is the outer corner of the first pixel.
        holes: polygons that are cut out of that union.
        subject: what was outlined and what was left out, in one clause.
        source: who took the photograph and its licence.
    """

    name: str
    package: str
    file: str
    width: int
    height: int
    polygons: tuple[Polygon, ...]
    holes: tuple[Polygon, ...] = ()
    subject: str = ""
    source: str = ""


def read_outlines(text: str) -> tuple[Photo, ...]:
    """The photographs that a text of outlines describes; its own first lines explain the format.

    Raises:
        ValueError: a line that is not in the format, with its number.

    >>> text = '''
    ... photo dot skimage data/dot.png 8 6
    ... subject a dot
    ... source drawn
    ... polygon  # all of it
    ...   1,1 4.5,1
    ...   3,4
    ... '''
    >>> read_outlines(text)[0].polygons
    (((1.0, 1.0), (4.5, 1.0), (3.0, 4.0)),)
    """
    entries: list[dict[str, Any]] = []
    outline: list[tuple[float, float]] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        match line.split("#")[0].split():
            case []:
                continue
            case ["photo", name, package, file, width, height]:
                entries.append({"name": name, "package": package, "file": file, "polygons": [], "holes": []})
                entries[-1] |= {"width": int(width), "height": int(height)}
                outline = None
            case ["subject" | "source" as keyword, *values] if entries:
                entries[-1][keyword] = " ".join(values)
            case ["polygon" | "hole" as keyword] if entries:
                outline = []
                entries[-1][f"{keyword}s"].append(outline)
            case vertices if outline is not None and all(map(_VERTEX.fullmatch, vertices)):
                outline += [(float(x), float(y)) for x, y in (vertex.split(",") for vertex in vertices)]
            case _:
                raise ValueError(
                    "outlines: expected photo, subject, source, polygon, hole or vertices x,y, "
                    f"got {line.strip()!r} on line {number}; see the format at the top of the file"
                )
    kinds = ("polygons", "holes")
    return tuple(Photo(**entry | {kind: tuple(map(tuple, entry[kind])) for kind in kinds}) for entry in entries)


def rasterise(photo: Photo) -> Mask:
    """The object as a mask ``[1, 1, height, width]``, 0 or 1.

    A pixel is 1 when its centre, (0.5, 0.5) for the first one, lies in a polygon (even-odd rule) and in no hole.
    """
    inside = np.zeros((photo.height, photo.width), dtype=bool)
    for polygon in photo.polygons:
        inside |= _fill(polygon, inside.shape)
    for hole in photo.holes:
        inside &= ~_fill(hole, inside.shape)
    return torch.from_numpy(inside)[None, None].float()


@final
@dataclass(frozen=True)
class Samples:
    """Nine real photographs with masks drawn for this project; needs no download.

    Grey photographs are given as RGB. ``photos`` says for each what was outlined and where it comes from.

    Args:
        size: None for the photographs as they are; otherwise the short side is brought to ``size`` pixels with an
            antialiasing filter and the centre is cut out (masks: nearest pixel), the usual protocol of evaluation.
        only: names of the photographs wanted, in this order; None for all.
        limit: no more than this many, evenly spaced.
        protocol: the rule of evaluation, see ``EvaluationProtocol``; "square" is what ``size`` says above.

    Raises:
        DatasetError: an unknown name, or a photograph that the installed packages do not carry.

    >>> samples = Samples(size=128)
    >>> samples.names
    ('flower', 'cameraman', 'astronaut', 'cat', 'coffee', 'rocket', 'coins', 'temple', 'motorcycle')
    >>> samples[3].name, tuple(samples[3].image.shape), tuple(samples[3].truth.shape)
    ('cat', (1, 3, 128, 128), (1, 1, 128, 128))
    """

    size: int | None = None
    _: KW_ONLY
    only: Sequence[str] | None = None
    limit: int | None = None
    protocol: str | EvaluationProtocol = "square"
    photos: tuple[Photo, ...] = field(init=False, repr=False)
    _paths: tuple[Path, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("size", "limit"):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, low=1, integer=True)
        text = files("iem.datasets").joinpath("samples_polygons.txt").read_text(encoding="utf-8")
        photos = evenly_spaced(_choose(read_outlines(text), self.only), self.limit)
        object.__setattr__(self, "photos", photos)
        object.__setattr__(self, "protocol", get_protocol(self.protocol))
        object.__setattr__(self, "_paths", tuple(_locate(photo) for photo in photos))

    @property
    def names(self) -> tuple[str, ...]:
        """The photographs' names, in order."""
        return tuple(photo.name for photo in self.photos)

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, index: int) -> Sample:
        """The photograph at ``index``, decoded now."""
        photo = self.photos[index]
        image = read_picture(self._paths[index], get_protocol(self.protocol))
        truth = rasterise(photo)
        if image.shape[2:] != truth.shape[2:]:
            raise DatasetError(
                f"samples: expected {photo.name} to be {photo.width} x {photo.height}, got {image.shape[3]} x "
                f"{image.shape[2]} from {self._paths[index]}; this {photo.package} carries another photograph, "
                "install another version of it"
            )
        protocol = get_protocol(self.protocol)
        return Sample(name=photo.name, image=protocol.fit(image, self.size), truth=protocol.fit_mask(truth, self.size))


def _fill(polygon: Polygon, shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    # skimage counts (row, column) from the first pixel's centre, the outlines from its outer corner.
    rows_and_columns = np.asarray(polygon)[:, ::-1] - 0.5
    filled: np.ndarray[Any, np.dtype[np.bool_]] = polygon2mask(shape, rows_and_columns)
    return filled


def _choose(photos: tuple[Photo, ...], only: Sequence[str] | None) -> tuple[Photo, ...]:
    if only is None:
        return photos
    known = {photo.name: photo for photo in photos}
    if isinstance(only, str) or not only or len(set(only)) < len(only) or not set(only) <= set(known):
        got = repr(only) if isinstance(only, str) else ", ".join(map(str, only)) or "none"
        raise DatasetError(f"samples: expected a list of different names out of {', '.join(known)}, got {got}")
    return tuple(known[name] for name in only)


def _locate(photo: Photo) -> Path:
    # find_spec of a top-level package does not import it: these two take longer to import than a photograph to read.
    found = find_spec(photo.package)
    for folder in (found.submodule_search_locations or ()) if found else ():
        path = Path(folder, photo.file)
        if path.is_file():
            return path
    distribution = {"skimage": "scikit-image", "sklearn": "scikit-learn"}.get(photo.package, photo.package)
    raise DatasetError(
        f"samples: expected {photo.file} inside the installed {distribution}, found no such file; install another "
        f"version of {distribution}, or leave {photo.name!r} out with only=[...]"
    )
