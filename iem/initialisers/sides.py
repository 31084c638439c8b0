"""Which side of a cut through a picture is the object."""

import torch
from jaxtyping import Bool
from torch import Tensor

from iem.initialisers.square import Square
from iem.interfaces import Image, Mask


def object_side(image: Image, side: Bool[Tensor, "h w"]) -> Mask:
    """The side that holds less of the picture's frame, ``[1, 1, h, w]``; if both hold as much, the smaller one.

    An object is seldom cut off all round, its background nearly always is. Without two sides it is the centred square.

    Args:
        image: one picture.
        side: either of the two.

    >>> side = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 0, 1]]).bool()
    >>> object_side(torch.zeros(1, 3, 3, 4), side)[0, 0].int().tolist()
    [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]]
    """
    if bool(side.all()) or not bool(side.any()):
        return Square()(image)
    inner = torch.zeros_like(side)
    inner[1:-1, 1:-1] = True
    on_frame = side[~inner].double().mean().item()
    area = side.double().mean().item()
    chosen = side if (on_frame, area) < (1 - on_frame, 1 - area) else ~side
    return chosen[None, None].to(image)
