"""What clicks say of pixels that are near them and look like them."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from iem.interfaces import FeatureMap, Image, Mask, Objective, Regions, Scores

_MOST = 64  # marked pixels that are compared; a stroke has many, much alike

Pixels = Bool[Tensor, "1 1 h w"]


@dataclass(frozen=True)
class Evidence:
    """An objective of one picture, for any number of masks of it, with a pull on every pixel.

    Equation, with ``U`` the pull::

        J'(M) = J(M) + 1 / (h w) sum_p M(p) U(p)

    Attributes:
        prepared: ``J``, prepared for the picture.
        pull: ``[1, 1, h, w]``; None: there is none.
    """

    prepared: Objective
    pull: Mask | None = None

    def prepare(self, image: Image) -> Objective:
        """Itself: it is about one picture."""
        return self

    def __call__(self, image: Image, mask: Regions) -> Scores:
        """``[b]``, one number per mask."""
        scores = torch.cat([self.prepared(image[:1], one[None]) for one in mask])
        return scores if self.pull is None else scores + (mask * self.pull).flatten(1).mean(1)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        """Of every mask."""
        found = [self.prepared.value_and_gradient(image[:1], one[None]) for one in mask]
        scores, gradient = torch.cat([score for score, _ in found]), torch.cat([slope for _, slope in found])
        if self.pull is None:
            return scores, gradient
        return scores + (mask * self.pull).flatten(1).mean(1), gradient + self.pull / self.pull.numel()


def pull(
    shares: FeatureMap, marked: Pixels, beside: Pixels, *, weight: float, reach: float, sharpness: float
) -> Float[Tensor, "1 1 h w"]:
    """Towards the object near what is marked, away from it near what is marked as beside it.

    Equation, with ``B(p, q) = sum_c sqrt(w_c(p) w_c(q))``, Bhattacharyya's coefficient, the likeness of two pixels::

        U(p) = weight (max_q k(p, q) - max_r k(p, r)),     k(p, q) = B(p, q)^sharpness exp(-|p - q|^2 / (2 reach^2))

    over the pixels q that are marked and r that are marked as beside the object.

    Args:
        shares: ``[1, c, h, w]``, summing to one, see ``iem.features.Palette``.
        marked: pixels on the object.
        beside: pixels beside it.
        weight: in nats, to be compared with the log-likelihood ratios of ``MutualInformation``.
        reach: in pixels.
        sharpness: how much alike pixels have to be.

    >>> shares = torch.zeros(1, 2, 1, 4); shares[:, 0, :, :2] = 1; shares[:, 1, :, 2:] = 1
    >>> click = torch.tensor([[[[True, False, False, False]]]])
    >>> pull(shares, click, ~click & False, weight=2.0, reach=100.0, sharpness=1.0)
    tensor([[[[2.0000, 1.9999, 0.0000, 0.0000]]]])
    """
    roots = shares[0].sqrt().flatten(1)
    height, width = shares.shape[-2:]
    places = torch.cartesian_prod(torch.arange(height), torch.arange(width)).to(shares)
    pulls = []
    for pixels in (marked, beside):
        index = pixels.flatten().nonzero()[:, 0]
        index = index[:: -(-len(index) // _MOST)] if len(index) else index
        alike = (roots[:, index].mT @ roots).clamp_max(1) ** sharpness
        near = torch.exp(torch.cdist(places[index], places).square() / (-2 * reach**2))
        strongest = (alike * near).amax(0) if len(index) else torch.zeros_like(roots[0])
        pulls.append(strongest.view(1, 1, height, width))
    return weight * (pulls[0] - pulls[1])
