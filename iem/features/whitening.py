"""Features without correlation."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

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
        return whiten(features, *whitening(features, self.floor))


def whitening(features: FeatureMap, floor: float) -> tuple[Float[Tensor, "b c 1"], Float[Tensor, "b c c"]]:
    """The mean of each picture's features, and the matrix that makes their directions vary equally, in float64."""
    # Where values hardly differ, float32 would leave rounding noise to be blown up.
    flat = features.flatten(2)
    mean = flat.mean(2, keepdim=True)
    wide = (flat - mean).double()
    covariance = wide @ wide.mT / wide.shape[2]
    # A picture with NaN must not stop the decomposition of its neighbours; its features are NaN anyway.
    covariance = torch.where(covariance.isfinite(), covariance, 0)
    identity = torch.eye(covariance.shape[-1], dtype=wide.dtype, device=wide.device)
    variance, axes = torch.linalg.eigh(covariance + floor**2 * identity)
    return mean, axes @ torch.diag_embed(variance.rsqrt()) @ axes.mT


def whiten(features: FeatureMap, mean: Float[Tensor, "b c 1"], matrix: Float[Tensor, "b c c"]) -> FeatureMap:
    """The features less the mean, turned and scaled by the matrix."""
    centred = (features.flatten(2) - mean).double()
    white: FeatureMap = (matrix @ centred).to(features.dtype).view_as(features)
    return white
