"""Parameterisations: free parameters and the mask they stand for, both ways."""

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from iem.checks import check_mask, check_number
from iem.interfaces import Regions


@final
@dataclass(frozen=True)
class Logits:
    """One free number per pixel (and per region): ``mask = sigmoid(sharpness * logits)``, for regions the softmax.

    Args:
        saturation: how close to 0 and 1 the parameters of a hard mask bring it. Where the sigmoid is flat nothing
            moves, so a hard start is softened to ``1 - saturation`` and ``saturation``.

    >>> mask = torch.tensor([[[[0.1, 0.5, 0.9]]]])
    >>> Logits().to_mask(Logits().to_parameters(mask), (1, 3))
    tensor([[[[0.1000, 0.5000, 0.9000]]]])
    """

    saturation: float = 0.95

    def __post_init__(self) -> None:
        check_number(self.saturation, "saturation", low=0.5 + 1e-6, high=1 - 1e-6)

    def to_mask(self, parameters: Tensor, size: tuple[int, int], sharpness: float = 1.0) -> Regions:
        """``[b, k, h, w]``, in (0, 1); regions sum to one."""
        if parameters.shape[-2:] != size:
            raise ValueError(f"parameters: expected size {size}, got {tuple(parameters.shape[-2:])}")
        return _squash(parameters * sharpness)

    def to_parameters(self, mask: Regions) -> Tensor:
        """Logits of the mask, softened where it is harder than ``saturation``."""
        check_mask(mask)
        return _unsquash(mask, self.saturation)


@final
@dataclass(frozen=True)
class CoarseGrid:
    """Logits on a grid with one node per ``stride`` pixels, bilinearly enlarged: smooth outlines, fewer parameters.

    Args:
        stride: pixels per node; a side of n pixels has ``ceil(n / stride)`` nodes.
        saturation: as for ``Logits``.

    >>> CoarseGrid(4).to_parameters(torch.zeros(1, 1, 30, 20)).shape
    torch.Size([1, 1, 8, 5])
    """

    stride: int = 4
    saturation: float = 0.95

    def __post_init__(self) -> None:
        check_number(self.stride, "stride", low=1, integer=True)
        check_number(self.saturation, "saturation", low=0.5 + 1e-6, high=1 - 1e-6)

    def to_mask(self, parameters: Tensor, size: tuple[int, int], sharpness: float = 1.0) -> Regions:
        """``[b, k, h, w]`` of ``size``, in (0, 1)."""
        if tuple(parameters.shape[-2:]) != self._nodes(size):
            raise ValueError(f"parameters: expected {self._nodes(size)} nodes, got {tuple(parameters.shape[-2:])}")
        enlarged = functional.interpolate(
            parameters, scale_factor=self.stride, mode="bilinear", align_corners=False, recompute_scale_factor=False
        )
        return _squash(enlarged[..., : size[0], : size[1]] * sharpness)

    def to_parameters(self, mask: Regions) -> Tensor:
        """Logits of the mask's mean around each node."""
        check_mask(mask)
        rows, columns = self._nodes((mask.shape[-2], mask.shape[-1]))
        below, beside = rows * self.stride - mask.shape[-2], columns * self.stride - mask.shape[-1]
        padded = functional.pad(mask, (0, beside, 0, below), mode="replicate")
        return _unsquash(functional.avg_pool2d(padded, self.stride), self.saturation)

    def _nodes(self, size: tuple[int, int]) -> tuple[int, int]:
        return math.ceil(size[0] / self.stride), math.ceil(size[1] / self.stride)


@final
@dataclass(frozen=True)
class Hard:
    """A mask of zeros and ones: ``mask = [parameter >= 1/2]``, for regions the largest parameter takes the pixel.

    The gradient passes straight through, so that the parameters feel the objective's derivative *at the hard mask*,
    which is what the paper's greedy rule follows. ``sharpness`` changes nothing: there is nothing left to sharpen.

    >>> Hard().to_mask(torch.tensor([[[[0.2, 0.7]]]]), (1, 2))
    tensor([[[[0., 1.]]]])
    """

    def to_mask(self, parameters: Tensor, size: tuple[int, int], sharpness: float = 1.0) -> Regions:
        """``[b, k, h, w]``, 0 or 1; regions sum to one."""
        if parameters.shape[-2:] != size:
            raise ValueError(f"parameters: expected size {size}, got {tuple(parameters.shape[-2:])}")
        with torch.no_grad():
            if parameters.shape[1] == 1:
                hard = (parameters >= 0.5).to(parameters.dtype)
            else:
                hard = functional.one_hot(parameters.argmax(1), parameters.shape[1]).movedim(-1, 1)
                hard = hard.to(parameters.dtype)
        return hard + (parameters - parameters.detach())  # adds zero, and the gradient

    def to_parameters(self, mask: Regions) -> Tensor:
        """The mask itself."""
        check_mask(mask)
        return mask.clone()


def _squash(logits: Tensor) -> Regions:
    return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)


def _unsquash(mask: Regions, saturation: float) -> Tensor:
    if mask.shape[1] == 1:
        return mask.clamp(1 - saturation, saturation).logit()
    regions = mask.clamp_min((1 - saturation) / (mask.shape[1] - 1))
    return (regions / regions.sum(1, keepdim=True)).log()
