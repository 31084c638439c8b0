"""Derivatives from values alone."""

from collections.abc import Callable

import torch


def finite_differences(
    score: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    image: torch.Tensor,
    mask: torch.Tensor,
    step: float = 1e-6,
) -> torch.Tensor:
    """Central differences of ``score[b]`` for every entry of ``mask``, each moved by itself, sums to one or not."""
    rows = []
    for picture, regions in zip(image.split(1), mask.split(1), strict=True):
        entries = regions.numel()
        nudge = step * torch.eye(entries, dtype=mask.dtype).view(entries, *regions.shape[1:])
        many = picture.expand(entries, *picture.shape[1:])
        rows.append((score(many, regions + nudge) - score(many, regions - nudge)).view(regions.shape) / (2 * step))
    return torch.cat(rows)


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference over the largest expected value, the worst picture's."""
    difference = (actual - expected).abs().flatten(1).amax(1)
    return float((difference / expected.abs().flatten(1).amax(1)).max())
