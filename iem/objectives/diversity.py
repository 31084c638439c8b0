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
    (0.0, -0.75)
    """

    features: Features | None = None

    def prepare(self, image: Image) -> Objective:
        """The same objective with the features computed once."""
        return _PreparedDiversity.of(image if self.features is None else self.features(image))

    def __call__(self, image: Image, mask: Regions) -> Scores:
        """``[b]``, at most 0."""
        return self.prepare(image)(image, mask)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        """In closed form: the derivative of the means cancels, ``dDiv/dM_k(p) = - |x_p - mu_k|^2 / (h w)``."""
        return self.prepare(image).value_and_gradient(image, mask)


@dataclass(frozen=True)
class _PreparedDiversity:
    """With ``|x - mu|^2 = |x|^2 - 2 mu . x + |mu|^2`` all that is left to do per mask are two thin matrix products."""

    fields: Float[Tensor, "b fields n"]  #: x, shifted to mean 0 so that little cancels, and |x|^2, at every pixel
    size: tuple[int, int]

    @classmethod
    def of(cls, features: FeatureMap) -> "_PreparedDiversity":
        centred = (features - features.mean((-2, -1), keepdim=True)).flatten(2)
        return cls(
            torch.cat([centred, centred.square().sum(1, keepdim=True)], dim=1), (features.shape[-2], features.shape[-1])
        )

    def prepare(self, image: Image) -> Objective:
        return self

    def __call__(self, image: Image, mask: Regions) -> Scores:
        sums, area, _ = self._statistics(mask)
        return self._score(sums, area)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        sums, area, mean = self._statistics(mask)
        # A region without a pixel has no mean to deviate from; zero would be the distance to the origin of colours.
        exists = (area > 0).to(mask.dtype)[..., None]
        weights = torch.cat([-2 * mean * exists, exists], dim=2)  # of the fields, in |x - mu_k|^2
        constant = mean.square().sum(2, keepdim=True) * exists
        if mask.shape[1] == 1:
            weights, constant = weights[:, :1] - weights[:, 1:], constant[:, :1] - constant[:, 1:]
        deviation = torch.baddbmm(constant, weights, self.fields, alpha=-1 / self._pixels, beta=-1 / self._pixels)
        return self._score(sums, area), deviation.view_as(mask)

    @property
    def _pixels(self) -> int:
        return self.size[0] * self.size[1]

    def _score(self, sums: Tensor, area: Tensor) -> Scores:
        squares = sums[..., :-1].square().sum(2) / torch.where(area > 0, area, 1)  # |M_k| |mu_k|^2
        return torch.where(area > 0, squares - sums[..., -1], 0).sum(1) / self._pixels

    def _statistics(self, mask: Regions) -> tuple[Tensor, Tensor, Tensor]:
        """Sums of the fields ``[b, r, c + 1]``, areas ``[b, r]`` and means ``[b, r, c]`` of the r regions."""
        check_mask(mask, like=self.fields.unflatten(2, self.size))
        regions = mask.flatten(2)
        sums, area = regions @ self.fields.mT, regions.sum(2)
        if mask.shape[1] == 1:  # and its complement
            sums = torch.cat([sums, self.fields.sum(2)[:, None] - sums], dim=1)
            area = torch.cat([area, self._pixels - area], dim=1)
        return sums, area, sums[..., :-1] / torch.where(area > 0, area, 1)[..., None]
