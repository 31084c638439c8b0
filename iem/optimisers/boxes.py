"""Boxes around masks: rows and columns as (first, last + 1)."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from torch import Tensor

Boxes = Int[Tensor, "b 4"]  #: (first row, last row + 1, first column, last column + 1); zeros around nothing
Window = tuple[slice, slice]


def around(mask: Bool[Tensor, "b 1 h w"]) -> Boxes:
    """The smallest box that holds each mask.

    >>> mask = torch.zeros(1, 1, 4, 5, dtype=torch.bool); mask[..., 1:3, 2:4] = True
    >>> around(mask)
    tensor([[1, 3, 2, 4]])
    """
    edges = []
    for axis in (3, 2):
        held = mask.any(axis)[:, 0]
        places = torch.arange(1, held.shape[1] + 1, device=mask.device)
        last = (held * places).amax(1)
        first = torch.where(held, places - 1, held.shape[1]).amin(1)
        edges += [torch.where(last > 0, first, 0), last]
    return torch.stack(edges, dim=1)


def window(box: Int[Tensor, " 4"], factor: float, size: tuple[int, int], shift: int = 0) -> Window:
    """The box scaled about its centre to whole pixels, then shifted down and right, then cut to the picture.

    >>> window(torch.tensor([10, 20, 0, 8]), 1.25, (30, 30), shift=-2)
    (slice(6, 20, None), slice(0, 7, None))
    """
    sides = []
    for low, high, length in zip(box[0::2].tolist(), box[1::2].tolist(), size, strict=True):
        centre, half = (low + high) / 2, factor * (high - low) / 2
        first, last = math.floor(centre - half) + shift, math.ceil(centre + half) + shift
        first = min(max(first, 0), length - 1)
        sides.append(slice(first, max(min(last, length), first + 1)))
    return sides[0], sides[1]


def pieces(mask: Bool[Tensor, "1 h w"]) -> Float[Tensor, "n 2"]:
    """The middle (row, column) of each piece of a mask; corners do not connect.

    >>> pieces(torch.tensor([[[True, True, False, True]]]))
    tensor([[0.0000, 0.5000],
            [0.0000, 3.0000]])
    """
    labels, count = ndimage.label(mask[0].cpu().numpy())
    found: Sequence[tuple[float, float]] = ndimage.center_of_mass(labels > 0, labels, range(1, count + 1))
    return torch.tensor(found, dtype=torch.float32, device=mask.device).reshape(-1, 2)
