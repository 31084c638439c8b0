"""Other sizes: antialiased for pictures, nearest neighbour for masks. Values stay in [0, 1], the dtype is kept."""

from typing import Literal

import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_choice, check_mask, check_number

Pixels = Float[Tensor, "b c h w"]
Resized = Float[Tensor, "b c new_h new_w"]

#: ``short_side`` makes no picture longer than this many times its short side's target.
_LONGEST = 4


def resize(
    image: Pixels, size: tuple[int, int], *, mode: Literal["bilinear", "bicubic", "area"] = "bilinear"
) -> Resized:
    """Resize to (height, width), antialiased when shrinking.

    Args:
        image: ``[b, c, h, w]`` in [0, 1].
        size: (height, width), each at least 1.
        mode: "bilinear" (triangle filter), "bicubic" (sharper, cut off at 0 and 1) or "area" (the mean of what a new
            pixel covers).

    >>> import torch
    >>> resize(torch.tensor([[[[0.0, 1.0], [1.0, 0.0]]]]), (1, 1))
    tensor([[[[0.5000]]]])
    """
    check_mask(image, name="image")
    check_choice(mode, "mode", ("bilinear", "bicubic", "area"))
    _check_size(size)
    if tuple(image.shape[2:]) == tuple(size):
        return image
    if mode == "area":
        return F.interpolate(image, size=size, mode="area").clamp(0, 1)
    return F.interpolate(image, size=size, mode=mode, antialias=True).clamp(0, 1)


def resize_mask(mask: Pixels, size: tuple[int, int]) -> Resized:
    """Resize a mask to (height, width) by nearest neighbour, sampled at pixel centres: no new values.

    >>> import torch
    >>> resize_mask(torch.tensor([[[[0.0, 1.0, 0.0]]]]), (1, 1))
    tensor([[[[1.]]]])
    """
    check_mask(mask)
    _check_size(size)
    return mask if tuple(mask.shape[2:]) == tuple(size) else F.interpolate(mask, size=size, mode="nearest-exact")


def short_side(image: Pixels, size: int, *, enlarge: bool = True) -> Resized:
    """Resize so that the shorter side is ``size``, antialiased, with the aspect ratio kept.

    The longer side stays within 4 ``size``: of a very long picture the shorter side becomes less. With
    ``enlarge=False`` a smaller picture stays as it is.

    >>> import torch
    >>> short_side(torch.zeros(1, 3, 30, 60), 10).shape
    torch.Size([1, 3, 10, 20])
    """
    check_mask(image, name="image")
    check_number(size, "size", low=1, integer=True)
    height, width = image.shape[2:]
    scale = min(size / min(height, width), _LONGEST * size / max(height, width))
    if scale >= 1 and not enlarge:
        return image
    return resize(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def centre_crop(image: Pixels, size: int) -> Resized:
    """The square of ``size`` pixels in the middle; where it cannot be exact, half a pixel towards the top left.

    Raises:
        ValueError: the picture is smaller than that.

    >>> import torch
    >>> centre_crop(torch.arange(5.0).reshape(1, 1, 1, 5), 1)
    tensor([[[[2.]]]])
    """
    check_mask(image, name="image")
    check_number(size, "size", low=1, integer=True)
    height, width = image.shape[2:]
    if min(height, width) < size:
        raise ValueError(f"image: expected at least {size} x {size} pixels to crop, got {height} x {width}; enlarge it")
    top, left = (height - size) // 2, (width - size) // 2
    return image[:, :, top : top + size, left : left + size]


def square(image: Pixels, size: int) -> Resized:
    """The evaluation protocol: shorter side to ``size``, antialiased, then the square in the middle.

    >>> import torch
    >>> square(torch.zeros(1, 3, 300, 200), 128).shape
    torch.Size([1, 3, 128, 128])
    """
    middle = _middle(image)
    return centre_crop(resize(middle, _covering(middle, size)), size)


def square_mask(mask: Pixels, size: int) -> Resized:
    """The same square of a mask, by nearest neighbour.

    >>> import torch
    >>> square_mask(torch.ones(1, 1, 300, 200), 128).mean()
    tensor(1.)
    """
    middle = _middle(mask)
    return centre_crop(resize_mask(middle, _covering(middle, size)), size)


def _middle(image: Pixels) -> Resized:
    """Cut the far ends of a very long picture, which the square does not show, before they are enlarged."""
    check_mask(image, name="image")
    height, width = image.shape[2:]
    most = _LONGEST * min(height, width)
    top, left = max(0, height - most) // 2, max(0, width - most) // 2
    return image[:, :, top : height - top, left : width - left]


def _covering(image: Pixels, size: int) -> tuple[int, int]:
    check_number(size, "size", low=1, integer=True)
    height, width = image.shape[2:]
    short = min(height, width)
    return max(size, height * size // short), max(size, width * size // short)


def _check_size(size: tuple[int, int]) -> None:
    for side in size:
        check_number(side, "size", low=1, integer=True)
