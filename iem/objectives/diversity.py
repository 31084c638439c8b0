"""The diversity regulariser of IEM: each region should be of one colour."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_mask
from iem.interfaces import FeatureMap, Features, Image, Objective, Regions, Scores


@final
@dataclass(frozen=True)
class Diversity:
    """Minus the squared deviation of each region's features from their mean, per pixel of the picture.

    Equation::

        Div(M) = - 1 / (h w)  sum_k sum_p  M_k(p) |x_p - mu_k|^2,        mu_k = the mean of x under M_k

    summed over the channels: a piecewise-constant (Chan-Vese) energy. Savarese et al. (CVPR 2021) sum over the pixels,
    so that its weight holds for one picture size only; per pixel, a weight holds for all sizes. The sign makes larger
    better, as for every objective.

    Args:
        features: what to look at; the image itself by default.

    >>> image = torch.zeros(1, 3, 4, 4); image[..., 2:] = 1.0
    >>> halves = torch.zeros(1, 1, 4, 4); halves[..., 2:] = 1.0
    >>> Diversity()(image, halves).item(), Diversity()(image, halves.mT).item()
    (-0.0, -0.75)
    """

    features: Features | None = None

    def prepare(self, image: Image) -> Objective:
        """The same objective with the features computed once."""
        return _PreparedDiversity(image if self.features is None else self.features(image))

    def __call__(self, image: Image, mask: Regions) -> Scores:
        """``[b]``, at most 0."""
        return self.prepare(image)(image, mask)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        """In closed form: the derivative of the means cancels, ``dDiv/dM_k(p) = - |x_p - mu_k|^2 / (h w)``."""
        return self.prepare(image).value_and_gradient(image, mask)


@dataclass(frozen=True)
class _PreparedDiversity:
    features: FeatureMap

    def prepare(self, image: Image) -> Objective:
        return self

    def __call__(self, image: Image, mask: Regions) -> Scores:
        regions, deviation = self._deviation(mask)
        return -(regions * deviation).sum(1).mean((-2, -1))

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        regions, deviation = self._deviation(mask)
        score = -(regions * deviation).sum(1).mean((-2, -1))
        gradient = deviation.neg().div_(mask.shape[-2] * mask.shape[-1])
        return score, gradient if mask.shape[1] > 1 else gradient[:, :1] - gradient[:, 1:]

    def _deviation(self, mask: Regions) -> tuple[Float[Tensor, "b r h w"], Float[Tensor, "b r h w"]]:
        """The r regions (a mask and its complement are 2), and every pixel's squared distance to each one's mean."""
        check_mask(mask, like=self.features)
        regions = mask if mask.shape[1] > 1 else torch.cat([mask, 1 - mask], dim=1)
        area = regions.sum((-2, -1))
        mean = regions.flatten(2) @ self.features.flatten(2).mT  # [b, k, c]
        mean = mean / area.clamp_min(torch.finfo(mask.dtype).tiny)[..., None]
        deviation = [(self.features - mu[..., None, None]).square().sum(1) for mu in mean.unbind(1)]
        # A region without a pixel has no mean to deviate from; zero would be the distance to the origin of colours.
        return regions, torch.stack(deviation, dim=1) * (area > 0)[..., None, None]
