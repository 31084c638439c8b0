"""Where the regions of a planted scene lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from skimage.draw import polygon2mask

Labels = np.ndarray[Any, np.dtype[np.int64]]
Outline = np.ndarray[Any, np.dtype[np.float64]]

_RASTER = 128  # short side at which a layout is judged, so that a scene is the same one at every size
_ATTEMPTS = {"objects": 15, "tiles": 300}  # layouts drawn before the count is given up; objects have drawings within


@dataclass(frozen=True)
class Layout:
    """Regions without a raster: outlines one on top of the other, or sites each of which owns what is nearest to it.

    Attributes:
        outlines: vertices ``[n, 2]`` as (row, column); the picture's short side is 1. Region i + 1 is inside the i-th.
        sites: ``[k, 2]``, the same; None with outlines.
    """

    outlines: tuple[Outline, ...] = ()
    sites: Outline | None = None

    def labels(self, size: tuple[int, int]) -> Labels:
        """``int[h, w]``: the region of each pixel, by its centre.

        >>> square = np.array([[0.0, 0.0], [0.0, 0.5], [0.5, 0.5], [0.5, 0.0]])
        >>> Layout((square,)).labels((4, 4))[0]
        array([1, 1, 0, 0])
        """
        short = min(size)
        labels = np.zeros(size, dtype=np.int64)
        if self.sites is not None:
            rows, columns = ((np.arange(length) + 0.5) / short for length in size)
            squares = [(rows[:, None] - y) ** 2 + (columns - x) ** 2 for y, x in self.sites]
            nearest: Labels = np.argmin(squares, axis=0).astype(np.int64)
            return nearest
        for region, outline in enumerate(self.outlines, start=1):
            labels[polygon2mask(size, outline * short - 0.5)] = region
        return labels


def draw_layout(
    kind: str, count: int, size: tuple[int, int], least: float, random: np.random.Generator
) -> tuple[Layout, Labels]:
    """``count`` regions that a person would count the same way, and their raster at ``size``.

    Every region is one piece, covers the share ``least`` of the picture and is nowhere but thin. A layout that fails
    is drawn again.

    Args:
        kind: "objects" on a background, region 0; or "tiles" that share the frame.
        count: of regions.
        size: height and width, in pixels.
        least: share of the picture.
        random: what is drawn from.

    Raises:
        ValueError: no such layout was found.

    >>> labels = draw_layout("tiles", 3, (64, 64), 0.03, np.random.default_rng(0))[1]
    >>> np.unique(labels)
    array([0, 1, 2])
    """
    short = min(size)
    frame = (size[0] / short, size[1] / short)
    raster = (round(_RASTER * frame[0]), round(_RASTER * frame[1]))
    for _ in range(_ATTEMPTS[kind]):
        layout = _objects(count, frame, raster, least, random) if kind == "objects" else _tiles(count, frame, random)
        labels = layout.labels(size)
        if _clear(layout.labels(raster), count, least) and np.bincount(labels.ravel(), minlength=count).min() > 0:
            return layout, labels
    raise ValueError(
        f"regions: expected a count that fits the picture, got {count} regions of at least {least:g} of it each; "
        "ask for fewer, or lower least_area"
    )


def _objects(
    count: int, frame: tuple[float, float], raster: tuple[int, int], least: float, random: np.random.Generator
) -> Layout:
    """Outlines one on top of the other; the more there are, the smaller. One that hides too much is drawn again."""
    outlines: tuple[Outline, ...] = ()
    largest = max(0.34 - 0.02 * count, 0.16)
    for _ in range(20 * count):
        if len(outlines) == count - 1:
            break
        centre = random.uniform(0.14, 0.86, 2) * frame
        more = (*outlines, centre + _outline(random.uniform(0.13, largest), random))
        if _clear(Layout(more).labels(raster), len(more) + 1, least):
            outlines = more
    return Layout(outlines)


def _outline(radius: float, random: np.random.Generator) -> Outline:
    """A disc, an ellipse, a rectangle or a polygon around (0, 0)."""
    shape = random.choice(["disc", "ellipse", "rectangle", "polygon"])
    turn = random.uniform(0, np.pi)
    if shape in ("disc", "ellipse"):
        angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
        narrow = 1.0 if shape == "disc" else random.uniform(0.5, 0.8)
        points = radius * np.stack([np.sin(angles), narrow * np.cos(angles)], axis=1)
    elif shape == "rectangle":
        half = radius * np.array([1.0, random.uniform(0.55, 1.0)])
        points = half * np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
    else:
        corners = random.integers(3, 7)
        angles = (np.arange(corners) + random.uniform(-0.25, 0.25, corners)) * 2 * np.pi / corners
        points = 1.2 * radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    outline: Outline = points @ rotation
    return outline


def _tiles(count: int, frame: tuple[float, float], random: np.random.Generator) -> Layout:
    """Sites that keep their distance: the best of a few draws for each."""
    sites: list[Outline] = []
    for _ in range(count):
        drawn = random.uniform(0.05, 0.95, (8, 2)) * frame
        away = [min((float(np.hypot(*(one - site))) for site in sites), default=0.0) for one in drawn]
        sites.append(drawn[int(np.argmax(away))])
    return Layout(sites=np.array(sites))


def _clear(labels: Labels, count: int, least: float) -> bool:
    """Every region is one piece, large, and wide enough to show its texture; no object is cut to a sliver."""
    for region in range(count):
        inside = labels == region
        if inside.mean() < max(least, 1 / inside.size) or _pieces(inside) != 1:
            return False
        # What lies beyond the picture continues what lies at its border.
        depth = ndimage.distance_transform_edt(np.pad(inside, 8, mode="edge"))[8:-8, 8:-8]
        if depth.max() < 7 or _pieces(depth > 3) != 1:
            return False
    return True


def _pieces(region: np.ndarray[Any, np.dtype[np.bool_]]) -> int:
    return int(ndimage.label(region)[1])


def neighbours(labels: Labels) -> Sequence[tuple[int, int]]:
    """Pairs of regions that touch, the lower number first.

    >>> neighbours(np.array([[0, 1], [0, 2]]))
    [(0, 1), (0, 2), (1, 2)]
    """
    pairs = set()
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        edge = one != other
        pairs |= set(map(tuple, np.sort(np.stack([one[edge], other[edge]], axis=1), axis=1).tolist()))
    return sorted((int(a), int(b)) for a, b in pairs)
