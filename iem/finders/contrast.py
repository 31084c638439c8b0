"""How much the two sides of a boundary differ, close to it."""

import torch
from torch import Tensor
from torch.nn import functional

from iem.interfaces import FeatureMap, Mask

WIDTH = 8  # pixels on each side of the boundary that are compared, of a short side of 128
LEAST = 64  # pixels of each side, so that their histograms say something


def boundary_information(shares: FeatureMap, mask: Mask, rest: Mask) -> float:
    """How much it tells of a pixel close to the boundary on which side it lies, in nats, from 0 to log 2.

    Equation: the mutual information of the side and the entry, for a side drawn at random and a pixel drawn at random
    from that side's band along the boundary (``bands``). What the sides look like far from each other does not count: a
    wall that slowly darkens is no boundary.

    Args:
        shares: ``[1, k, h, w]``, summing to one, see ``Appearance``.
        mask: ``[1, 1, h, w]``, 0 or 1.
        rest: the other side, disjoint.

    >>> shares = torch.zeros(1, 2, 16, 16); shares[:, 0, :, :6] = 1; shares[:, 1, :, 6:] = 1
    >>> left = torch.zeros(1, 1, 16, 16); left[..., :6] = 1
    >>> round(boundary_information(shares, left, 1 - left), 3)
    0.693
    """
    if float(mask.sum()) == 0 or float(rest.sum()) == 0:
        return 0.0
    sides = torch.cat(bands(mask, rest), dim=1).flatten(2)
    return float(information((sides @ shares.flatten(2).mT)[0]))


def bands(mask: Mask, rest: Mask, width: int = WIDTH) -> tuple[Mask, Mask]:
    """The pixels of each side that are close to the other; farther ones, too, where few are close."""
    while width < max(mask.shape[-2:]):
        own, other = mask * near(rest, width), rest * near(mask, width)
        if all(float(band.sum()) >= min(LEAST, float(side.sum())) for band, side in ((own, mask), (other, rest))):
            return own, other
        width *= 2
    return mask, rest


def near(mask: Mask, radius: int) -> Mask:
    """1 where some of the mask is at most ``radius`` rows and columns away."""
    side = 2 * radius + 1
    rows = functional.max_pool2d(mask, (side, 1), 1, (radius, 0))
    return functional.max_pool2d(rows, (1, side), 1, (0, radius))


def information(counts: Tensor) -> Tensor:
    """Mutual information, in nats, of the counts ``[2, k, ...]`` of the entries on two sides, each as likely."""
    joint = counts / counts.sum(1, keepdim=True).clamp_min(torch.finfo(counts.dtype).tiny) / 2
    return _plogp(joint).sum((0, 1)) - _plogp(joint.sum(1)).sum(0) - _plogp(joint.sum(0)).sum(0)


def _plogp(p: Tensor) -> Tensor:
    return torch.xlogy(p, p.clamp_min(torch.finfo(p.dtype).tiny))
