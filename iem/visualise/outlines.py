"""Contours of masks and borders of regions, drawn as a line that shows on any ground."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.ndimage import find_objects, maximum_filter
from scipy.spatial import cKDTree
from skimage.measure import find_contours
from torch import Tensor

from iem.visualise.palette import RGB

WHITE: RGB = (1.0, 1.0, 1.0)
BLACK: RGB = (0.0, 0.0, 0.0)

Line = Float[np.ndarray, "n 2"]  #: row and column of its points, in pixels


def line_width(height: int, width: int) -> float:
    """Of a contour, in pixels: it grows with the picture, 2 at a short side of 440."""
    return max(1.25, min(height, width) / 220)


def contours(mask: Float[Tensor, "h w"]) -> list[Line]:
    """Where a mask crosses one half; the frame of the picture is no contour."""
    values = mask.detach().cpu().double().numpy()
    return list(find_contours(values, 0.5)) if min(values.shape) >= 2 else []


def borders(labels: Int[np.ndarray, "h w"]) -> list[Line]:
    """Where a label map changes, between every region and its neighbours; the frame of the picture is no border."""
    lines: list[Line] = []
    if min(labels.shape) < 2:
        return lines
    for label, place in enumerate(find_objects(labels), start=1):
        if place is None:
            continue
        top, left = (max(0, side.start - 1) for side in place)
        around = labels[top : place[0].stop + 1, left : place[1].stop + 1]
        if min(around.shape) >= 2:
            lines += [line + np.array([top, left]) for line in find_contours((around == label).astype(float), 0.5)]
    return lines


def outlined(
    picture: Float[Tensor, "3 h w"], lines: Sequence[Line], *, width: float, colour: RGB, dashed: bool = False
) -> Float[Tensor, "3 h w"]:
    """A line of ``width`` pixels over a wider dark one, so that it shows on light and on dark ground."""
    halo_width = width / 2 + max(1.0, width / 2)
    distance = _distance_to(lines, picture.shape[-2:], reach=halo_width + 1, dashed=dashed)
    halo = 0.65 * _coverage(distance, halo_width)
    core = _coverage(distance, width / 2)
    for opacity, ink in ((halo, BLACK), (core, colour)):
        share = torch.from_numpy(opacity).to(picture)
        picture = (1 - share) * picture + share * picture.new_tensor(ink).view(3, 1, 1)
    return picture


def _coverage(distance: Float[np.ndarray, "h w"], half_width: float) -> Float[np.ndarray, "h w"]:
    """How much of each pixel a line covers: one inside, falling to zero over the pixel that its edge crosses."""
    return np.clip(half_width + 0.5 - distance, 0, 1)


def _distance_to(
    lines: Sequence[Line], shape: Sequence[int], *, reach: float, dashed: bool
) -> Float[np.ndarray, "h w"]:
    """Distance in pixels from every pixel to the nearest line; infinite beyond ``reach``."""
    distance = np.full(tuple(shape), np.inf)
    points = [_sampled(line, spacing=0.25, dash=4 * reach if dashed else None) for line in lines]
    if not points:
        return distance
    samples = np.concatenate(points)
    near = _near(samples, distance.shape, reach)
    distance[near] = cKDTree(samples).query(np.argwhere(near), distance_upper_bound=reach)[0]
    return distance


def _sampled(line: Line, *, spacing: float, dash: float | None) -> Line:
    """Points along a polyline, ``spacing`` apart; with ``dash``, without those that fall into the gaps."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    positions = np.linspace(0, along[-1], int(np.ceil(along[-1] / spacing)) + 1)
    points = np.stack([np.interp(positions, along, line[:, i]) for i in (0, 1)], axis=1)
    if dash is None:
        return points
    # A whole number of dashes, so that a closed contour shows no seam.
    dashes = max(1, round(along[-1] / dash))
    inked: Line = points[(positions / along[-1] * dashes) % 1 < 0.5]
    return inked


def _near(samples: Line, shape: tuple[int, ...], reach: float) -> Bool[np.ndarray, "h w"]:
    """The pixels whose distance is worth asking for."""
    touched = np.zeros(shape, dtype=np.uint8)
    touched[tuple(np.rint(samples).astype(int).T)] = 1
    return np.asarray(maximum_filter(touched, size=2 * int(np.ceil(reach)) + 1) > 0)
