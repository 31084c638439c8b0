"""Many channels reduced to the few that differ most."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_number
from iem.interfaces import Features, Image

Components = Float[Tensor, "b components rows columns"]  # coarse where the features are


@final
@dataclass(frozen=True)
class Principal:
    """The first principal components of each picture's features, in units of the first one's standard deviation.

    Equation, with ``v_i`` the eigenvectors of the features' covariance over the picture and ``l_i`` its eigenvalues in
    falling order::

        y_i(p) = v_i . (x(p) - mean x) / sqrt(l_1)

    Hundreds of channels cost an objective much, and most say the same or nothing. The sign of a component, which is
    arbitrary, makes the vector's largest entry positive. Gradients flow to the features along the axes, which are taken
    as given.

    Args:
        features: what to reduce; coarse features before they are upsampled, which is much faster and nearly the same.
        components: how many, at most as many as there are channels. A picture of fewer pixels has zeros for the rest.

    >>> from iem.features import RGB
    >>> grey = torch.linspace(0, 1, 5).expand(1, 3, 1, 5)
    >>> Principal(RGB(), components=2)(grey)[0, 0].round(decimals=3)
    tensor([[-1.4140, -0.7070,  0.0000,  0.7070,  1.4140]])
    """

    features: Features
    components: int = 3

    def __post_init__(self) -> None:
        check_number(self.components, "components", low=1, integer=True)

    def __call__(self, image: Image) -> Components:
        """``[b, components, h', w']``, mean 0, at most of variance 1."""
        features = self.features(image)
        channels = features.shape[1]
        if self.components > channels:
            raise ValueError(f"components: expected at most the {channels} channels, got {self.components}; lower it")
        wide = features.flatten(2).mT.double()
        centred = wide - wide.mean(1, keepdim=True)
        # A picture with NaN must not stop the decomposition of its neighbours; its features are NaN anyway.
        known = torch.where(centred.isfinite(), centred, 0).detach()
        _, strength, axes = torch.linalg.svd(known, full_matrices=False)
        axes = axes[:, : self.components]
        largest = axes.gather(2, axes.abs().argmax(2, keepdim=True))
        # In a flat picture only rounding differs: it is not to be blown up.
        noise = 1e-5 * wide.detach().square().mean((1, 2), keepdim=True).sqrt()
        deviation = (strength[:, :1, None].square() / wide.shape[1] + noise.square()).sqrt()
        found = axes * largest.sign() @ centred.mT / deviation.clamp_min(torch.finfo(wide.dtype).tiny)
        missing = found.new_zeros(len(found), self.components - found.shape[1], found.shape[2])
        reduced: Components = torch.cat([found, missing], dim=1).to(features.dtype).unflatten(2, features.shape[2:])
        return reduced
