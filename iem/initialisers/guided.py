"""Where a map of the picture is large."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch

from iem.checks import check_image, check_mask, check_number
from iem.initialisers.square import Square
from iem.interfaces import Image, Mask


@final
@dataclass(frozen=True)
class Guided:
    """The pixels that a guide gives at least ``threshold``.

    A guide is whatever makes a map of a picture: ``iem.segmenters.TextMask`` (words), ``iem.segmenters.Answered`` (any
    segmenter with fixed prompts), a network of your own. A map that is nowhere or everywhere above the threshold is
    cut halfway between its least and its largest value; a flat one, or one that is not finite, gives the centred
    square.

    Args:
        guide: ``(image) -> [b, 1, h, w]``, as a rule in [0, 1].
        threshold: see above.

    >>> guide = lambda image: torch.tensor([[[[0.1, 0.2, 0.3, 0.4]]]])
    >>> Guided(guide)(torch.zeros(1, 3, 1, 4))
    tensor([[[[0., 0., 1., 1.]]]])
    """

    guide: Callable[[Image], Mask]
    threshold: float = 0.5

    def __post_init__(self) -> None:
        check_number(self.threshold, "threshold")

    def __call__(self, image: Image) -> Mask:
        """Each picture by itself, ``[b, 1, h, w]``, 0 or 1."""
        check_image(image)
        if not len(image):
            return image.new_zeros(0, 1, *image.shape[2:])
        with torch.no_grad():
            values = self.guide(image).detach()
        check_mask(values, like=image, name="guide")
        if values.shape[1] != 1:
            raise ValueError(f"guide: expected one channel, got {values.shape[1]}; give a map of the object alone")
        masks = [self._mask(one, map_) for one, map_ in zip(image.split(1), values.split(1), strict=True)]
        return torch.cat(masks)

    def _mask(self, one: Image, values: Mask) -> Mask:
        least, most = float(values.min()), float(values.max())
        if not bool(values.isfinite().all()) or least == most:
            return Square()(one)
        cut = self.threshold if least < self.threshold <= most else (least + most) / 2
        above = values >= cut
        return above.to(one) if not bool(above.all()) else (values > least).to(one)
