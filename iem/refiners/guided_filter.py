"""The guided filter: a mask takes over the edges of the picture."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from iem.checks import check_image, check_mask, check_number
from iem.images import resize
from iem.interfaces import Image, Mask


@final
@dataclass(frozen=True)
class GuidedFilter:
    """Local linear regression of the mask on the picture's colours; enlarges a small mask to the picture's size.

    Equations (He, Sun and Tang, "Guided image filtering", TPAMI 2013, eqs. 14-16; "Fast guided filter",
    arXiv 1505.00996, for the enlargement)::

        a = (cov(I) + epsilon 1)^-1 cov(I, m),     b = mean(m) - a . mean(I)     in a window around each pixel
        q = mean(a) . I + mean(b)

    All means are taken at the mask's size; only ``a`` and ``b`` are enlarged, and the last line is evaluated on every
    pixel of the picture, whose edges therefore come through.

    Args:
        radius: of the window, in pixels of the mask.
        epsilon: variance of the picture (in [0, 1] units) below which there is no edge to follow.
        contrast: slope at one half of the final stretch ``(q - 1/2) contrast + 1/2``; 1 leaves the filter's answer,
            more makes the transition crisper.

    >>> image = torch.zeros(1, 3, 64, 64); image[..., 30:] = 1.0
    >>> coarse = torch.zeros(1, 1, 8, 8); coarse[..., 4:] = 1.0
    >>> mask = GuidedFilter()(image, coarse)
    >>> int((mask[0, 0, 32] > 0.5).int().argmax())  # the edge of the picture, not that of the coarse mask at 32
    30
    """

    radius: int = 2
    epsilon: float = 1e-4
    contrast: float = 3.0

    def __post_init__(self) -> None:
        check_number(self.radius, "radius", low=1, integer=True)
        check_number(self.epsilon, "epsilon", low=1e-12)
        check_number(self.contrast, "contrast", low=1)

    def __call__(self, image: Image, mask: Float[Tensor, "b 1 mask_h mask_w"]) -> Mask:
        """``[b, 1, h, w]`` in [0, 1], of the image's size."""
        check_image(image)
        check_mask(mask)
        small = resize(image, (mask.shape[-2], mask.shape[-1]))
        slope, offset = self._regression(small, mask)
        size = image.shape[-2:]
        filtered = functional.interpolate(offset, size=size, mode="bilinear", align_corners=False)
        for channel in range(3):  # one enlarged channel at a time: a photograph of 60 megapixels stays in memory
            filtered = filtered + image[:, channel : channel + 1] * functional.interpolate(
                slope[:, channel : channel + 1], size=size, mode="bilinear", align_corners=False
            )
        return ((filtered - 0.5) * self.contrast + 0.5).clamp_(0, 1)

    def _regression(self, image: Image, mask: Mask) -> tuple[Tensor, Tensor]:
        """The averaged coefficients, ``[b, 3, h, w]`` and ``[b, 1, h, w]``."""
        height, width = image.shape[-2:]
        mean_image, mean_mask = self._mean(image), self._mean(mask)
        products = (image[:, :, None] * image[:, None]).flatten(1, 2)
        covariance = self._mean(products).unflatten(1, (3, 3)) - mean_image[:, :, None] * mean_image[:, None]
        with_mask = self._mean(image * mask) - mean_image * mean_mask
        matrices = covariance.flatten(3).movedim(-1, 1) + self.epsilon * torch.eye(3).to(image)
        slope = torch.linalg.solve(matrices, with_mask.flatten(2).mT[..., None])[..., 0]
        slope = slope.mT.unflatten(2, (height, width))
        offset = mean_mask - (slope * mean_image).sum(1, keepdim=True)
        return self._mean(slope), self._mean(offset)

    def _mean(self, values: Tensor) -> Tensor:
        # The window is a rectangle, at the border too, so its mean is that of the means of its columns.
        side, pad = 2 * self.radius + 1, self.radius
        columns = functional.avg_pool2d(values, (side, 1), 1, (pad, 0), count_include_pad=False)
        return functional.avg_pool2d(columns, (1, side), 1, (0, pad), count_include_pad=False)
