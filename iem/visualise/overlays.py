"""A mask shown on its photograph: overlay, cut-out, checkerboard."""

import torch
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_image, check_mask, check_number, check_range
from iem.interfaces import Image, Mask
from iem.visualise.outlines import WHITE, contours, line_width, outlined
from iem.visualise.palette import ORANGE, RGB, YELLOW


def overlay(image: Image, mask: Mask, *, truth: Mask | None = None, colour: RGB = ORANGE, alpha: float = 0.1) -> Image:
    """The photograph with the region outlined in white and its surroundings dimmed.

    The contour is where the mask crosses one half; its width grows with the picture (2 px at a short side of 440).
    ``truth`` is outlined too, dashed and yellow.

    Args:
        image: ``[b, 3, h, w]`` in [0, 1].
        mask: ``[b, 1, h, w]`` in [0, 1]; soft masks dim softly.
        truth: ``[b, 1, h, w]`` in [0, 1], or None.
        colour: of the tint inside, RGB in [0, 1].
        alpha: strength of the tint, in [0, 1].

    Returns:
        ``[b, 3, h, w]`` in [0, 1].

    Raises:
        TypeError: not floating-point tensors.
        ValueError: another shape or range.

    >>> overlay(torch.full((1, 3, 32, 32), 0.5), torch.zeros(1, 1, 32, 32)).mean() < 0.5  # all dimmed
    tensor(True)
    """
    _check(image, mask, "mask")
    if truth is not None:
        _check(image, truth, "truth")
    check_number(alpha, "alpha", low=0.0, high=1.0)
    tint = _paint(colour, image)
    inside = (1 - alpha) * image + alpha * tint
    picture = mask * inside + (1 - mask) * _dimmed(image)
    width = line_width(*image.shape[2:])
    if truth is not None:
        picture = _outlined(picture, truth, width=width, colour=YELLOW, dashed=True)
    return _outlined(picture, mask, width=width, colour=WHITE, dashed=False)


def cutout(image: Image, mask: Mask) -> Float[Tensor, "b 4 h w"]:
    """The region alone: RGBA with the mask as its opacity.

    >>> cutout(torch.rand(1, 3, 8, 8), torch.ones(1, 1, 8, 8)).shape
    torch.Size([1, 4, 8, 8])
    """
    _check(image, mask, "mask")
    return torch.cat([image, mask], dim=1)


def on_checkerboard(cutout: Float[Tensor, "b 4 h w"], *, squares: int = 16) -> Image:
    """An RGBA picture laid over the light checkerboard that stands for transparency.

    Args:
        cutout: ``[b, 4, h, w]`` in [0, 1], not premultiplied.
        squares: how many fit the short side.

    >>> on_checkerboard(torch.zeros(1, 4, 32, 32))[0, 0, 0, :4]
    tensor([1.0000, 1.0000, 0.8800, 0.8800])
    """
    if cutout.ndim != 4 or cutout.shape[1] != 4:
        raise ValueError(f"cutout: expected shape [b, 4, h, w], got {list(cutout.shape)}; make it with cutout()")
    check_range(cutout, 0.0, 1.0, "cutout")
    check_number(squares, "squares", low=1.0, integer=True)
    h, w = cutout.shape[2:]
    side = max(1, min(h, w) // squares)
    rows, columns = torch.arange(h, device=cutout.device) // side, torch.arange(w, device=cutout.device) // side
    odd = (rows[:, None] + columns[None, :]) % 2
    board = 1 - 0.12 * odd.to(cutout)
    colour, opacity = cutout[:, :3], cutout[:, 3:]
    return opacity * colour + (1 - opacity) * board


def _dimmed(image: Image) -> Image:
    grey = (image * image.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    return 0.5 * (0.7 * grey + 0.3 * image)


def _outlined(image: Image, mask: Mask, *, width: float, colour: RGB, dashed: bool) -> Image:
    drawn = [
        outlined(picture, contours(region[0]), width=width, colour=colour, dashed=dashed)
        for picture, region in zip(image, mask, strict=True)
    ]
    return torch.stack(drawn) if drawn else image


def _paint(colour: RGB, image: Image) -> Image:
    return image.new_tensor(colour).view(1, 3, 1, 1)


def _check(image: Tensor, mask: Tensor, name: str) -> None:
    check_image(image)
    check_mask(mask, like=image, name=name)
    if mask.shape[1] != 1:
        raise ValueError(f"{name}: expected one channel, got {mask.shape[1]}; draw one region at a time")
    check_range(image, 0.0, 1.0, "image")
    check_range(mask, 0.0, 1.0, name)
