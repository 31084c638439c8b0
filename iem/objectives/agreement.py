"""How well a mask agrees with a map that says of every pixel how likely it is the object."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_mask
from iem.interfaces import Image, Mask, Objective, Regions, Scores

Guide = Callable[[Image], Mask]
TwoSides = Float[Tensor, "b 2 h w"]


@final
@dataclass(frozen=True)
class Agreement:
    """The share of pixels that are expected to lie on the right side, if a guide's probabilities are true.

    Equation, with the guide's map p, the mask M and N pixels::

        J(M) = 1 / N sum_x M(x) p(x) + (1 - M(x)) (1 - p(x)),     dJ / dM(x) = (2 p(x) - 1) / N

    It is largest for ``M = [p > 1/2]``: by itself a threshold, but a term beside others (``WeightedSum``), it draws a
    mask towards what the guide sees, such as what words mean (``iem.segmenters.TextMask``). Of two regions, the first
    is the object. No gradient flows to the guide.

    Args:
        guide: ``(image) -> mask`` in [0, 1], asked once for prepared pictures.

    >>> guide = lambda image: torch.tensor([[[[0.9, 0.2]]]])
    >>> Agreement(guide)(torch.zeros(1, 3, 1, 2), torch.tensor([[[[1.0, 0.0]]]]))
    tensor([0.8500])
    """

    guide: Guide

    def prepare(self, image: Image) -> Objective:
        """The same objective, with the guide asked once."""
        with torch.no_grad():
            likely = self.guide(image)
        check_mask(likely, like=image, name="guide")
        if likely.shape[1] != 1:
            raise ValueError(f"guide: expected one channel, got {likely.shape[1]}; give a map of the object alone")
        return _Prepared(likely.detach())

    def __call__(self, image: Image, mask: Regions) -> Scores:
        """``[b]``, in [0, 1]."""
        return self.prepare(image)(image, mask)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        """The score and its derivative, in closed form."""
        return self.prepare(image).value_and_gradient(image, mask)


@dataclass(frozen=True)
class _Prepared:
    likely: Mask

    def prepare(self, image: Image) -> Objective:
        return self

    def __call__(self, image: Image, mask: Regions) -> Scores:
        slopes = self._slopes(mask)
        sides = mask if mask.shape[1] == 2 else torch.cat([mask, 1 - mask], dim=1)
        return (sides * slopes).mean((2, 3)).sum(1)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        pixels = self.likely.shape[2] * self.likely.shape[3]
        slopes = self._slopes(mask)
        gradient = slopes if mask.shape[1] == 2 else slopes[:, :1] - slopes[:, 1:]
        return self(image, mask).detach(), gradient / pixels

    def _slopes(self, mask: Regions) -> TwoSides:
        check_mask(mask, like=self.likely)
        if mask.shape[1] > 2:
            raise ValueError(
                f"mask: expected a mask or two regions, got {mask.shape[1]}; the guide tells the object from the rest"
            )
        return torch.cat([self.likely, 1 - self.likely], dim=1)
