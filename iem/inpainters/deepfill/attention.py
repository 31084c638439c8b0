"""Contextual attention: every patch of the hole is put together from patches of what is known."""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Bool, Float
from torch import Tensor

_SHARPNESS = 10.0  #: of the softmax
_SMALLEST_NORM = 1e-4


def contextual_attention(
    maps: Float[Tensor, "1 c h w"],
    hole: Float[Tensor, "1 1 height width"],
    convention: Literal["pytorch", "tensorflow"],
) -> Float[Tensor, "1 c h w"]:
    """Replace every patch by a mean of the known patches, weighted by how like it they are.

    Likeness is the product of 3 x 3 patches at half the resolution of ``maps``, the known one normalised; what is
    averaged are the 4 x 4 patches of ``maps`` at the same places. Yu et al., *Generative image inpainting with
    contextual attention*, CVPR 2018, section 4. With "pytorch", scores are propagated along both axes (equation 4), so
    that neighbours choose neighbours.

    Which patches count as known is a step function of the hole: no gradient passes there.

    Args:
        maps: at a quarter of the picture's resolution, both sides even.
        hole: 1 = hidden, at the picture's resolution.
        convention: see ``DeepFillNetwork``.

    >>> maps = torch.rand(1, 2, 8, 8)
    >>> contextual_attention(maps, torch.ones(1, 1, 32, 32), "tensorflow").abs().max()
    tensor(0.)
    """
    small = _subsample(maps, 2, convention)
    h, w = small.shape[2:]
    patches = F.unfold(small, kernel_size=3, padding=1)[0]
    norms = patches.norm(dim=0).clamp_min(_SMALLEST_NORM)
    scores = (patches / norms).mT @ patches  # [known patch, place]
    if convention == "pytorch":
        scores = _propagate(scores, h, w)
    known = _known_patches(hole, convention)[:, None]
    weights = (scores * known * _SHARPNESS).softmax(dim=0) * known
    sources = F.unfold(maps, kernel_size=4, stride=2, padding=1)[0]
    size = (int(maps.shape[2]), int(maps.shape[3]))
    return F.fold((sources @ weights)[None], size, kernel_size=4, stride=2, padding=1) / 4


def _known_patches(hole: Float[Tensor, "1 1 height width"], convention: str) -> Bool[Tensor, " places"]:
    small = _subsample(hole.detach(), 8, convention)
    return F.max_pool2d(small, kernel_size=3, stride=1, padding=1).flatten() == 0


def _propagate(scores: Float[Tensor, "places places"], h: int, w: int) -> Float[Tensor, "places places"]:
    """Add the scores of the left and right neighbours' pairs, then of the upper and lower ones'.

    Rows run on into each other at their ends, as in the published network.
    """
    places = h * w
    along_rows = _sum_along_diagonals(scores).reshape(h, w, h, w)
    by_columns = along_rows.permute(1, 0, 3, 2).reshape(places, places)
    along_columns = _sum_along_diagonals(by_columns).reshape(w, h, w, h)
    return along_columns.permute(1, 0, 3, 2).reshape(places, places)


def _sum_along_diagonals(scores: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    around = F.pad(scores, (1, 1, 1, 1))
    return around[:-2, :-2] + scores + around[2:, 2:]


def _subsample(maps: Float[Tensor, "b c h w"], factor: int, convention: str) -> Float[Tensor, "b c h2 w2"]:
    """One of every ``factor`` pixels: the first of each cell, or spread from corner to corner."""
    if convention == "pytorch":
        return maps[..., ::factor, ::factor]
    rows, columns = (_spread(size, factor, maps.device) for size in maps.shape[2:])
    return maps[..., rows, :][..., columns]


def _spread(size: int, factor: int, device: torch.device) -> Tensor:
    steps = torch.linspace(0, size - 1, size // factor, device=device)
    return (steps + 0.5).floor().long()
