"""A picture as a small grid of tokens, whatever its features are."""

from collections.abc import Sequence
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Bool, Float
from torch import Tensor

from iem.checks import check_number
from iem.images import resize, resize_mask, short_side
from iem.initialisers.square import Square
from iem.interfaces import FeatureMap, Image, Mask

#: Height and width of a picture at which features are taken: exactly so, by the short side, or as it comes.
Size = int | Sequence[int] | None

Resized = Float[Tensor, "b 3 new_h new_w"]
Tokens = Float[Tensor, "b channels rows columns"]

_SMALLEST: Final = 1e-12


def check_size(size: Size) -> None:
    """Require None, a short side in pixels, or a pair (height, width).

    >>> check_size((256, 256))
    >>> check_size((256,))
    Traceback (most recent call last):
    ...
    ValueError: size: expected None, a short side, or a pair (height, width), got (256,)
    """
    if size is None:
        return
    if isinstance(size, Sequence) and len(size) != 2:
        raise ValueError(f"size: expected None, a short side, or a pair (height, width), got {size!r}")
    for side in size if isinstance(size, Sequence) else (size,):
        check_number(side, "size", low=1, integer=True)


def resized(image: Image, size: Size) -> Resized:
    """The picture at which features are taken; enlarged, too, where ``size`` says so. Antialiased.

    >>> resized(torch.zeros(1, 3, 30, 40), 60).shape, resized(torch.zeros(1, 3, 30, 40), (8, 8)).shape
    (torch.Size([1, 3, 60, 80]), torch.Size([1, 3, 8, 8]))
    """
    if size is None:
        return image
    if isinstance(size, Sequence):
        return resize(image, (size[0], size[1]))
    return short_side(image, size)


def token_grid(features: FeatureMap, image: Resized, patch: int, position: float = 0.0) -> Tokens:
    """Features that come one per pixel, averaged over patches; a coarser map is a grid of tokens already.

    Args:
        features: of ``image``, ``[b, c, h, w]`` or coarser.
        image: what they were taken of.
        patch: side of the squares, in pixels. A side of n pixels has ``round(n / patch)`` tokens, at least one.
        position: weight of one more channel, the nearness of the frame: mean 0, and a variance of ``position ** 2``
            times that of the other channels' mean.

    Raises:
        ValueError: features that are not finite although the picture is.

    >>> image = torch.zeros(1, 3, 32, 48)
    >>> token_grid(image, image, patch=8).shape, token_grid(image, image, 8, position=1.0).shape
    (torch.Size([1, 3, 4, 6]), torch.Size([1, 4, 4, 6]))
    """
    if features.shape[2:] == image.shape[2:]:
        height, width = (max(1, round(side / patch)) for side in image.shape[2:])
        features = F.interpolate(features, size=(height, width), mode="area")
    if not bool(features.isfinite().all()):
        raise ValueError("features: expected finite values for a finite picture, got NaN or infinity; check the model")
    if position == 0:
        return features
    height, width = features.shape[2:]
    rows, columns = ((torch.arange(n) * 2 + 1 - n).to(features) / max(1, n - 1) for n in (height, width))
    frame = torch.maximum(rows.abs()[:, None], columns.abs()[None]).expand(len(features), 1, height, width)
    unit = (frame - frame.mean()) / frame.std(correction=0).clamp_min(_SMALLEST)
    spread = features.flatten(2).var(2, correction=0).mean(1).sqrt()[:, None, None, None]
    return torch.cat([features, unit * spread * position], dim=1)


def frame_tokens(height: int, width: int) -> Bool[Tensor, "h w"]:
    """The outermost tokens of a grid.

    >>> frame_tokens(3, 4).int()
    tensor([[1, 1, 1, 1],
            [1, 0, 0, 1],
            [1, 1, 1, 1]], dtype=torch.int32)
    """
    frame = torch.ones(height, width, dtype=torch.bool)
    frame[1:-1, 1:-1] = False
    return frame


def as_mask(found: Bool[Tensor, "rows columns"], image: Float[Tensor, "1 3 h w"]) -> Mask:
    """Tokens as a mask of the picture, by nearest neighbour; the centred square where it would be empty or full.

    >>> as_mask(torch.tensor([[True, False]]), torch.zeros(1, 3, 2, 4))[0, 0]
    tensor([[1., 1., 0., 0.],
            [1., 1., 0., 0.]])
    """
    mask = resize_mask(found[None, None].to(image), (image.shape[2], image.shape[3]))
    return Square()(image) if bool((mask == mask.flatten()[0]).all()) else mask
