"""One picture with a hole: what is hidden from the painter, what it sees, and what is seen of its paint."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from iem.inpainters import Harmonic
from iem.interfaces import Image, Inpainter, Mask

Window = tuple[slice, slice]

_MOST_WINDOWS = 64


@dataclass(frozen=True)
class Painting:
    """What is to be laid over a picture.

    Attributes:
        image: ``[1, 3, h, w]``, painted.
        weight: ``[1, 1, h, w]``, how much of it is seen; 0 where the picture stays.
        alpha: ``[1, 1, h, w]``, the opacity with the hole filled; None where every pixel is opaque.
    """

    image: Image
    weight: Mask
    alpha: Mask | None


def paint(
    image: Image,
    hole: Mask,
    painter: Inpainter,
    *,
    alpha: Mask | None = None,
    grow: int = 0,
    feather: int = 0,
    margin: int | None = None,
    device: str = "cpu",
    on_window: Callable[[int, int], None] | None = None,
) -> Painting:
    """Paint one picture.

    The hole is grown by ``grow`` pixels, and around that the paint fades out over ``feather`` more: what the hole
    covers is never seen, and nothing beyond both is changed. Opacity is continued into the hole, too, and what is
    wholly transparent is hidden from the painter, whatever colour it has.

    Args:
        image: ``[1, 3, h, w]`` in [0, 1].
        hole: ``[1, 1, h, w]``, 0 or 1.
        painter: what paints.
        alpha: opacity, or None.
        grow: in pixels.
        feather: in pixels.
        margin: pixels around each hole that the painter sees at least, beside half of the hole's longer side; None: it
            sees the whole picture at once.
        device: where to paint.
        on_window: called with (number, of how many) before each window is painted.
    """
    weight = _weight(hole, grow, feather)
    hidden = (weight > 0).to(image)
    if alpha is not None:
        hidden = torch.maximum(hidden, (alpha == 0).to(image))
    result = image.clone()
    windows = _windows(weight > 0, margin)
    for number, window in enumerate(windows, 1):
        if on_window is not None:
            on_window(number, len(windows))
        part = (..., *window)
        result[part] = painter(image[part].to(device), hidden[part].to(device)).to(image).clamp(0, 1)
    return Painting(result, weight, None if alpha is None else _filled(alpha, weight))


def _weight(hole: Mask, grow: int, feather: int) -> Mask:
    """1 in the hole and within ``grow`` pixels of it, falling to 0 over ``feather`` more."""
    if not (grow or feather) or not bool(hole.any()):
        return hole
    reach = grow + feather + 1
    hidden = hole[0, 0].cpu().numpy() > 0.5
    window = _grown(ndimage.find_objects(hidden.astype(int))[0], reach, hidden.shape)
    distance = ndimage.distance_transform_edt(~hidden[window])
    weight = hole.clone()
    fading = np.clip((reach - distance) / (feather + 1), 0, 1) * (distance <= grow + feather)
    weight[(..., *window)] = torch.from_numpy(fading).to(hole)
    return weight


def _filled(alpha: Mask, weight: Mask) -> Mask:
    """The opacity around the hole, continued into it; opaque if nothing is around."""
    hidden = (weight > 0).to(alpha)
    if bool(hidden.all()):
        return torch.ones_like(alpha)
    filled: Mask = Harmonic()(alpha, hidden)
    return filled.clamp(0, 1)


def _windows(hidden: Mask, margin: int | None) -> list[Window]:
    """Boxes around the holes, apart from each other; all of the picture without a margin."""
    if not bool(hidden.any()):
        return []
    if margin is None:
        return [(slice(None), slice(None))]
    values = hidden[0, 0].cpu().numpy() > 0
    labels, count = ndimage.label(values, np.ones((3, 3)))
    boxes = ndimage.find_objects(labels if count <= _MOST_WINDOWS else values.astype(int))
    return _apart([_grown(box, margin, values.shape) for box in boxes])


def _apart(boxes: list[Window]) -> list[Window]:
    """The boxes, with those that overlap united, until none do."""
    found: list[Window] = []
    for box in boxes:
        touching = [each for each in found if _overlap(each, box)]
        while touching:
            found = [each for each in found if each not in touching]
            box = _union([box, *touching])
            touching = [each for each in found if _overlap(each, box)]
        found.append(box)
    return found


def _overlap(one: Window, other: Window) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


def _union(boxes: list[Window]) -> Window:
    rows, columns = (
        slice(min(box[axis].start for box in boxes), max(box[axis].stop for box in boxes)) for axis in (0, 1)
    )
    return rows, columns


def _grown(box: Window, margin: int, shape: tuple[int, ...]) -> Window:
    """With at least the margin, and half of the box's longer side, around it."""
    margin = max(margin, max(side.stop - side.start for side in box) // 2)
    rows, columns = (
        slice(max(0, side.start - margin), min(length, side.stop + margin))
        for side, length in zip(box, shape, strict=True)
    )
    return rows, columns
