"""An initialiser's first mask as the proposal."""

from dataclasses import dataclass
from typing import final

import torch

from iem.checks import check_image, check_mask, check_number
from iem.images import resize, resize_mask, short_side
from iem.interfaces import Image, Initialiser, Mask


@final
@dataclass(frozen=True)
class Alone:
    """The initialiser's mask of the picture as it stands, such as TokenCut's: a finder without a search.

    An initialiser looks at the whole picture. To look into one region, everything else takes the region's mean colour.

    Args:
        initialiser: gives the mask.
        size: short side that the picture is reduced to, in pixels; None leaves it as it is.
        square: whether it is squeezed into a square of that size, as TokenCut's loop does.

    >>> from iem.initialisers import Otsu
    >>> image = torch.zeros(1, 3, 32, 32); image[..., 8:20, 8:20] = 1.0
    >>> int(Alone(Otsu())(image, torch.ones(1, 1, 32, 32)).sum())
    144
    """

    initialiser: Initialiser
    size: int | None = None
    square: bool = False

    def __post_init__(self) -> None:
        if self.size is not None:
            check_number(self.size, "size", low=8, integer=True)
        elif self.square:
            raise ValueError("size: expected the side of the square in pixels, got None; give it, or square=False")

    def __call__(self, image: Image, within: Mask) -> Mask:
        """``[1, 1, h, w]``, 0 or 1 where the initialiser gives that; 0 outside ``within``."""
        check_image(image)
        check_mask(within, like=image, name="within")
        inside = (within > 0.5).to(image.dtype)
        area = float(inside.sum())
        if area == 0:
            return torch.zeros_like(within)
        if area < inside.numel():
            mean = (image * inside).sum((-2, -1), keepdim=True) / area
            image = torch.where(inside > 0, image, mean)
        return resize_mask(self.initialiser(self._reduced(image)), (image.shape[-2], image.shape[-1])) * inside

    def _reduced(self, image: Image) -> Image:
        if self.size is None:
            return image
        return resize(image, (self.size, self.size)) if self.square else short_side(image, self.size, enlarge=False)
