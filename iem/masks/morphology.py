"""Morphology of hard masks."""

import torch
from jaxtyping import Bool
from torch import Tensor

HardMask = Bool[Tensor, "b 1 h w"]


def boundary(mask: HardMask, *, frame: bool = True) -> HardMask:
    """Pixels with a 4-neighbour of the other side: the inner boundary of the mask and of its complement.

    Args:
        mask: ``bool[b, 1, h, w]``.
        frame: whether the picture's outermost pixels count as boundary of both sides. They do in the authors' program,
            because its convolution pads with zeros; so background can always enter from the frame.

    >>> row = torch.tensor([[[[False, False, False, True, True, True]]]])
    >>> boundary(row, frame=False).int().flatten()
    tensor([0, 0, 1, 1, 0, 0], dtype=torch.int32)
    """
    vertical = mask[..., 1:, :] ^ mask[..., :-1, :]
    horizontal = mask[..., :, 1:] ^ mask[..., :, :-1]
    edge = torch.zeros_like(mask)
    edge[..., 1:, :] |= vertical
    edge[..., :-1, :] |= vertical
    edge[..., :, 1:] |= horizontal
    edge[..., :, :-1] |= horizontal
    if frame:
        edge[..., 0, :] = edge[..., -1, :] = True
        edge[..., :, 0] = edge[..., :, -1] = True
    return edge


def majority(mask: HardMask, threshold: int = 4) -> HardMask:
    """Pixels with at least ``threshold`` foreground pixels in their 3 x 3 neighbourhood, themselves included.

    Outside the picture is background. Of nine votes 5 are a majority; the paper's 4 lean towards the foreground.

    >>> dot = torch.zeros(1, 1, 5, 5, dtype=torch.bool); dot[..., 2, 2] = True
    >>> bool(majority(dot).any()), int(majority(dot, threshold=1).sum())
    (False, 9)
    """
    votes = mask.to(torch.uint8)
    rows = votes.clone()
    rows[..., 1:, :] += votes[..., :-1, :]
    rows[..., :-1, :] += votes[..., 1:, :]
    sums = rows.clone()
    sums[..., :, 1:] += rows[..., :, :-1]
    sums[..., :, :-1] += rows[..., :, 1:]
    return sums >= threshold
