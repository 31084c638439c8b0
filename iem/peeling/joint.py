"""All boundaries of a labelled picture moved together, once its regions are known."""

from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn import functional

from iem.checks import check_image, check_number, check_range
from iem.features import Lab, Palette, Whitening
from iem.images import resize, short_side
from iem.interfaces import Image, Objective, Optimiser, Refiner
from iem.maximise import maximise
from iem.objectives import MutualInformation, WeightedSum
from iem.optimisers import RegionAscent
from iem.presets import best
from iem.refiners import GuidedFilter

Labels = Int[Tensor, "h w"]


def refine_jointly(
    image: Image,
    labels: Labels,
    *,
    objective: Objective | None = None,
    optimiser: Optimiser[Any] | None = None,
    refiner: Refiner | None = None,
    size: int = 128,
    max_steps: int = 60,
) -> Labels:
    """Move all boundaries together to where the regions tell most about the picture.

    Peeling finds regions one after the other, each against everything else. Here the objective of k regions starts from
    them and moves every boundary at once, on the picture reduced to ``size``; then every boundary is taken to the full
    size along the picture's edges. Only a band along the boundaries is decided anew at the full size.

    The labels keep their numbers, and none is lost: a region that would be, or that is too small to be seen at the
    reduced size, keeps the pixels that it had.

    Args:
        image: ``[1, 3, h, w]`` in [0, 1].
        labels: ``int[h, w]``, any whole numbers from 0.
        objective: of k regions; None takes ``colour_and_texture()``.
        optimiser: of k regions; None takes ``RegionAscent()``.
        refiner: takes each region from the reduced to the full size; None takes a ``GuidedFilter``.
        size: short side at which to search, in pixels, at least 8; nothing is enlarged.
        max_steps: of the search.

    Returns:
        ``int[h, w]``, as ``labels``; equal to them if there is but one region, or the picture is flat or not finite.

    Raises:
        TypeError: an image or labels of another kind.
        ValueError: another shape, values outside their range.

    >>> image = torch.full((1, 3, 64, 64), 0.2); image[..., 20:50, 16:40] = 0.9
    >>> labels = torch.zeros(64, 64, dtype=torch.long); labels[16:46, 19:44] = 7
    >>> refined = refine_jointly(image, labels)
    >>> [int(((labels == 7) != (image[0, 0] > 0.5)).sum()) for labels in (labels, refined)]
    [378, 0]
    """
    _check(image, labels)
    check_number(size, "size", low=8, integer=True)
    check_number(max_steps, "max_steps", low=1, integer=True)
    ids, numbered = labels.unique(return_inverse=True)
    if len(ids) < 2 or not bool(image.isfinite().all()):
        return labels.clone()
    check_range(image, 0, 1, "image")
    reduced = short_side(image, size, enlarge=False)
    if bool((reduced.flatten(2).amax(2) == reduced.flatten(2).amin(2)).all()):
        return labels.clone()

    start = _reduce(numbered, len(ids), (reduced.shape[-2], reduced.shape[-1])).to(image)
    seen = start.flatten(2).any(2)[0]
    if int(seen.sum()) < 2:
        return labels.clone()
    solution = maximise(
        objective or colour_and_texture(), optimiser or RegionAscent(), reduced, start[:, seen], max_steps=max_steps
    )
    found = _enlarge(image, solution.mask, refiner or GuidedFilter(radius=2, epsilon=1e-3))
    refined = seen.nonzero().flatten()[found]
    answer: Labels = ids[_keep(refined, numbered, len(ids))]
    return answer


def colour_and_texture() -> Objective:
    """What the regions tell about the picture's colours, pixel by pixel, and about its textures.

    The second term is the objective of the preset "best". It looks at a window around each pixel, which near a boundary
    holds both of its sides: alone, it draws boundaries a pixel or two beside their places. The first term knows the
    place, yet cannot tell one texture from another of the same colours.
    """
    colour = MutualInformation(Palette(Whitening(Lab()), colours=32, width=0.3, radius=0))
    return WeightedSum(terms={"colour": colour, "texture": best().objective}, weights={"colour": 1.0, "texture": 1.0})


def _check(image: Image, labels: Labels) -> None:
    check_image(image)
    if len(image) != 1:
        raise ValueError(f"image: expected one picture, got {len(image)}; call once for each")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype is torch.bool:
        raise TypeError(f"labels: expected whole numbers, got {labels.dtype}; convert with .long()")
    if labels.shape != image.shape[2:]:
        raise ValueError(
            f"labels: expected shape {list(image.shape[2:])} like the picture, got {list(labels.shape)}; resize them"
        )


def _reduce(labels: Labels, count: int, size: tuple[int, int]) -> Bool[Tensor, "1 k h w"]:
    """Each reduced pixel belongs to the region that covers most of it."""
    most = torch.full(size, -1.0, device=labels.device)
    owner = torch.zeros(size, dtype=torch.long, device=labels.device)
    for region in range(count):  # one region at a time: a camera's picture has many pixels
        share = resize((labels == region)[None, None].float(), size, mode="area")[0, 0]
        owner, most = torch.where(share > most, region, owner), torch.maximum(share, most)
    return (owner == torch.arange(count, device=labels.device)[:, None, None])[None]


def _enlarge(image: Image, regions: Tensor, refiner: Refiner) -> Labels:
    """At the full size: the largest of the refined regions in a band along the boundaries, elsewhere as they are."""
    size = (image.shape[-2], image.shape[-1])
    owner = regions[0].argmax(0)
    best_value = image.new_full(size, -torch.inf)
    refined = torch.zeros(size, dtype=torch.long, device=image.device)
    for region in range(regions.shape[1]):
        value = refiner(image, regions[:, region : region + 1])[0, 0]
        refined, best_value = torch.where(value > best_value, region, refined), torch.maximum(value, best_value)
    plain = functional.interpolate(owner[None, None].float(), size=size, mode="nearest-exact")[0, 0].long()
    near = functional.interpolate(_band(owner)[None, None].float(), size=size, mode="nearest-exact")[0, 0] > 0
    return torch.where(near, refined, plain)


def _band(owner: Labels, reach: int = 2) -> Bool[Tensor, "h w"]:
    """Pixels with another region's within ``reach``."""
    values = owner[None, None].float()
    most, least = (sign * functional.max_pool2d(sign * values, 2 * reach + 1, 1, reach)[0, 0] for sign in (1, -1))
    return most != least


def _keep(refined: Labels, before: Labels, count: int) -> Labels:
    """The refined labels, but the former pixels of each region that they leave without any."""
    for _ in range(count):  # what one region gets back may have been the last that another had
        lost = torch.bincount(refined.flatten(), minlength=count) == 0
        if not bool(lost.any()):
            break
        refined = torch.where(lost[before], before, refined)
    return refined
