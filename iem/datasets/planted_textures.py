"""The textures of planted scenes: fields of mean 0 and values in about [-1, 1]."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import ndimage

Field = np.ndarray[Any, np.dtype[np.float64]]


def stripes(size: tuple[int, int], scale: float, random: np.random.Generator) -> Field:
    """Bars of any direction, half of them light, 3 to 12 pixels from one to the next (times ``scale``).

    >>> np.unique(stripes((32, 32), 1.0, np.random.default_rng(0)))
    array([-1.,  1.])
    """
    angle, period, phase = random.uniform(0, np.pi), random.uniform(3, 12) * scale, random.uniform(0, 1)
    rows, columns = _grid(size, angle)
    return _square(rows / period + phase) + 0 * columns


def checks(size: tuple[int, int], scale: float, random: np.random.Generator) -> Field:
    """A board of 2 to 6 pixels a square, at any angle."""
    angle, period, phases = random.uniform(0, np.pi / 2), random.uniform(4, 12) * scale, random.uniform(0, 1, 2)
    rows, columns = _grid(size, angle)
    return _square(rows / period + phases[0]) * _square(columns / period + phases[1])


def grain(size: tuple[int, int], scale: float, random: np.random.Generator) -> Field:
    """Noise, blurred over 0.5 to 1.5 pixels: spots of no order."""
    blur = random.uniform(0.5, 1.5) * scale
    field = ndimage.gaussian_filter(random.standard_normal(size), blur, mode="wrap")
    clipped: Field = np.clip((field - field.mean()) / (2 * field.std()), -1, 1)
    return clipped


def dots(size: tuple[int, int], scale: float, random: np.random.Generator) -> Field:
    """Discs, light or dark, on a square lattice of 5 to 12 pixels, at any angle."""
    angle, period, phases = random.uniform(0, np.pi / 2), random.uniform(5, 12) * scale, random.uniform(0, 1, 2)
    rows, columns = _grid(size, angle)
    across = [(axis / period + phase) % 1 - 0.5 for axis, phase in zip((rows, columns), phases, strict=True)]
    radius = 0.33
    share = np.pi * radius**2
    inside = np.hypot(*across) < radius
    field: Field = random.choice([-1.0, 1.0]) * (inside - share) / (1 - share)
    return field


TEXTURES: Mapping[str, Callable[[tuple[int, int], float, np.random.Generator], Field]] = MappingProxyType(
    {"stripes": stripes, "checks": checks, "grain": grain, "dots": dots}
)


def _grid(size: tuple[int, int], angle: float) -> tuple[Field, Field]:
    rows, columns = np.indices(size) + 0.5
    return rows * np.cos(angle) - columns * np.sin(angle), rows * np.sin(angle) + columns * np.cos(angle)


def _square(cycles: Field) -> Field:
    return np.where(cycles % 1 < 0.5, 1.0, -1.0)
