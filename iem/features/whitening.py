"""Features without correlation."""

from dataclasses import dataclass
from typing import final

import torch

from iem.checks import check_number
from iem.interfaces import FeatureMap, Features, Image


@final
@dataclass(frozen=True)
class Whitening:
    """Rotate and scale each picture's features so that all directions vary equally (ZCA).

    Equation::

        y = (C + floor^2 I)^(-1/2) (x - mean x),        C = the covariance of x over the picture

    A faint difference in hue then counts as much as a strong one in lightness.

    Args:
        features: what to whiten.
        floor: standard deviation, in the features' own units, below which a direction is noise and stays small.

    >>> from iem.features import RGB
    >>> white = Whitening(RGB(), floor=1e-6)(torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    >>> torch.cov(white[0].flatten(1)).round(decimals=2)
    tensor([[1., 0., 0.],
            [0., 1., 0.],
            [0., 0., 1.]])
    """

    features: Features
    floor: float = 0.01

    def __post_init__(self) -> None:
        check_number(self.floor, "floor", low=1e-6)

    def __call__(self, image: Image) -> FeatureMap:
        """Of the features' shape, mean 0, variance at most 1 in every direction."""
        features = self.features(image)
        centred = features.flatten(2)
        centred = centred - centred.mean(2, keepdim=True)
        # Where values hardly differ, float32 would leave rounding noise to be blown up.
        wide = centred.double()
        covariance = wide @ wide.mT / wide.shape[2]
        # A picture with NaN must not stop the decomposition of its neighbours; its features are NaN anyway.
        covariance = torch.where(covariance.isfinite(), covariance, 0)
        identity = torch.eye(covariance.shape[-1], dtype=wide.dtype, device=wide.device)
        variance, axes = torch.linalg.eigh(covariance + self.floor**2 * identity)
        unit = axes @ torch.diag_embed(variance.rsqrt()) @ axes.mT
        white: FeatureMap = (unit @ wide).to(features.dtype).view_as(features)
        return white
