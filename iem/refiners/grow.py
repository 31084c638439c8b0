"""Dilation: a mask and what lies near it."""

import math
from dataclasses import dataclass
from typing import Literal, final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Float, Shaped
from torch import Tensor

from iem.checks import check_choice, check_image, check_mask, check_number
from iem.images import resize_mask
from iem.interfaces import Image, Mask

Values = Shaped[Tensor, "b 1 some_h some_w"]


@final
@dataclass(frozen=True)
class Grow:
    """The mask grown by a radius: every pixel takes the largest value near it (grey dilation; exact for soft masks).

    Near is, for a disc, a distance of at most ``radius`` between pixels' centres, and for a square so many rows and
    columns. In pixels, a square may also have a radius of half a pixel more: its side, twice the radius and one, is
    then even, and it reaches one pixel further to the right and below, as OpenCV's ``dilate`` with a kernel of that
    side does. Outside the picture the mask is 0.

    A mask of another size than the picture is brought to it by nearest neighbour.

    Args:
        radius: at least 0, as a share of the picture's short side (a square's is rounded to whole pixels), or in
            pixels.
        unit: "short_side" or "pixels".
        shape: "disc" or "square".
        iterations: times that the mask is grown.

    >>> mask = torch.zeros(1, 1, 5, 6); mask[..., 2, 2] = 1.0
    >>> Grow(1, unit="pixels")(torch.zeros(1, 3, 5, 6), mask)[0, 0].int().tolist()
    [[0, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
    """

    radius: float = 0.03
    unit: Literal["short_side", "pixels"] = "short_side"
    shape: Literal["disc", "square"] = "disc"
    iterations: int = 1

    def __post_init__(self) -> None:
        check_choice(self.unit, "unit", ("short_side", "pixels"))
        check_choice(self.shape, "shape", ("disc", "square"))
        check_number(self.radius, "radius", low=0, high=math.inf if self.unit == "pixels" else 1)
        if self.unit == "pixels" and self.shape == "square" and self.radius * 2 % 1:
            raise ValueError(
                f"radius: expected whole or half pixels for a square, got {self.radius}; its side is 2 radius + 1"
            )
        check_number(self.iterations, "iterations", low=1, integer=True)

    def __call__(self, image: Image, mask: Float[Tensor, "b 1 mask_h mask_w"]) -> Mask:
        """``[b, 1, h, w]``, of the image's size; never less than the mask."""
        check_image(image)
        check_mask(mask)
        size = (image.shape[2], image.shape[3])
        grown = resize_mask(mask.detach(), size)
        radius = self.radius * (min(size) if self.unit == "short_side" else 1)
        if self.shape == "square":
            radius = round(radius) if self.unit == "short_side" else radius
            before, after = (times * self.iterations for times in (math.floor(radius + 0.5), math.floor(radius)))
            return _along(_along(grown, before, after, axis=2), before, after, axis=3)
        # Bytes are four times as fast, and most masks are hard.
        hard = bool(((grown == 0) | (grown == 1)).all())
        values = grown.to(torch.uint8) if hard else grown
        for _ in range(self.iterations):
            values = _disc(values, radius)
        return values.to(mask)


def _along(values: Values, before: int, after: int, axis: Literal[2, 3]) -> Values:
    """The largest of the values from ``before`` places before each place to ``after`` places after it."""
    length = values.shape[axis]
    before, after = min(before, length - 1), min(after, length - 1)
    padding = (before, after) if axis == 3 else (0, 0, before, after)
    running = F.pad(values, padding)
    window, covered = before + after + 1, 1
    while covered < window:  # each round doubles what an entry covers
        step = min(covered, window - covered)
        count = running.shape[axis] - step
        running = torch.maximum(running.narrow(axis, 0, count), running.narrow(axis, step, count))
        covered += step
    return running


def _disc(values: Values, radius: float) -> Values:
    """A disc is its rows: those of the same length share their running maximum."""
    height = values.shape[2]
    grown = values.clone()
    row, length = values, 0
    for offset in range(min(math.floor(radius), height - 1), -1, -1):
        half = math.isqrt(math.floor(radius * radius - offset * offset))
        if half != length:
            row, length = _along(values, half, half, axis=3), half
        for shift in {offset, -offset}:
            target = grown.narrow(2, max(0, shift), height - offset)
            torch.maximum(target, row.narrow(2, max(0, -shift), height - offset), out=target)
    return grown
