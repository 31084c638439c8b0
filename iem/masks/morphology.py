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


def majority(mask: HardMask, threshold: int = 4, *, window: int = 3) -> HardMask:
    """Pixels with at least ``threshold`` foreground pixels in the window around them, themselves included.

    Outside the picture is background. Of nine votes 5 are a majority; the paper's 4 lean towards the foreground.

    Args:
        mask: ``bool[b, 1, h, w]``.
        threshold: votes needed.
        window: side of the square whose pixels vote, odd, at most 15.

    >>> dot = torch.zeros(1, 1, 5, 5, dtype=torch.bool); dot[..., 2, 2] = True
    >>> bool(majority(dot).any()), int(majority(dot, threshold=1).sum()), int(majority(dot, 1, window=5).sum())
    (False, 9, 25)
    """
    votes = mask.to(torch.uint8)
    for axis in (-2, -1):
        sums = votes.clone()
        size = votes.shape[axis]
        for offset in range(1, min(window // 2, size - 1) + 1):
            sums.narrow(axis, offset, size - offset).add_(votes.narrow(axis, 0, size - offset))
            sums.narrow(axis, 0, size - offset).add_(votes.narrow(axis, offset, size - offset))
        votes = sums
    return votes >= threshold
