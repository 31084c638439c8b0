"""The mutual information of where a pixel lies and what it looks like."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from iem.checks import check_mask
from iem.interfaces import FeatureMap, Features, Image, Objective, Regions, Scores

Joint = Float[Tensor, "b regions c"]


@final
@dataclass(frozen=True)
class MutualInformation:
    """How much the side of the mask tells about the colour, in nats.

    Equation, for a pixel p drawn at random, its region k and one of its colours c::

        I(M) = sum_k sum_c  a_kc log (a_kc / (A_k r_c)),
        a_kc = 1 / (h w) sum_p M_k(p) w_c(p),      A_k = sum_c a_kc,      r_c = sum_k a_kc

    ``w_c(p)``, the features, are shares of colours that sum to one at every pixel (``iem.features.Palette``). Where the
    diversity term describes a region by one colour, this describes it by a histogram. Its derivative is the
    log-likelihood ratio of the regions' histograms, ``dI/dM(p) = 1 / (h w) sum_c w_c(p) log (a_1c A_0 / (a_0c A_1))``
    for a mask and its complement.

    With an empty region there is nothing to tell: score 0, gradient 0.

    Args:
        features: shares of colours, at least 0, summing to one at every pixel.

    >>> from iem.features import RGB, Palette
    >>> image = torch.zeros(1, 3, 8, 8); image[..., 4:] = 1.0
    >>> halves = image[:, :1]
    >>> information = MutualInformation(Palette(RGB(), colours=2, width=0.1, radius=0, spread=0.0))
    >>> information(image, halves), information(image, halves.mT)  # log 2, and nothing
    (tensor([0.6931]), tensor([0.]))
    """

    features: Features

    def prepare(self, image: Image) -> Objective:
        """The same objective with the features computed once."""
        # In one layout, lest sums run in another order for a batch of one: no digit of a score must depend on which
        # pictures are searched together.
        return _PreparedMutualInformation(self.features(image).contiguous())

    def __call__(self, image: Image, mask: Regions) -> Scores:
        """``[b]``, between 0 and the logarithm of the number of regions."""
        return self.prepare(image)(image, mask)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        """The score and its derivative with respect to every entry of ``mask``, in closed form."""
        return self.prepare(image).value_and_gradient(image, mask)


@dataclass(frozen=True)
class _PreparedMutualInformation:
    shares: FeatureMap

    def prepare(self, image: Image) -> Objective:
        return self

    def __call__(self, image: Image, mask: Regions) -> Scores:
        joint, valid = self._joint(mask)
        return _information(joint, valid)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        joint, valid = self._joint(mask)
        tiny = torch.finfo(mask.dtype).tiny
        given = joint.clamp_min(tiny).log() - joint.sum(2, keepdim=True).clamp_min(tiny).log()
        if mask.shape[1] == 1:
            slope = given[:, :1] - given[:, 1:]
        else:
            slope = given - joint.sum(1, keepdim=True).clamp_min(tiny).log() - 1
        gradient = (slope @ self.shares.flatten(2)).view_as(mask) / (mask.shape[-2] * mask.shape[-1])
        return _information(joint, valid), torch.where(valid[:, None, None, None], gradient, 0)

    def _joint(self, mask: Regions) -> tuple[Joint, Bool[Tensor, " b"]]:
        """``a_kc``, and whether no region is empty."""
        check_mask(mask, like=self.shares)
        regions = mask if mask.shape[1] > 1 else torch.cat([mask, 1 - mask], dim=1)
        flat = regions.flatten(2)
        return flat @ self.shares.flatten(2).mT / flat.shape[2], (flat.sum(2) > 0).all(1)


def _information(joint: Joint, valid: Bool[Tensor, " b"]) -> Scores:
    # An empty region's entries are taken out before the logarithm: autograd would make NaN of them.
    joint = torch.where(valid[:, None, None], joint, 1.0)
    information = _plogp(joint).sum((1, 2)) - _plogp(joint.sum(2)).sum(1) - _plogp(joint.sum(1)).sum(1)
    return torch.where(valid, information, 0)


def _plogp(p: Tensor) -> Tensor:
    return torch.xlogy(p, p.clamp_min(torch.finfo(p.dtype).tiny))
