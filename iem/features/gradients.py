"""How strongly a picture changes in each direction."""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)

from iem.checks import check_image, check_number
from iem.features.colour import Lab
from iem.features.windows import window_mean
from iem.interfaces import FeatureMap, Image


@final
@dataclass(frozen=True)
class Gradients:
    """Root mean square of the lightness's derivatives along four directions, in a window around each pixel.

    Equation (``D_k`` the central difference along the k-th of 0, 90, 45 and 135 degrees, per pixel of distance)::

        g_k(p) = sqrt(mean over the window of (D_k L)^2)

    Stripes are told from checks and from other stripes by it, although their light and dark are the same: it is what
    the structure tensor says (Bigun and Granlund, ICCV 1987), with a second pair of axes in place of its mixed term.

    Args:
        radius: half the window's side, in pixels; at the frame only what lies inside the picture counts.

    >>> stripes = (torch.arange(16) % 4 < 2).float().expand(1, 3, 16, 16)
    >>> along, across = Gradients()(stripes)[0, :2, 8, 8]
    >>> along > 0.3, across
    (tensor(True), tensor(0.))
    """

    radius: int = 5

    def __post_init__(self) -> None:
        check_number(self.radius, "radius", low=1, integer=True)

    def __call__(self, image: Image) -> FeatureMap:
        """``[b, 4, h, w]``, at least 0."""
        check_image(image)
        lightness = F.pad(Lab()(image)[:, :1], (1, 1, 1, 1), mode="replicate")
        middle = slice(1, -1)
        differences = [
            (lightness[..., middle, 2:] - lightness[..., middle, :-2]) / 2,
            (lightness[..., 2:, middle] - lightness[..., :-2, middle]) / 2,
            (lightness[..., 2:, 2:] - lightness[..., :-2, :-2]) / 8**0.5,
            (lightness[..., 2:, :-2] - lightness[..., :-2, 2:]) / 8**0.5,
        ]
        # A window's sum is a difference of running sums: of zeros it may come out a rounding error below 0.
        return window_mean(torch.cat(differences, dim=1).square(), self.radius).clamp_min(0).sqrt()
