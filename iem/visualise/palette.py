"""Colours that people with any kind of colour vision can tell apart.

Reference: Okabe and Ito, "Color universal design", 2008 (https://jfly.uni-koeln.de/color/).
"""

import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from iem.checks import check_number

RGB = tuple[float, float, float]

ORANGE: RGB = (0.902, 0.624, 0.000)
SKY_BLUE: RGB = (0.337, 0.706, 0.914)
BLUISH_GREEN: RGB = (0.000, 0.620, 0.451)
YELLOW: RGB = (0.941, 0.894, 0.259)
BLUE: RGB = (0.000, 0.447, 0.698)
VERMILLION: RGB = (0.835, 0.369, 0.000)
REDDISH_PURPLE: RGB = (0.800, 0.475, 0.655)

#: For lines on white: yellow is left out, it does not show there.
LINES: tuple[RGB, ...] = (BLUE, VERMILLION, BLUISH_GREEN, REDDISH_PURPLE, SKY_BLUE, ORANGE)

#: Of the scene, in which the regions lie. Dark, since Okabe and Ito's green and purple are mid-greys to some.
GREY: RGB = (0.35, 0.35, 0.35)

#: Of regions: each as far as can be from the grey and those before it, as ``region_colours`` goes on.
_FIRST_REGIONS: tuple[RGB, ...] = (ORANGE, SKY_BLUE, YELLOW, VERMILLION, BLUE, BLUISH_GREEN, REDDISH_PURPLE)
_DIFFERENT = 256

#: From linear RGB to what is seen with normal vision and without the long, middle and short cones: Machado, Oliveira
#: and Fernandes, "A physiologically-based model for simulation of color vision deficiency", 2009, table 1, severity 1.
_VISIONS = np.array(
    [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ]
)

#: From linear RGB to OKLab, in which distances are about those that people see: Ottosson, "A perceptual color space for
#: image processing", 2020 (https://bottosson.github.io/posts/oklab/).
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def region_colours(count: int) -> list[RGB]:
    """The colours of regions 0, 1, ... ``count`` - 1: a dark grey for the scene, then as different as can be.

    After Okabe and Ito's seven each is the colour that lies farthest from all before it, to the one of four kinds of
    vision (normal, protanopia, deuteranopia, tritanopia) that tells it from them least. So a region keeps its colour
    however many follow it. Eight are easily told apart, 25 side by side; after 255 they repeat.

    Args:
        count: how many, the scene's grey included.

    Returns:
        RGB in [0, 1].

    Raises:
        ValueError: ``count`` is negative or not a whole number.

    >>> region_colours(3)
    [(0.35, 0.35, 0.35), (0.902, 0.624, 0.0), (0.337, 0.706, 0.914)]
    """
    check_number(count, "count", low=0, integer=True)
    colours: list[RGB] = [GREY, *_FIRST_REGIONS]
    if count > len(colours):
        colours += _farthest(min(count, _DIFFERENT) - len(colours), colours)
    again = itertools.chain(colours, itertools.cycle(colours[1:]))
    return list(itertools.islice(again, count))


def _farthest(count: int, taken: Sequence[RGB]) -> list[RGB]:
    """Greedily, from a lattice of colours that are neither nearly black nor nearly white."""
    lattice = np.array(list(itertools.product(np.linspace(0, 1, 16), repeat=3)))
    seen = _seen(lattice)
    between = (seen[0, :, 0] >= 0.4) & (seen[0, :, 0] <= 0.92)
    lattice, seen = lattice[between], seen[:, between]
    # Lines and numbers on the regions are black and white.
    nearest = _distances(seen, _seen(np.array([*taken, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)]))).min(1)
    found: list[RGB] = []
    for _ in range(count):
        best = int(nearest.argmax())
        red, green, blue = lattice[best].round(3).tolist()
        found.append((red, green, blue))
        nearest = np.minimum(nearest, _distances(seen, seen[:, best : best + 1])[:, 0])
    return found


def _seen(colours: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "4 n 3"]:
    """OKLab of what each kind of vision makes of colours in sRGB."""
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    simulated = np.clip(np.einsum("vij,nj->vni", _VISIONS, linear), 0, 1)
    oklab: Float[np.ndarray, "4 n 3"] = np.cbrt(simulated @ _CONES.T) @ _OKLAB.T
    return oklab


def _distances(seen: Float[np.ndarray, "4 n 3"], others: Float[np.ndarray, "4 m 3"]) -> Float[np.ndarray, "n m"]:
    """Between every two colours, to the vision that tells them apart least."""
    distances: Float[np.ndarray, "n m"] = np.linalg.norm(seen[:, :, None] - others[:, None], axis=-1).min(0)
    return distances
