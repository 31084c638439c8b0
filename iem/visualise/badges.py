"""Numbers of regions, written into a picture where they are easily read."""

from collections.abc import Iterable, Sequence

import numpy as np
import PIL.Image
import torch
from jaxtyping import Bool, Float, Int
from PIL import ImageDraw, ImageFont
from scipy.ndimage import distance_transform_edt, find_objects
from torch import Tensor

from iem.visualise.outlines import WHITE, outlined
from iem.visualise.palette import RGB

Place = tuple[int, int]  #: row and column, in pixels

_FINE = 4  # badges are drawn this much larger, then made smaller: Pillow does not smooth shapes
_FAR = 3  # boxes: a number farther from its region would not be taken for its
_GRID = 256  # a region's most interior pixel is looked for on a lattice of no more points a side


def badge(text: str, colour: RGB, letter: int) -> PIL.Image.Image:
    """A label of the region's colour, RGBA: as high as 1.5 letters, round for one digit, wider for more.

    >>> badge("7", (0.9, 0.6, 0.0), 12).size
    (18, 18)
    """
    font = ImageFont.load_default(size=letter * _FINE)
    height = badge_size(1, letter)[0]
    width = max(height, round(font.getlength(text) / _FINE + 0.75 * letter))
    picture = PIL.Image.new("RGBA", (width * _FINE, height * _FINE))
    draw = ImageDraw.Draw(picture)
    rim = max(1, round(letter / 12)) * _FINE
    red, green, blue = colour
    bright = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2
    # The ink of the larger contrast, by the rule of the Web Content Accessibility Guidelines.
    ink = (20, 20, 20) if bright > 0.18 else (255, 255, 255)
    for inset, fill in ((0, (0, 0, 0, 166)), (rim // 2, (255, 255, 255)), (rim // 2 + rim, _levels(colour))):
        box = (inset, inset, picture.width - 1 - inset, picture.height - 1 - inset)
        draw.rounded_rectangle(box, radius=height * _FINE / 2 - inset, fill=fill)
    # By the digits' own middle: a font's line also has room for letters that reach below it.
    draw.text((picture.width / 2, picture.height / 2 + 0.36 * letter * _FINE), text, fill=ink, font=font, anchor="ms")
    return picture.resize((width, height), PIL.Image.Resampling.LANCZOS)


def badge_size(digits: int, letter: int) -> tuple[int, int]:
    """Height and width that a number of so many digits needs at most."""
    height = round(1.5 * letter)
    return height, max(height, round(0.62 * digits * letter + 0.75 * letter))


def with_numbers(
    picture: Float[Tensor, "3 h w"], labels: Int[np.ndarray, "h w"], colours: Sequence[RGB], *, letter: int
) -> Float[Tensor, "3 h w"]:
    """Each region's number at its most interior pixel, or as near as no other number lies; the scene, 0, has none.

    A number that has to stand outside its region points there with a line. One that finds no room near is left out.
    """
    places = place_numbers(labels, badge_size(len(str(labels.max())), letter))
    height, width = labels.shape
    layer = PIL.Image.new("RGBA", (width, height))
    pointers = []
    for label, (aim, place) in places.items():
        mark = badge(str(label), colours[label], letter)
        layer.alpha_composite(mark, (max(0, place[1] - mark.width // 2), max(0, place[0] - mark.height // 2)))
        if abs(aim[0] - place[0]) > mark.height / 2 or abs(aim[1] - place[1]) > mark.width / 2:
            pointers.append(np.array([aim, place], dtype=float))
    if pointers:
        picture = outlined(picture, pointers, width=max(1.25, letter / 10), colour=WHITE)
    drawn = torch.from_numpy(np.array(layer)).permute(2, 0, 1).to(picture) / 255
    return drawn[3:] * drawn[:3] + (1 - drawn[3:]) * picture


def place_numbers(labels: Int[np.ndarray, "h w"], box: tuple[int, int]) -> dict[int, tuple[Place, Place]]:
    """For every label but 0 the most interior pixel of its region, and where the middle of its box goes.

    Args:
        labels: the region of every pixel.
        box: height and width of the boxes, which overlap neither each other nor the frame.
    """
    # Narrow regions first: wide ones have more room to give way.
    aims = sorted(_most_interior(labels), key=lambda found: (found[2], found[0]))
    free = np.zeros(labels.shape, dtype=bool)
    up, left = (box[0] + 1) // 2, (box[1] + 1) // 2
    free[up : labels.shape[0] - up + 1, left : labels.shape[1] - left + 1] = True
    places: dict[int, tuple[Place, Place]] = {}
    for label, aim, _ in aims:
        place = aim if free[aim] else _nearest(free & (labels == label), aim) or _nearest(free, aim)
        if place is None or abs(place[0] - aim[0]) > _FAR * box[0] or abs(place[1] - aim[1]) > _FAR * box[1]:
            continue
        places[label] = aim, place
        row, column = place
        free[max(0, row - 2 * up) : row + 2 * up + 1, max(0, column - 2 * left) : column + 2 * left + 1] = False
    return places


def _most_interior(labels: Int[np.ndarray, "h w"]) -> Iterable[tuple[int, Place, float]]:
    """Label, the pixel that lies farthest from all others and from the frame, and how far."""
    for label, slices in enumerate(find_objects(labels), start=1):
        if slices is None:
            continue
        inside = labels[slices] == label
        step = -(-max(inside.shape) // _GRID)
        coarse = inside[step // 2 :: step, step // 2 :: step]
        if not coarse.any():
            coarse, step = inside, 1
        depth = distance_transform_edt(np.pad(coarse, 1))[1:-1, 1:-1]
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        aim = (
            slices[0].start + int(row) * step + (step // 2 if step > 1 else 0),
            slices[1].start + int(column) * step + (step // 2 if step > 1 else 0),
        )
        yield label, aim, float(depth.max()) * step


def _nearest(allowed: Bool[np.ndarray, "h w"], aim: Place) -> Place | None:
    points = np.argwhere(allowed)
    if len(points) == 0:
        return None
    row, column = points[((points - aim) ** 2).sum(1).argmin()]
    return int(row), int(column)


def _levels(colour: RGB) -> tuple[int, int, int]:
    red, green, blue = (round(255 * level) for level in colour)
    return red, green, blue
