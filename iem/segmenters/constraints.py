"""What prompts say of the pixels of a reduced picture: which stay in, which stay out, where to start."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy import ndimage
from torch import Tensor

from iem.interfaces import Prompt
from iem.prompts import Box, CoarseMask, Points, Scribble, Size

Pixels = Bool[Tensor, "1 1 h w"]
Distances = Float[Tensor, "1 1 h w"]


@dataclass(frozen=True)
class Constraints:
    """Prompts about one object, drawn for a picture of one size.

    Attributes:
        box: what all boxes have in common; everything without a box.
        coarse: what the coarse masks cover together; None without one.
        clicked: the pixels of clicks on the object.
        stroked: what strokes cover of it.
        beside: the pixels of clicks beside it.
    """

    box: Pixels
    coarse: Pixels | None
    clicked: Pixels
    stroked: Pixels
    beside: Pixels

    @staticmethod
    def of(prompts: Sequence[Prompt], old: Size, new: Size) -> "Constraints":
        """Draw prompts that were given for a picture of size ``old`` in one of size ``new``.

        Raises:
            ValueError: prompts that reach beyond the picture, or contradict each other.
        """
        for prompt in prompts:
            if isinstance(prompt, Box | Scribble | CoarseMask):
                prompt.to_mask(old)  # what is outside is said in the numbers that were given
            elif isinstance(prompt, Points):
                Points(prompt.xy).to_mask(old, radius=0)
        moved = [prompt.rescaled(old, new) for prompt in prompts]
        box = torch.ones(1, 1, *new, dtype=torch.bool)
        clicked, stroked, beside = torch.zeros(3, 1, 1, *new, dtype=torch.bool)
        coarse = None
        for prompt in moved:
            if isinstance(prompt, Box):
                box &= prompt.to_mask(new) >= 0.5
            elif isinstance(prompt, CoarseMask):
                drawn = prompt.to_mask(new) >= 0.5
                coarse = drawn if coarse is None else coarse | drawn
            elif isinstance(prompt, Scribble):
                stroked |= prompt.to_mask(new) >= 0.5
            elif isinstance(prompt, Points):
                for positive, (x, y) in zip(prompt.positive, prompt.xy, strict=True):
                    (clicked if positive else beside)[..., math.floor(y), math.floor(x)] = True
        if not bool(box.any()):
            raise ValueError("box: expected boxes that overlap, for they are about one object, got none in common")
        marked = clicked | stroked
        if bool(marked.any()) and not bool((marked & box).any()):
            raise ValueError(
                "points: expected the object's clicks and strokes in its box, got all outside; move the box"
            )
        return Constraints(box, coarse, clicked, stroked, beside)

    @property
    def marked(self) -> Pixels:
        """What clicks and strokes mark as the object."""
        return self.clicked | self.stroked

    def inside(self, radius: float) -> Pixels:
        """What stays in: strokes, and ``radius`` pixels around clicks, where no click beside the object is nearer."""
        if radius == 0:
            return self.marked & ~self.beside & self.box
        certain = self.stroked | (_distance(self.clicked) <= radius)
        return certain & (_distance(self.marked) < _distance(self.beside)) & self.box

    def outside(self, radius: float) -> Pixels:
        """What stays out: all beyond the box, and ``radius`` pixels around the clicks beside the object."""
        if radius == 0:
            return self.beside | ~self.box
        far = _distance(self.beside)
        return ((far <= radius) & (far <= _distance(self.marked))) | ~self.box

    def around(self, radius: float) -> Pixels:
        """Up to ``radius`` pixels from what is marked, where no click beside the object is nearer."""
        near = _distance(self.marked)
        return (near <= radius) & (near < _distance(self.beside)) & self.box

    def ellipse(self) -> Pixels:
        """The one inscribed in the box."""
        rows, columns = self.box[0, 0].any(1).nonzero()[:, 0], self.box[0, 0].any(0).nonzero()[:, 0]
        shares = []
        for places, side in ((rows, self.box.shape[2]), (columns, self.box.shape[3])):
            first, last = int(places[0]), int(places[-1])
            shares.append(((torch.arange(side) - (first + last) / 2) / ((last - first + 1) / 2)).square())
        return (shares[0][:, None] + shares[1] <= 1)[None, None]


def _distance(pixels: Pixels) -> Distances:
    """To the nearest of them, in pixels; infinity where there are none."""
    if not bool(pixels.any()):
        return torch.full(pixels.shape, math.inf)
    away: np.ndarray[Any, Any] = ndimage.distance_transform_edt(~pixels[0, 0].numpy())
    return torch.from_numpy(away)[None, None].float()
