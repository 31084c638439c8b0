"""Morphology by crosses, in pixels that are stated for one size of picture and hold for all."""

import torch
from jaxtyping import Bool
from torch import Tensor
from torch.nn import functional

HardMask = Bool[Tensor, "b 1 h w"]


def scaled_cross(arm: int, times: int, scale: float) -> tuple[int, int]:
    """The (arm, times) whose reach is ``arm * times * scale``, as nearly as whole pixels allow; 0 times for none.

    >>> scaled_cross(2, 4, 1.0), scaled_cross(2, 4, 0.25), scaled_cross(1, 4, 0.25), scaled_cross(2, 1, 0.2)
    ((2, 4), (1, 2), (1, 1), (1, 0))
    """
    length = max(1, int(arm * scale + 0.5))
    return length, int(arm * times * scale / length + 0.5)


def dilated(mask: HardMask, arm: int, times: int = 1) -> HardMask:
    """Grown by a cross with arms of ``arm`` pixels beside its middle, again and again; beyond the frame is nothing.

    >>> dot = torch.zeros(1, 1, 5, 5, dtype=torch.bool); dot[..., 2, 2] = True
    >>> dilated(dot, 1)[0, 0, 1].int().tolist(), int(dilated(dot, 2).sum()), int(dilated(dot, 1, times=2).sum())
    ([0, 0, 1, 0, 0], 9, 13)
    """
    grown = mask.to(torch.float32)
    for _ in range(times):
        down = functional.max_pool2d(grown, (2 * arm + 1, 1), 1, (arm, 0))
        across = functional.max_pool2d(grown, (1, 2 * arm + 1), 1, (0, arm))
        grown = torch.maximum(down, across)
    return grown > 0.5


def eroded(mask: HardMask, arm: int, times: int = 1) -> HardMask:
    """What is left when the background grows by the cross; beyond the frame there is none."""
    return ~dilated(~mask, arm, times)


def opened(mask: HardMask, arm: int, times: int = 1) -> HardMask:
    """Without what the cross does not fit into."""
    return dilated(eroded(mask, arm, times), arm, times)


def closed(mask: HardMask, arm: int, times: int = 1) -> HardMask:
    """With the holes and gaps that the cross does not fit into."""
    return eroded(dilated(mask, arm, times), arm, times)
