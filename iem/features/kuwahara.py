"""Averages that do not reach across edges."""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from iem.checks import check_number
from iem.features.windows import window_mean
from iem.interfaces import FeatureMap, Features, Image


@final
@dataclass(frozen=True)
class Kuwahara:
    """The features' mean over the window that varies least, of nine that hold the pixel.

    Near an edge, a mean around the pixel would mix both sides into something that neither looks like, and so draw a rim
    around every region. Of nine windows that are shifted by their radius or not, one lies on the pixel's own side
    (Kuwahara et al., "Processing of RI-angiocardiographic images", 1976, with four). How much a window varies is the
    sum of its variances, each divided by that of its channel over the picture.

    Args:
        features: what to average.
        radius: half the windows' side, in pixels.
        floor: standard deviation, in the features' units, below which a channel does not count for the choice.

    >>> from iem.features import RGB
    >>> image = torch.zeros(1, 3, 16, 16); image[..., 7:] = 1.0
    >>> bool((Kuwahara(RGB(), radius=3)(image) == image).all())  # the edge is as sharp as before
    True
    """

    features: Features
    radius: int = 5
    floor: float = 0.03

    def __post_init__(self) -> None:
        check_number(self.radius, "radius", low=1, integer=True)
        check_number(self.floor, "floor", low=1e-6)

    def __call__(self, image: Image) -> FeatureMap:
        """Of the features' shape."""
        features = self.features(image)
        scale = features.var((-2, -1), keepdim=True, correction=0) + self.floor**2
        mean = window_mean(features, self.radius)
        variance = (window_mean(features.square(), self.radius) - mean.square()).clamp_min(0)
        roughness = (variance / scale).sum(1, keepdim=True)
        best, least = mean, roughness
        for means, rough in zip(self._shifted(mean), self._shifted(roughness), strict=True):
            calmer = rough < least
            best, least = torch.where(calmer, means, best), torch.minimum(rough, least)
        return best

    def _shifted(self, values: Tensor) -> list[Tensor]:
        """What the windows around the pixel hold; one beyond the frame is the nearest within."""
        r, (height, width) = self.radius, values.shape[-2:]
        padded = F.pad(values, (r, r, r, r), mode="replicate")
        steps = [(dy, dx) for dy in (-r, 0, r) for dx in (-r, 0, r) if (dy, dx) != (0, 0)]
        return [padded[..., r + dy : r + dy + height, r + dx : r + dx + width] for dy, dx in steps]
