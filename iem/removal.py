"""Removal: what is marked is painted over, with a margin, from what is around it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage

from iem.checks import check_image, check_mask, check_number, check_range
from iem.inpainters import Harmonic
from iem.interfaces import Image, Inpainter, Mask

#: Of the short side: by which a hole is grown unless told otherwise. Of objects that were pasted into other pictures,
#: exact masks had the best PSNR grown by half of it, masks found from a box by half of it (16 flowers) or by all of it
#: (24 pictures of ECSSD). The larger is taken, since what is left of an object is seen first; it is no optimum.
GROW_SHARE = 0.01
FEATHER_SHARE = 0.005  #: of the short side, over which the paint fades out around that


@dataclass(frozen=True)
class Removal:
    """A picture with something taken out of it.

    Attributes:
        image: ``[b, 3, h, w]`` in [0, 1]; where ``hole`` is 0, the very pixels that were there.
        hole: ``[b, 1, h, w]`` in [0, 1], how much of the paint is seen: 1 on what was marked and as far as that was
            grown, falling to 0 over the feather.
    """

    image: Image
    hole: Mask


def remove(
    image: Image,
    hole: Mask,
    painter: Inpainter | None = None,
    *,
    grow: int | None = None,
    feather: int | None = None,
) -> Removal:
    """Paint over what is marked.

    Masks rarely reach to the last pixel of an object: its edge is mixed with what is behind it, and what is left of it
    is drawn into the paint. So the hole is grown, and the paint fades out beyond that. With the distance d of a pixel
    from the hole, the result is::

        w * paint + (1 - w) * image,    w = 1 where d <= grow, else max(0, 1 - (d - grow) / (feather + 1))

    and w = 0 where d > grow + feather. All that is seen through w is hidden from the painter.

    Args:
        image: ``[b, 3, h, w]`` in [0, 1].
        hole: ``[b, 1, h, w]`` in [0, 1]; what is above one half is painted. See ``united`` for several objects.
        painter: sees the whole picture at once; None is ``Harmonic()``.
        grow: in pixels; None is ``usual_grow`` of the picture's size.
        feather: in pixels; None is ``usual_feather`` of it.

    Raises:
        TypeError: not floating-point tensors, or of two kinds.
        ValueError: another shape, values outside [0, 1], a negative number, or a hole after which nothing is left to
            paint from.

    >>> image = torch.rand(1, 3, 40, 60, generator=torch.Generator().manual_seed(0))
    >>> hole = torch.zeros(1, 1, 40, 60); hole[..., 18:22, 20:30] = 1
    >>> removal = remove(image, hole, grow=2, feather=1)
    >>> removal.hole[0, 0, 20, 14:22]
    tensor([0.0000, 0.0000, 0.0000, 0.5000, 1.0000, 1.0000, 1.0000, 1.0000])
    >>> bool((removal.image == image)[removal.hole.expand_as(image) == 0].all())
    True
    """
    check_image(image)
    check_range(image, 0, 1, "image")
    weight = grown_hole(hole, grow=grow, feather=feather)
    check_mask(hole, like=image, name="hole")
    hidden = (weight > 0).to(image)
    if not bool(hidden.any()):
        return Removal(image.clone(), weight)
    for i, one in enumerate(hidden):
        if bool(one.all()):
            raise ValueError(
                f"hole: expected something left of picture {i} to paint from, got a hole that covers it once it is "
                "grown and feathered; mark less, or grow it less"
            )
    with torch.no_grad():
        painted = (painter or Harmonic())(image, hidden).to(image).clamp(0, 1)
    blended = image + weight * (painted - image)
    return Removal(torch.where(weight == 1, painted, torch.where(weight > 0, blended, image)), weight)


def united(masks: Iterable[Mask]) -> Mask:
    """One hole for several objects: the largest of their masks at every pixel.

    Raises:
        ValueError: no mask, or masks of different shapes.

    >>> united([torch.tensor([[[[1.0, 0.0, 0.2]]]]), torch.tensor([[[[0.0, 0.0, 0.7]]]])])
    tensor([[[[1.0000, 0.0000, 0.7000]]]])
    """
    found = list(masks)
    if not found:
        raise ValueError("masks: expected at least one, got none; mark something")
    for i, mask in enumerate(found):
        check_mask(mask, like=found[0], name=f"masks[{i}]")
        _check_one_channel(mask, f"masks[{i}]")
    return torch.stack(found).amax(0)


def grown_hole(hole: Mask, *, grow: int | None = None, feather: int | None = None) -> Mask:
    """How much of the paint is seen at every pixel; see ``remove``.

    >>> hole = torch.zeros(1, 1, 1, 7); hole[..., 3] = 1
    >>> grown_hole(hole, grow=1, feather=1)
    tensor([[[[0.0000, 0.5000, 1.0000, 1.0000, 1.0000, 0.5000, 0.0000]]]])
    """
    check_mask(hole, name="hole")
    _check_one_channel(hole, "hole")
    check_range(hole, 0, 1, "hole")
    size = (int(hole.shape[2]), int(hole.shape[3]))
    grow = usual_grow(size) if grow is None else grow
    feather = usual_feather(size) if feather is None else feather
    check_number(grow, "grow", low=0, integer=True)
    check_number(feather, "feather", low=0, integer=True)
    weight = (hole > 0.5).to(hole)
    for one in weight:
        if (grow or feather) and bool(one.any()):
            _grow(one, grow, feather)
    return weight


def usual_grow(size: tuple[int, int]) -> int:
    """By how many pixels a hole is grown in a picture of ``size``, (height, width), unless told otherwise.

    >>> usual_grow((480, 640)), usual_grow((2000, 3000))
    (5, 20)
    """
    return math.ceil(GROW_SHARE * min(size))


def usual_feather(size: tuple[int, int]) -> int:
    """Over how many pixels the paint fades out in a picture of ``size``, (height, width), unless told otherwise.

    >>> usual_feather((480, 640)), usual_feather((2000, 3000))
    (3, 10)
    """
    return math.ceil(FEATHER_SHARE * min(size))


def _grow(weight: torch.Tensor, grow: int, feather: int) -> None:
    """Grow ``[1, h, w]``, 0 or 1, in place; only the hole's surroundings are looked at."""
    hidden = weight[0].cpu().numpy() > 0
    reach = grow + feather
    rows, columns = (
        slice(max(0, side.start - reach), min(length, side.stop + reach))
        for side, length in zip(ndimage.find_objects(hidden.astype(np.uint8))[0], hidden.shape, strict=True)
    )
    distance = ndimage.distance_transform_edt(~hidden[rows, columns])
    fading = np.clip((reach + 1 - distance) / (feather + 1), 0, 1) * (distance <= reach)
    weight[0, rows, columns] = torch.from_numpy(fading).to(weight)


def _check_one_channel(mask: Mask, name: str) -> None:
    if mask.shape[1] != 1:
        raise ValueError(
            f"{name}: expected shape [b, 1, h, w], got {list(mask.shape)}; unite the regions that are to be painted"
        )
