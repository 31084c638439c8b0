"""The inpainting error: how badly the regions of a picture predict each other."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from iem.checks import check_mask
from iem.interfaces import FeatureMap, Features, Image, Inpainter, NormalisedConvolution, Objective, Regions, Scores
from iem.objectives import autograd

_TOGETHER = 4  # pictures that a processor works on at once


@final
@dataclass(frozen=True)
class InpaintingError:
    """The objective of IEM: inpaint each region given all others, and sum the errors per pixel of the region.

    Equation (Savarese et al., CVPR 2021, arXiv 2012.07287, for k = 2)::

        Inp(M) = sum_k  1 / |M_k|  sum_p M_k(p) e_k(p),      e_k = mean over channels of |x - phi(x (1 - M_k), 1 - M_k)|

    The inpainter composites, so one region's error is simply ``|x - inpaint(x, M_k)|`` summed and divided by its area.
    With a mask ``[b, 1, h, w]`` the regions are the mask and its complement; with ``[b, k, h, w]`` they are the k
    masks, which must sum to one. A picture with an empty region has no partition: its score is 0 and its gradient 0.

    With an inpainter that is a ``NormalisedConvolution``, value and gradient are in closed form; with any other
    differentiable one they come from autograd.

    Args:
        inpainter: predicts each region from the others.
        features: what to predict; the image itself by default.

    >>> from iem.inpainters import GaussianInpainter
    >>> image = torch.zeros(1, 3, 32, 32); image[..., 16:] = 1.0
    >>> halves = torch.zeros(1, 1, 32, 32); halves[..., 16:] = 1.0
    >>> InpaintingError(GaussianInpainter())(image, halves).item()  # each half is all wrong about the other
    2.0
    """

    inpainter: Inpainter
    features: Features | None = None

    def prepare(self, image: Image) -> Objective:
        """The same objective, with the features and their blur computed once."""
        features = image if self.features is None else self.features(image)
        if isinstance(self.inpainter, NormalisedConvolution):
            return _ClosedForm.of(features, self.inpainter)
        return _ByAutograd(features, self.inpainter)

    def __call__(self, image: Image, mask: Regions) -> Scores:
        """``[b]``, at least 0."""
        return self.prepare(image)(image, mask)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        """The score and its derivative with respect to every entry of ``mask``."""
        return self.prepare(image).value_and_gradient(image, mask)


@dataclass(frozen=True)
class _ByAutograd:
    features: FeatureMap
    inpainter: Inpainter

    def prepare(self, image: Image) -> Objective:
        return self

    def __call__(self, image: Image, mask: Regions) -> Scores:
        return self._score(mask)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        if not self.inpainter.differentiable:
            raise ValueError(
                f"inpainter: expected one that gradients flow through, got {type(self.inpainter).__name__}; "
                "use it to score masks, and another one to move them"
            )
        # |x - inpaint(x, m)| = m |x - phi| has a kink at m = 0, where its derivative is |x - phi| from above but
        # autograd's is 0. Hiding what is known by a thousandth shows phi there. What is hidden stays so: the least of
        # it would be taken for a source where nothing else is in reach.
        _, gradient = autograd.value_and_gradient(lambda _, free: self._score(free, least=1e-3), image, mask)
        area = mask.sum((-2, -1))
        valid = ((area > 0) & (area < mask.shape[-2] * mask.shape[-1])).all(1)
        return self(image, mask.detach()), torch.where(valid[:, None, None, None], gradient, 0)

    def _score(self, mask: Regions, least: float = 0.0) -> Scores:
        check_mask(mask, like=self.features)
        regions = mask if mask.shape[1] > 1 else torch.cat([mask, 1 - mask], dim=1)
        area = regions.sum((-2, -1))
        holes = regions + (regions.clamp_min(least) - regions).detach()
        error = [
            (self.features - self.inpainter(self.features, hole)).abs().mean(1).sum((-2, -1))
            for hole in holes.split(1, dim=1)
        ]
        score = (torch.stack(error, dim=1) / area.clamp_min(torch.finfo(mask.dtype).tiny)).sum(1)
        return torch.where((area > 0).all(1), score, 0)


@dataclass(frozen=True)
class _ClosedForm:
    """Value and gradient without autograd, from the blur K and its adjoint.

    For one region m with the source s = 1 - m, N = K(x s), D = K(s), phi = N / D, r = x - phi (per channel, of c)::

        v = 1/|m| sum_p m e,      e = 1/c sum_c |r|
        dv/dm = (e - v) / |m|  -  dv/ds
        dv/ds = sum_c x K^T(G)  -  K^T(sum_c G phi),      G = dv/dN = - m sign(r) / (c |m| D)

    For a mask and its complement, the adjoints of both sides add up before the one blur back. The blur of the one
    source could also be had by subtracting the other's from that of the whole picture; but far from a source that
    leaves rounding noise where there should be nothing, enough in float32 to steer a mask elsewhere.
    """

    features: FeatureMap  #: x, shifted to mean 0, which phi follows: numbers of less than half the size
    inpainter: NormalisedConvolution

    @classmethod
    def of(cls, features: FeatureMap, inpainter: NormalisedConvolution) -> "_ClosedForm":
        if inpainter.floor == 0:
            features = features - features.mean((-2, -1), keepdim=True)
        return cls(features, inpainter)

    def prepare(self, image: Image) -> Objective:
        return self

    def __call__(self, image: Image, mask: Regions) -> Scores:
        if mask.requires_grad:
            return _ByAutograd(self.features, self.inpainter)(image, mask)
        check_mask(mask, like=self.features)
        value, area, *_ = self._errors(mask)
        return torch.where((area > 0).all(1), value.sum(1), 0)

    @torch.no_grad()
    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        check_mask(mask, like=self.features)
        # A few pictures' fields stay in a processor's cache; a batch's would travel through memory at every operation.
        few = _TOGETHER if mask.device.type == "cpu" else len(mask)
        if len(mask) <= few:
            return self._value_and_gradient(mask)
        pictures = zip(self.features.split(few), mask.split(few), strict=True)
        each = [_ClosedForm(features, self.inpainter)._value_and_gradient(some) for features, some in pictures]
        scores, gradients = zip(*each, strict=True)
        return torch.cat(scores), torch.cat(gradients)

    def _value_and_gradient(self, mask: Regions) -> tuple[Scores, Regions]:
        value, area, share, error, residual, prediction, weight = self._errors(mask)
        by_blur = self._fields_like(residual)  # minus the derivative with respect to N and D
        by_numerator = torch.mul(residual.sign_(), share[:, :, None] / weight, out=by_blur[:, :, :-1])
        torch.sum(prediction.mul_(by_numerator), 2, out=by_blur[:, :, -1]).neg_()
        channels = self.features.shape[1]
        slope = error / (channels * area)[..., None, None] - (value / area)[..., None, None]
        if mask.shape[1] == 1:
            slope, by_blur = slope[:, :1] - slope[:, 1:], by_blur[:, :1] - by_blur[:, 1:]
        by_source = self.inpainter.smooth_adjoint(by_blur.flatten(1, 2)).unflatten(1, by_blur.shape[1:3])
        by_source[:, :, :-1] *= self.features[:, None]
        gradient = slope.add_(by_source.sum(2))
        valid = (area > 0).all(1)
        return torch.where(valid, value.sum(1), 0), torch.where(valid[:, None, None, None], gradient, 0)

    def _fields_like(self, regions: Tensor) -> Tensor:
        """Room for c + 1 fields of every region, ``[b, k, c + 1, h, w]``."""
        batch, count = regions.shape[:2]
        return regions.new_empty(batch, count, self.features.shape[1] + 1, *regions.shape[-2:])

    def _errors(self, mask: Regions) -> tuple[Tensor, ...]:
        """Value and area ``[b, k]`` of every region, and the maps they came from; NaN where a region is empty.

        ``share`` is m / (c |m|), ``error`` the sum of |r| over the channels.
        """
        regions = mask if mask.shape[1] > 1 else torch.cat([mask, 1 - mask], dim=1)
        source = 1 - regions if mask.shape[1] > 1 else regions.flip(1)
        fields = self._fields_like(source[:, :, None])
        torch.mul(self.features[:, None], source[:, :, None], out=fields[:, :, :-1])
        fields[:, :, -1] = source
        known = self.inpainter.smooth(fields.flatten(1, 2)).unflatten(1, fields.shape[1:3])
        weight = known[:, :, -1:] + self.inpainter.floor if self.inpainter.floor else known[:, :, -1:]
        prediction = known[:, :, :-1] / weight
        residual = self.features[:, None] - prediction
        error = residual.abs().sum(2)
        area = regions.sum((-2, -1))
        share = regions / (self.features.shape[1] * area)[..., None, None]
        value = (share * error).sum((-2, -1))
        return value, area, share, error, residual, prediction, weight
