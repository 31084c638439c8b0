"""Derivatives from values alone."""

from collections.abc import Callable

import torch


def finite_differences(
    score: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    image: torch.Tensor,
    mask: torch.Tensor,
    entries: torch.Tensor,
    step: float = 1e-6,
) -> torch.Tensor:
    """Central differences of ``score[b]`` for some entries of each flattened mask, ``[b, n]``.

    Each entry is moved by itself, whether or not the regions still sum to one then.
    """
    rows = []
    for picture, regions in zip(image.split(1), mask.split(1), strict=True):
        nudge = step * torch.eye(regions.numel(), dtype=mask.dtype)[entries].view(-1, *regions.shape[1:])
        many = picture.expand(len(nudge), *picture.shape[1:])
        rows.append((score(many, regions + nudge) - score(many, regions - nudge)) / (2 * step))
    return torch.stack(rows)


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference over the largest expected value, the worst picture's."""
    difference = (actual - expected).abs().flatten(1).amax(1)
    return float((difference / expected.abs().flatten(1).amax(1)).max())
