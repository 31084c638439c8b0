"""Holes to be painted: strokes, boxes, smooth blobs and the shapes of objects, of a given share of the picture.

All are hard, and have the number of pixels that was asked for: exactly, but for the box, which is right to half of a
side. The same generator gives the same hole; from the same seed, holes of different shares are alike.
"""

import math
from dataclasses import dataclass

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import ImageDraw
from scipy import ndimage
from torch import Tensor
from torch.nn import functional

from iem.checks import check_mask, check_number
from iem.interfaces import FeatureMap, Mask

Size = tuple[int, int]
Shape = Float[Tensor, "b c shape_h shape_w"]
Scores = Float[np.ndarray, "h w"]
_MOST_STROKES = 2000


@dataclass(frozen=True)
class Placement:
    """Where a picture lies on a canvas of another size: brought to ``size``, then moved down and to the right.

    Attributes:
        canvas: height and width.
        size: of the picture on it.
        top: of its first row, perhaps below 0.
        left: of its first column.
    """

    canvas: Size
    size: Size
    top: int
    left: int

    def __call__(self, picture: FeatureMap) -> Float[Tensor, "b c canvas_h canvas_w"]:
        """The canvas ``[b, c, *canvas]``; where the picture does not reach, its nearest pixel.

        >>> row = torch.tensor([[[[1.0, 2.0]]]])
        >>> Placement((1, 5), (1, 2), 0, 2)(row).flatten().tolist()
        [1.0, 1.0, 1.0, 2.0, 2.0]
        """
        if picture.shape[-2:] != self.size:
            picture = functional.interpolate(picture, size=self.size, mode="bilinear", antialias=True)
        rows = (torch.arange(self.canvas[0]) - self.top).clamp(0, self.size[0] - 1)
        columns = (torch.arange(self.canvas[1]) - self.left).clamp(0, self.size[1] - 1)
        return picture[..., rows.to(picture.device), :][..., columns.to(picture.device)]


def thin_hole(size: Size, share: float, generator: torch.Generator) -> Mask:
    """Strokes of about a thirtieth of the short side in width, as of scratches, wires and writing.

    Args:
        size: height and width.
        share: of the picture's area, above 0 and at most 1.
        generator: of all that is drawn at random.

    Returns:
        ``[1, 1, h, w]``, 0 or 1.

    Raises:
        ValueError: an argument is out of range.

    >>> hole = thin_hole((40, 50), 0.2, torch.Generator().manual_seed(0))
    >>> hole.shape, int(hole.sum())
    (torch.Size([1, 1, 40, 50]), 400)
    """
    count, short = _pixels(size, share), min(size)
    canvas = PIL.Image.new("1", (size[1], size[0]), 1)
    draw = ImageDraw.Draw(canvas)
    reach = max(3, short / 30) / 2
    far: Scores = np.full(size, np.inf)
    for _ in range(_MOST_STROKES):
        draw.line(_stroke(size, generator), fill=0, width=1)
        far = ndimage.distance_transform_edt(np.asarray(canvas))
        if np.count_nonzero(far < reach) >= count:
            break
    return _largest(-far, count)


def box_hole(size: Size, share: float, generator: torch.Generator) -> Mask:
    """A box, up to twice as wide as high or the other way round, wholly inside the picture.

    Arguments are those of ``thin_hole``.

    >>> hole = box_hole((40, 50), 0.2, torch.Generator().manual_seed(0))
    >>> abs(int(hole.sum()) - 400) <= 25
    True
    """
    count, (h, w) = _pixels(size, share), size
    aspect = 2 ** _uniform(generator, -1, 1)
    height = min(h, max(1, math.ceil(count / w), round(math.sqrt(count * aspect))))
    width = min(w, max(1, round(count / height)))
    top, left = _whole(generator, 0, h - height), _whole(generator, 0, w - width)
    hole = torch.zeros(1, 1, h, w)
    hole[..., top : top + height, left : left + width] = 1
    return hole


def blob_hole(size: Size, share: float, generator: torch.Generator) -> Mask:
    """Smooth blobs: the highest places of blurred noise, whose sigma is a tenth of the short side.

    Arguments are those of ``thin_hole``.

    >>> int(blob_hole((40, 50), 0.2, torch.Generator().manual_seed(0)).sum())
    400
    """
    count = _pixels(size, share)
    noise = torch.randn(size, generator=generator, dtype=torch.float64).numpy()
    return _largest(ndimage.gaussian_filter(noise, min(size) / 10, mode="reflect"), count)


def object_hole(shape: Shape, size: Size, share: float, generator: torch.Generator) -> tuple[Mask, Placement]:
    """The shape of an object, enlarged or reduced to the share asked for, somewhere inside the picture.

    Its proportions are kept as long as that fits. What still lacks is grown around it.

    Args:
        shape: ``[1, 1, h', w']``, the mask of an object, cut at one half.
        size: height and width of the hole.
        share: of the picture's area, above 0 and at most 1.
        generator: of the place.

    Returns:
        The hole, and how the shape's picture lies on it, such that the object covers the hole.

    Raises:
        ValueError: an argument is out of range, or the shape is empty.

    >>> shape = torch.zeros(1, 1, 20, 20); shape[..., 5:15, 8:12] = 1
    >>> hole, placement = object_hole(shape, (40, 50), 0.1, torch.Generator().manual_seed(0))
    >>> int(hole.sum()), placement.size
    (200, (45, 45))
    """
    check_mask(shape, name="shape")
    count, (h, w) = _pixels(size, share), size
    inside = shape[0, 0] > 0.5
    area = int(inside.sum())
    if shape.shape[:2] != (1, 1) or area == 0:
        raise ValueError(f"shape: expected [1, 1, h, w] with an object, got {list(shape.shape)} with {area} pixels")
    (first, last), (start, end) = (_ends(inside.any(axis)) for axis in (1, 0))
    scale = math.sqrt(count / area)
    across = min(scale, w / (end - start))
    down = min(h / (last - first), count / (area * across))
    across = min(w / (end - start), count / (area * down))
    scaled = (max(1, round(shape.shape[2] * down)), max(1, round(shape.shape[3] * across)))
    top = _offset(generator, first * down, last * down, h)
    left = _offset(generator, start * across, end * across, w)
    placement = Placement(size, scaled, top, left)
    # The nearest pixel would continue an object that touches its picture's frame: there is nothing beyond.
    found = placement(inside.float()[None, None])[0, 0].double().numpy()
    rows, columns = (np.arange(n) - place for n, place in ((h, top), (w, left)))
    found[(rows < 0) | (rows >= scaled[0])] = 0
    found[:, (columns < 0) | (columns >= scaled[1])] = 0
    core = found > min(0.5, found.max() * 0.999)
    near = ndimage.distance_transform_edt(core) - ndimage.distance_transform_edt(~core)
    return _largest(near + 0.5 * found, count), placement


def soften(mask: Mask, sigma: float) -> Mask:
    """The mask with its edge blurred by a Gaussian; what eight bits cannot tell from 0 or 1 is 0 or 1.

    Args:
        mask: ``[b, 1, h, w]`` in [0, 1].
        sigma: pixels, at least 0; the picture goes on beyond its frame as it is at the frame.

    >>> edge = torch.tensor([[[[0.0, 0.0, 1.0, 1.0]]]])
    >>> soften(edge, 0.5)
    tensor([[[[0.0000, 0.1067, 0.8933, 1.0000]]]])
    """
    check_mask(mask)
    check_number(sigma, "sigma", low=0)
    if sigma == 0:
        return mask
    blurred = ndimage.gaussian_filter(mask.detach().cpu().double().numpy(), (0, 0, sigma, sigma), mode="nearest")
    blurred = np.where(blurred < 1 / 510, 0, np.where(blurred > 1 - 1 / 510, 1, blurred))
    return torch.from_numpy(blurred).to(mask)


def _pixels(size: Size, share: float) -> int:
    for value, name in zip(size, ("height", "width"), strict=True):
        check_number(value, name, low=1, integer=True)
    check_number(share, "share", low=0, high=1)
    if share == 0:
        raise ValueError("share: expected a number above 0, got 0; a hole has at least one pixel")
    return max(1, round(share * size[0] * size[1]))


def _largest(scores: Scores, count: int) -> Mask:
    order = np.argsort(-scores, axis=None, kind="stable")[:count]
    hole: NDArray[np.float32] = np.zeros(scores.size, np.float32)
    hole[order] = 1
    return torch.from_numpy(hole.reshape(scores.shape))[None, None]


def _stroke(size: Size, generator: torch.Generator) -> list[tuple[float, float]]:
    """A wandering line of five to nine points, (x, y)."""
    x, y = _uniform(generator, 0, size[1]), _uniform(generator, 0, size[0])
    angle = _uniform(generator, 0, 2 * math.pi)
    points = [(x, y)]
    for _ in range(_whole(generator, 4, 8)):
        angle += 0.6 * torch.randn((), generator=generator).item()
        x, y = x + math.cos(angle) * min(size) / 8, y + math.sin(angle) * min(size) / 8
        points.append((x, y))
    return points


def _ends(line: Tensor) -> tuple[int, int]:
    places = line.nonzero()[:, 0]
    return int(places[0]), int(places[-1]) + 1


def _offset(generator: torch.Generator, start: float, end: float, length: int) -> int:
    """How far to move something from ``start`` to ``end`` such that it lies in [0, length]."""
    low, high = math.ceil(-start), math.floor(length - end)
    return _whole(generator, low, high) if low <= high else round((length - end - start) / 2)


def _uniform(generator: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), generator=generator, dtype=torch.float64).item()


def _whole(generator: torch.Generator, low: int, high: int) -> int:
    """From ``low`` to ``high``, both included; how often the generator is asked does not depend on them."""
    return min(high, low + math.floor(_uniform(generator, 0, 1) * (high - low + 1)))
