"""The regions of a scene shown on its photograph."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from iem.checks import check_image, check_number, check_range
from iem.images import resize, resize_mask
from iem.interfaces import Image
from iem.regions import SCENE, RegionTree
from iem.visualise.badges import with_numbers
from iem.visualise.outlines import WHITE, borders, line_width, outlined
from iem.visualise.palette import RGB, region_colours

LabelMap = Int[Tensor, "h w"]

_MOST_LABELS = 65535
_MOST_SMOOTH = 64  # regions whose borders are smoothed, one after the other


def region_overlay(
    image: Image,
    regions: RegionTree | LabelMap,
    *,
    alpha: float = 0.45,
    numbers: bool = True,
    max_side: int = 1600,
) -> Image:
    """The photograph with every region tinted, outlined and numbered, the rest slightly dimmed.

    A region that lies in another is cut out of it, so both keep colour and outline. Colours are those of
    ``region_colours``, by the region's id. A number stands at the most interior pixel of its region, or, where numbers
    would overlap, as near as can be with a line that points there; one that finds no room near is left out.

    Args:
        image: ``[1, 3, h, w]`` in [0, 1].
        regions: what ``peel`` returns, or the region of every pixel, ``int[h, w]``, 0 where there is none.
        alpha: strength of the tint, in [0, 1].
        numbers: whether to write the regions' ids.
        max_side: larger pictures are drawn, and returned, with this many pixels on the longer side.

    Returns:
        ``[1, 3, h, w]`` in [0, 1], smaller than ``image`` where that is larger than ``max_side``.

    Raises:
        TypeError: regions of another kind.
        ValueError: another shape or range.

    >>> labels = torch.zeros(32, 32, dtype=torch.long)
    >>> labels[8:24, 8:24] = 1
    >>> shown = region_overlay(torch.full((1, 3, 32, 32), 0.5), labels, alpha=1.0, numbers=False)
    >>> shown[0, :, 16, 16]
    tensor([0.9020, 0.6240, 0.0000])
    """
    check_image(image)
    if len(image) != 1:
        raise ValueError(f"image: expected one picture, [1, 3, h, w], got a batch of {len(image)}; draw each by itself")
    check_range(image, 0.0, 1.0, "image")
    check_number(alpha, "alpha", low=0.0, high=1.0)
    check_number(max_side, "max_side", low=8, integer=True)
    size = _fitted(image, max_side)
    labels = resize_labels(_checked(regions, image), size)
    return draw_regions(resize(image, size), labels.to(image.device), alpha=alpha, numbers=numbers)


def draw_regions(
    image: Image,
    labels: LabelMap,
    *,
    alpha: float = 0.45,
    numbers: bool = True,
    letter: int | None = None,
    colours: Sequence[RGB] | None = None,
) -> Image:
    """``region_overlay`` without its checks, at the picture's own size; ``colours`` by the labels."""
    values = np.ascontiguousarray(labels.cpu().numpy())
    colours = colours or region_colours(int(values.max()) + 1)
    tint = image.new_tensor(colours)[labels].permute(2, 0, 1)[None]
    inside = (labels != SCENE).to(image)
    picture = (inside * tinted(image, tint, alpha) + (1 - inside) * dimmed(image))[0]
    height, width = values.shape
    # At least so wide, since a border lies between two pixels and each takes half of it.
    picture = outlined(picture, borders(values), width=max(1.75, line_width(height, width)), colour=WHITE)
    if numbers:
        picture = with_numbers(picture, values, colours, letter=letter or letter_size(height, width))
    return picture.clamp(0, 1)[None]


def tinted(image: Image, colour: Image, alpha: float) -> Image:
    """A mixture with ``colour``. Greyer, too: on the photograph's own colours a tint looks like another one."""
    greyer = (1 - alpha) * image + alpha * image.mean(1, keepdim=True)
    return (1 - alpha) * greyer + alpha * colour


def dimmed(image: Image) -> Image:
    """Darker, and a little less colourful, so that what is tinted stands out."""
    return 0.7 * (0.75 * image + 0.25 * image.mean(1, keepdim=True))


def letter_size(height: int, width: int) -> int:
    """Of the numbers in a picture of that size, in pixels."""
    return max(10, round(min(height, width) / 25))


def _checked(regions: RegionTree | LabelMap, image: Image) -> RegionTree | LabelMap:
    if isinstance(regions, RegionTree):
        _check_size(regions.image.shape[2:], image)
        return regions
    if not isinstance(regions, torch.Tensor) or regions.is_floating_point() or regions.dtype == torch.bool:
        got = str(regions.dtype) if isinstance(regions, torch.Tensor) else type(regions).__name__
        raise TypeError(f"regions: expected a RegionTree or a tensor of whole numbers, got {got}; convert with .long()")
    _check_size(regions.shape, image)
    labels = regions.long()
    least, most = int(labels.min()), int(labels.max())
    if least < 0 or most > _MOST_LABELS:
        raise ValueError(f"regions: expected labels from 0 to {_MOST_LABELS}, got {least} to {most}; number them anew")
    return labels


def _check_size(size: Sequence[int], image: Image) -> None:
    if tuple(size) != tuple(image.shape[2:]):
        sizes = f"{list(image.shape[2:])}, got {list(size)}"
        raise ValueError(f"regions: expected the picture's size {sizes}; resize by nearest neighbour")


def resize_labels(regions: RegionTree | LabelMap, size: tuple[int, int]) -> LabelMap:
    """By nearest neighbour; a larger map of few regions gets smooth borders instead of stairs. No new labels."""
    if isinstance(regions, RegionTree):
        if size[0] < regions.image.shape[2]:
            # Mask by mask: comparing all of them at the size of a camera's picture takes seconds.
            return torch.cat([resize_mask(region.mask, size)[0] for region in regions.regions]).argmax(0)
        regions = regions.labels()
    if size[0] <= regions.shape[0]:
        return resize_mask(regions[None, None].double(), size)[0, 0].long()
    values, index = regions.unique(return_inverse=True)
    if len(values) > _MOST_SMOOTH:
        return resize_mask(regions[None, None].double(), size)[0, 0].long()
    best = torch.full(size, -1.0, device=regions.device)
    winner = torch.zeros(size, dtype=torch.long, device=regions.device)
    for i in range(len(values)):
        share = resize((index == i)[None, None].float(), size, mode="bicubic")[0, 0]
        winner = torch.where(share > best, i, winner)
        best = torch.maximum(best, share)
    chosen: LabelMap = values[winner]
    return chosen


def _fitted(image: Image, max_side: int) -> tuple[int, int]:
    """Height and width with the longer side brought down to ``max_side``; never enlarged."""
    height, width = image.shape[2:]
    scale = min(1.0, max_side / max(height, width))
    return max(1, round(scale * height)), max(1, round(scale * width))
