"""Pictures continued beyond their border, of any size."""

import torch
from jaxtyping import Float
from torch import Tensor


def pad_symmetrically(fields: Float[Tensor, "b c h w"], grid: int) -> Float[Tensor, "b c h2 w2"]:
    """Mirror to the right and below until both sides are a multiple of ``grid``, two of them at least.

    The border is repeated, as by ``numpy.pad(..., "symmetric")``, and as often as it takes: one pixel is enough.

    >>> pad_symmetrically(torch.arange(3.0).reshape(1, 1, 1, 3), 4)[0, 0, 0]
    tensor([0., 1., 2., 2., 1., 0., 0., 1.])
    """
    rows, columns = (_mirrored(int(side), grid, fields.device) for side in fields.shape[2:])
    return fields[:, :, rows][:, :, :, columns]


def _mirrored(side: int, grid: int, device: torch.device) -> Tensor:
    wanted = max(2, -(-side // grid)) * grid
    place = torch.arange(wanted, device=device) % (2 * side)
    return torch.minimum(place, 2 * side - 1 - place)
