"""Symmetric positive systems on pictures, solved picture by picture and channel by channel."""

from collections.abc import Callable

import torch
from torch import Tensor

from iem.interfaces import FeatureMap

_MOST_STEPS = 200  # what rounding leaves undone after so many stays undone


def conjugate_gradients(
    apply: Callable[[FeatureMap, Tensor], FeatureMap],
    estimate: Callable[[FeatureMap], FeatureMap],
    right: FeatureMap,
    tolerance: float,
    scale: Tensor | None = None,
) -> FeatureMap:
    """Find u with ``S u = right``, from 0, with a preconditioner.

    Args:
        apply: ``S``: given fields, and memory for the answer.
        estimate: about the inverse of ``S``, at least a third of it.
        right: ``[b, c, h, w]``, 0 where there is nothing to solve for.
        tolerance: largest error, as a share of ``scale``.
        scale: ``[b, c, 1, 1]``; by default the largest value of a first estimate of u.
    """
    solution, residual, direction = torch.zeros_like(right), right.clone(), torch.zeros_like(right)
    spare = torch.empty_like(right)
    before = right.new_ones(1)
    busy = torch.ones_like(right[..., :1, :1], dtype=torch.bool)
    for _ in range(_MOST_STEPS):
        # What is missing, of which at least a third is found. Adding it leaves less than a third of that.
        missing = estimate(residual)
        largest = torch.abs(missing, out=spare).amax((-2, -1), keepdim=True)
        if scale is None:
            scale = largest
        product = _product(residual, missing)
        direction.mul_(_fraction(product, before, busy)).add_(missing)
        length = _fraction(product, _product(direction, apply(direction, spare)), busy)
        solution.addcmul_(length, direction)
        residual.addcmul_(length, spare, value=-1)
        before = product
        busy = busy & (largest > tolerance * scale)  # false for NaN, too
        if not busy.any():
            break
    return solution


def _product(left: FeatureMap, right: FeatureMap) -> Tensor:
    """Scalar products, ``[b, c, 1, 1]``."""
    return torch.einsum("bchw,bchw->bc", left, right)[..., None, None]


def _fraction(above: Tensor, below: Tensor, where: Tensor) -> Tensor:
    """0 where there is nothing to do, or nothing that can be done: a channel that holds NaN, or that is solved."""
    fraction = above / below
    return torch.where(where & fraction.isfinite(), fraction, 0)
