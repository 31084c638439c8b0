"""Painters that draw samples: one picture at a time, at the networks' size, without gradients."""

from collections.abc import Callable

import torch

from iem.checks import check_image, check_mask
from iem.images import resize
from iem.inpainters.resampling import resample
from iem.interfaces import Image, Mask

_LONGEST = 4  #: no picture becomes longer than this many short sides

Sampler = Callable[[Image, Mask], Image]


def working_size(size: tuple[int, int], short_side: int, grid: int) -> tuple[int, int]:
    """The size at which networks see a picture: its aspect ratio, unless that is extreme, in multiples of ``grid``.

    Args:
        size: (height, width) of the picture.
        short_side: that the networks are to see, in pixels.
        grid: what both sides must be multiples of, in pixels.

    >>> working_size((600, 900), 512, 8), working_size((10, 1000), 512, 8)
    ((512, 768), (24, 2048))
    """
    scale = min(short_side / min(size), _LONGEST * short_side / max(size))
    height, width = (max(grid, round(side * scale / grid) * grid) for side in size)
    return height, width


def paint_one_by_one(
    image: Image, hole: Mask, sample: Sampler, *, painter: str, fit: Callable[[tuple[int, int]], tuple[int, int]]
) -> Image:
    """Paint each picture by itself, so that a batch equals a loop; a soft hole is painted as a hard one, then blended.

    Args:
        image: ``[b, 3, h, w]``.
        hole: ``[b, 1, h, w]``; where it is empty, nothing is asked.
        sample: ``(visible, hidden) -> painted`` of one picture at the networks' size; ``visible`` is within [0, 1] and
            0 where ``hidden`` is 1, ``hidden`` is 0 or 1.
        painter: its name, for messages.
        fit: from a picture's size to the networks'.

    Raises:
        ValueError: tensors of the wrong shape, or with gradients.
    """
    check_image(image)
    check_mask(hole, like=image, name="hole")
    if image.requires_grad or hole.requires_grad:
        raise ValueError(
            f"{painter}: expected a picture and a hole without requires_grad, got one with it; "
            "no gradient flows through a sampler, so use detach() and compare scores instead"
        )
    pairs = zip(image.split(1), hole.split(1), strict=True)
    painted = torch.cat([_paint(one, its_hole, sample, fit) for one, its_hole in pairs])
    visible = image.where(hole < 1, 0)
    return torch.where(hole > 0, visible * (1 - hole) + painted * hole, image)


def _paint(image: Image, hole: Mask, sample: Sampler, fit: Callable[[tuple[int, int]], tuple[int, int]]) -> Image:
    """One picture with its hole filled."""
    hidden = (hole > 0).float()
    if not bool(hidden.any()):
        return image
    size = (int(image.shape[2]), int(image.shape[3]))
    small, small_hidden = resample(image.float().where(hidden == 0, 0), hidden, fit(size))
    small = small.clamp(0, 1)
    painted = sample(small, small_hidden).to(image.device)
    # Brought back together with the known pixels around it, so that the hole's edge joins on to them.
    return resize(small + painted * small_hidden, size, mode="bicubic").to(image.dtype)
