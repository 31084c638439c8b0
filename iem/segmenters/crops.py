"""Pieces of a picture, cut out along their masks, as a network sees them that looks at one thing at a time."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from iem.interfaces import Image, Mask
from iem.segmenters.marks import bounding_box

Background = Literal["grey", "mean", "keep"]
BACKGROUNDS = ("grey", "mean", "keep")
_GREY = 0.5


def cut_out(image: Image, masks: Sequence[Mask], *, side: int, margin: float, background: Background) -> Image:
    """A square around each mask, with something plain where the mask is 0.

    Args:
        image: ``[1, 3, h, w]`` in [0, 1].
        masks: ``[1, 1, h, w]`` each, none without a pixel of at least one half.
        side: of the squares that come back, in pixels.
        margin: around the mask's bounding box, as a share of its longer side. What lies beyond the picture is plain.
        background: what is plain: "grey" for one half, "mean" for the picture's mean colour, "keep" for grey beyond the
            picture alone, so that what is around the mask stays in view.

    Returns:
        ``[n, 3, side, side]`` in [0, 1].

    >>> image, mask = torch.ones(1, 3, 6, 8), torch.zeros(1, 1, 6, 8)
    >>> mask[..., 2:4, 3:6] = 1
    >>> cut_out(image, [mask], side=3, margin=0, background="grey")[0, 0]
    tensor([[0.5000, 0.5000, 0.5000],
            [1.0000, 1.0000, 1.0000],
            [1.0000, 1.0000, 1.0000]])
    """
    if not masks:
        return image.new_zeros(0, 3, side, side)
    plain = image.mean((2, 3), keepdim=True) if background == "mean" else image.new_full((1, 3, 1, 1), _GREY)
    return torch.cat([_cut(image, mask, plain, side, margin, background == "keep") for mask in masks])


def _cut(image: Image, mask: Mask, plain: Image, side: int, margin: float, keep: bool) -> Image:
    box = bounding_box(mask)
    width, height = box.right - box.left, box.bottom - box.top
    length = math.ceil(max(width, height) * (1 + 2 * margin))
    left = math.floor((box.left + box.right - length) / 2)
    top = math.floor((box.top + box.bottom - length) / 2)
    rows = slice(max(top, 0), min(top + length, image.shape[2]))
    columns = slice(max(left, 0), min(left + length, image.shape[3]))
    square = plain.expand(1, 3, length, length).clone()
    seen = image[:, :, rows, columns]
    if not keep:
        weight = mask[:, :, rows, columns].to(image)
        seen = weight * seen + (1 - weight) * plain
    square[:, :, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = seen
    return F.interpolate(square, size=(side, side), mode="bilinear", antialias=True).clamp(0, 1)
