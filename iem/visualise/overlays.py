"""A mask shown on its photograph: overlay, cut-out, checkerboard."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from scipy.ndimage import maximum_filter
from scipy.spatial import cKDTree
from skimage.measure import find_contours
from torch import Tensor

from iem.checks import check_image, check_mask, check_number, check_range
from iem.interfaces import Image, Mask
from iem.visualise.palette import ORANGE, RGB, YELLOW

WHITE: RGB = (1.0, 1.0, 1.0)
BLACK: RGB = (0.0, 0.0, 0.0)


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
    width = max(1.25, min(image.shape[2:]) / 220)
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
    """A line of ``width`` pixels over a wider dark one, so that it shows on light and on dark ground."""
    halo_width = width / 2 + max(1.0, width / 2)
    outlined = []
    for picture, region in zip(image, mask, strict=True):
        distance = _distance_to_contour(region[0].detach().cpu().double().numpy(), reach=halo_width + 1, dashed=dashed)
        halo = 0.65 * _coverage(distance, halo_width)
        core = _coverage(distance, width / 2)
        for opacity, ink in ((halo, BLACK), (core, colour)):
            share = torch.from_numpy(opacity).to(picture)
            picture = (1 - share) * picture + share * _paint(ink, image)[0]
        outlined.append(picture)
    return torch.stack(outlined) if outlined else image


def _coverage(distance: Float[np.ndarray, "h w"], half_width: float) -> Float[np.ndarray, "h w"]:
    """How much of each pixel a line covers: one inside, falling to zero over the pixel that its edge crosses."""
    return np.clip(half_width + 0.5 - distance, 0, 1)


def _distance_to_contour(mask: Float[np.ndarray, "h w"], *, reach: float, dashed: bool) -> Float[np.ndarray, "h w"]:
    """Distance in pixels from every pixel to the half level of ``mask``; infinite beyond ``reach``."""
    distance = np.full(mask.shape, np.inf)
    lines = find_contours(mask, 0.5) if min(mask.shape) >= 2 else []
    points = [_sampled(line, spacing=0.25, dash=4 * reach if dashed else None) for line in lines]
    if not points:
        return distance
    samples = np.concatenate(points)
    near = _near(samples, mask.shape, reach)
    distance[near] = cKDTree(samples).query(np.argwhere(near), distance_upper_bound=reach)[0]
    return distance


def _sampled(line: Float[np.ndarray, "n 2"], *, spacing: float, dash: float | None) -> Float[np.ndarray, "m 2"]:
    """Points along a polyline, ``spacing`` apart; with ``dash``, without those that fall into the gaps."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    positions = np.linspace(0, along[-1], int(np.ceil(along[-1] / spacing)) + 1)
    points = np.stack([np.interp(positions, along, line[:, i]) for i in (0, 1)], axis=1)
    if dash is None:
        return points
    # A whole number of dashes, so that a closed contour shows no seam.
    dashes = max(1, round(along[-1] / dash))
    inked: Float[np.ndarray, "m 2"] = points[(positions / along[-1] * dashes) % 1 < 0.5]
    return inked


def _near(samples: Float[np.ndarray, "n 2"], shape: tuple[int, ...], reach: float) -> Bool[np.ndarray, "h w"]:
    """The pixels whose distance is worth asking for."""
    touched = np.zeros(shape, dtype=np.uint8)
    touched[tuple(np.rint(samples).astype(int).T)] = 1
    return np.asarray(maximum_filter(touched, size=2 * int(np.ceil(reach)) + 1) > 0)


def _paint(colour: RGB, image: Image) -> Image:
    return image.new_tensor(colour).view(1, 3, 1, 1)


def _check(image: Tensor, mask: Tensor, name: str) -> None:
    check_image(image)
    check_mask(mask, like=image, name=name)
    if mask.shape[1] != 1:
        raise ValueError(f"{name}: expected one channel, got {mask.shape[1]}; draw one region at a time")
    check_range(image, 0.0, 1.0, "image")
    check_range(mask, 0.0, 1.0, name)
