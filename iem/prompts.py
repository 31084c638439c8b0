"""Prompts: what a person says about where or what an object is, in pixels (x, y) of the original picture.

Coordinates are continuous, and the pixel in column 3 reaches from x = 3 to x = 4: a click on it is anything from 3 to
just below 4, and a box over it alone is ``Box(3, y, 4, y + 1)``. ``rescaled`` follows a picture to another size, and
``to_mask`` draws the prompt, ``[1, 1, height, width]`` with 1 = the object.
"""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_mask, check_number, check_range

Size = tuple[int, int]  #: (height, width)
OneMask = Float[Tensor, "1 1 h w"]
_MOST = 10_000  #: coordinates in one prompt
_LONGEST_TEXT = 500


@final
@dataclass(frozen=True)
class Points:
    """Clicks.

    Args:
        xy: (x, y) of each point.
        positive: for each, whether it is on the object (True) or beside it; nothing given means that all are on it.

    Raises:
        ValueError: no point, a coordinate that is no finite number, or more of one than of the other.

    >>> Points([(2, 1)]).to_mask((3, 4), radius=0)[0, 0, 1]
    tensor([0., 0., 1., 0.])
    >>> Points([(9, 1)]).to_mask((3, 4))
    Traceback (most recent call last):
    ...
    ValueError: xy[0]: expected a point in the picture, 0 <= x < 4 and 0 <= y < 3, got (9, 1); check the order (x, y)
    """

    xy: Sequence[tuple[float, float]]
    positive: Sequence[bool] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "xy", _coordinates(self.xy, "xy"))
        object.__setattr__(self, "positive", tuple(self.positive) or (True,) * len(self.xy))
        if len(self.positive) != len(self.xy) or not all(isinstance(each, bool) for each in self.positive):
            raise ValueError(
                f"positive: expected true or false for each of {len(self.xy)} points, got {list(self.positive)!r}; "
                "leave it out if all are on the object"
            )

    def to_mask(self, size: Size, *, radius: float = 2.0) -> OneMask:
        """Discs of ``radius`` pixels around the pixels of the positive points, less those of the negative ones.

        Raises:
            ValueError: a point outside the picture, or nothing left to mark.
        """
        check_number(radius, "radius", low=0)
        _check_inside(self.xy, size, "xy")
        mask = torch.zeros(1, 1, *size)
        for kind in (True, False):  # what lies under both is beside the object
            for positive, (x, y) in zip(self.positive, self.xy, strict=True):
                if positive is kind:
                    mask[0, 0][_stroke([(math.floor(x) + 0.5, math.floor(y) + 0.5)], radius, size)] = float(kind)
        if not bool(mask.any()):
            raise ValueError("positive: expected a point on the object that no negative one covers, got none; add one")
        return mask

    def rescaled(self, old: Size, new: Size) -> "Points":
        """The same points when a picture of size ``old`` is brought to ``new``."""
        return Points(_scaled(self.xy, old, new), self.positive)


@final
@dataclass(frozen=True)
class Box:
    """A rectangle around the object; ``right`` and ``bottom`` are the first coordinates that are not in it.

    Raises:
        ValueError: an edge that is no finite number, or no area.

    >>> Box(1, 0, 3, 1).to_mask((2, 4))[0, 0]
    tensor([[0., 1., 1., 0.],
            [0., 0., 0., 0.]])
    >>> Box(3, 0, 1, 1)
    Traceback (most recent call last):
    ...
    ValueError: right: expected more than left = 3, got 1; give left, top, right, bottom
    """

    left: float
    top: float
    right: float
    bottom: float

    def __post_init__(self) -> None:
        for name in ("left", "top", "right", "bottom"):
            check_number(getattr(self, name), name)
        for low, high in (("left", "right"), ("top", "bottom")):
            if getattr(self, high) <= getattr(self, low):
                raise ValueError(
                    f"{high}: expected more than {low} = {getattr(self, low):g}, got {getattr(self, high):g}; "
                    "give left, top, right, bottom"
                )

    def to_mask(self, size: Size) -> OneMask:
        """The pixels whose centres are in the box; the one in its middle if it is thinner than a pixel.

        Raises:
            ValueError: a box that reaches beyond the picture.
        """
        height, width = _checked(size)
        if min(self.left, self.top) < 0 or self.right > width or self.bottom > height:
            raise ValueError(
                f"box: expected it within the picture, 0 <= x <= {width} and 0 <= y <= {height}, got left "
                f"{self.left:g}, top {self.top:g}, right {self.right:g}, bottom {self.bottom:g}; cut it to the picture"
            )
        mask = torch.zeros(1, 1, height, width)
        mask[..., _span(self.top, self.bottom), _span(self.left, self.right)] = 1
        return mask

    def rescaled(self, old: Size, new: Size) -> "Box":
        """The same box when a picture of size ``old`` is brought to ``new``."""
        (left, top), (right, bottom) = _scaled([(self.left, self.top), (self.right, self.bottom)], old, new)
        return Box(left, top, right, bottom)


@final
@dataclass(frozen=True)
class Scribble:
    """A stroke over the object.

    Args:
        points: (x, y) of its corners, in order; one alone is a dab.
        width: of the stroke, in pixels.

    Raises:
        ValueError: no point, a coordinate that is no finite number, or a width of 0 or less.

    >>> Scribble([(0.5, 0.5), (2.5, 0.5)], width=1).to_mask((2, 4))[0, 0]
    tensor([[1., 1., 1., 0.],
            [0., 0., 0., 0.]])
    """

    points: Sequence[tuple[float, float]]
    width: float = 15.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _coordinates(self.points, "points"))
        check_number(self.width, "width", low=1e-3)

    def to_mask(self, size: Size) -> OneMask:
        """The pixels whose centres are within half a width of the stroke, and those that its corners are in.

        Raises:
            ValueError: a corner outside the picture, or a stroke wider than the picture's long side.
        """
        _check_inside(self.points, size, "points")
        if self.width > max(size):
            raise ValueError(
                f"width: expected at most the picture's long side, {max(size)} pixels, got {self.width:g}; "
                "take a thinner stroke"
            )
        mask = _stroke(self.points, self.width / 2, size)
        for x, y in self.points:
            mask[math.floor(y), math.floor(x)] = True
        return mask[None, None].float()

    def rescaled(self, old: Size, new: Size) -> "Scribble":
        """The same stroke when a picture of size ``old`` is brought to ``new``."""
        factor = math.sqrt(new[0] * new[1] / (old[0] * old[1]))
        return Scribble(_scaled(self.points, old, new), max(self.width * factor, 1e-3))


@final
@dataclass(frozen=True, eq=False)
class CoarseMask:
    """A rough mask of the object.

    Args:
        mask: ``[1, 1, h, w]`` in [0, 1], of the picture's size; what is at least one half counts.

    Raises:
        TypeError: not a floating-point tensor.
        ValueError: another shape, values outside [0, 1], or no pixel of at least one half.

    >>> CoarseMask(torch.tensor([[[[0.2, 0.9]]]])).to_mask((1, 2))
    tensor([[[[0., 1.]]]])
    """

    mask: OneMask

    def __post_init__(self) -> None:
        check_mask(self.mask)
        if self.mask.shape[:2] != (1, 1):
            raise ValueError(f"mask: expected shape [1, 1, h, w], got {list(self.mask.shape)}; give one picture's mask")
        check_range(self.mask, 0, 1, "mask")
        if not bool((self.mask >= 0.5).any()):
            raise ValueError("mask: expected a pixel of at least one half, got none; mark the object with 1")

    def to_mask(self, size: Size) -> OneMask:
        """The mask, 0 or 1.

        Raises:
            ValueError: of another size.
        """
        height, width = _checked(size)
        if self.mask.shape[2:] != (height, width):
            raise ValueError(
                f"mask: expected the picture's size, {height} x {width}, got {self.mask.shape[2]} x "
                f"{self.mask.shape[3]}; bring it there with rescaled"
            )
        return (self.mask >= 0.5).to(self.mask.dtype)

    def rescaled(self, old: Size, new: Size) -> "CoarseMask":
        """The same mask when a picture of size ``old`` is brought to ``new``; a thin one keeps its largest shares."""
        smaller = torch.nn.functional.interpolate(self.to_mask(old), size=_checked(new), mode="area")
        return CoarseMask((smaller >= min(0.5, float(smaller.max()))).to(self.mask.dtype))


@final
@dataclass(frozen=True)
class Text:
    """What the object is, in words; where it is they do not say, so there is nothing to draw.

    Args:
        text: at most 500 characters, on one line; blanks around it are dropped.

    Raises:
        TypeError: not a string.
        ValueError: nothing but blanks, too many characters, or a line break or another control character.

    >>> Text(" the red car ").text
    'the red car'
    >>> Text("  ")
    Traceback (most recent call last):
    ...
    ValueError: text: expected words that say what the object is, got '  '; write some
    """

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"text: expected a string, got {type(self.text).__name__}; write what the object is")
        stripped = self.text.strip()
        if not stripped:
            raise ValueError(f"text: expected words that say what the object is, got {self.text!r:.40}; write some")
        if len(stripped) > _LONGEST_TEXT:
            raise ValueError(
                f"text: expected at most {_LONGEST_TEXT} characters, got {len(stripped)}; say it more briefly"
            )
        for character in stripped:
            # Cc: control; Cs: halves of a surrogate pair; Zl, Zp: line and paragraph separators.
            if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
                raise ValueError(f"text: expected one line of plain text, got the character {character!a}; remove it")
        object.__setattr__(self, "text", stripped)

    def rescaled(self, old: Size, new: Size) -> "Text":
        """Itself: words have no place."""
        return self


Located = Points | Box | Scribble | CoarseMask  #: those that say where the object is, and can be drawn
Prompt = Located | Text


def _coordinates(points: Sequence[tuple[float, float]], name: str) -> tuple[tuple[float, float], ...]:
    if not 0 < len(points) <= _MOST:
        raise ValueError(f"{name}: expected from 1 to {_MOST} points, got {len(points)}; give (x, y) of each")
    for i, point in enumerate(points):
        if len(point) != 2:
            raise ValueError(f"{name}[{i}]: expected two numbers (x, y), got {point!r}")
        for value in point:
            check_number(value, f"{name}[{i}]")
    return tuple((x, y) for x, y in points)


def _checked(size: Size) -> Size:
    height, width = size
    check_number(height, "height", low=1, integer=True)
    check_number(width, "width", low=1, integer=True)
    return height, width


def _check_inside(points: Sequence[tuple[float, float]], size: Size, name: str) -> None:
    height, width = _checked(size)
    for i, (x, y) in enumerate(points):
        if not (0 <= x < width and 0 <= y < height):
            raise ValueError(
                f"{name}[{i}]: expected a point in the picture, 0 <= x < {width} and 0 <= y < {height}, "
                f"got ({x:g}, {y:g}); check the order (x, y)"
            )


def _scaled(points: Sequence[tuple[float, float]], old: Size, new: Size) -> tuple[tuple[float, float], ...]:
    (old_height, old_width), (new_height, new_width) = _checked(old), _checked(new)
    return tuple((_moved(x, old_width, new_width), _moved(y, old_height, new_height)) for x, y in points)


def _moved(place: float, old: int, new: int) -> float:
    """Multiplied before it is divided, so that an edge stays an edge; what was inside stays inside."""
    moved = place * new / old
    return math.nextafter(new, 0) if place < old and moved >= new else moved


def _span(low: float, high: float) -> slice:
    """Pixels whose centres are in [low, high), or else the one in the middle."""
    first, last = math.ceil(low - 0.5), math.ceil(high - 0.5)
    return slice(first, last) if last > first else slice(math.floor((low + high) / 2), math.floor((low + high) / 2) + 1)


def _stroke(corners: Sequence[tuple[float, float]], reach: float, size: Size) -> Tensor:
    """Pixels whose centres are at most ``reach`` from the poly-line, ``bool[h, w]``."""
    height, width = size
    near = torch.zeros(height, width, dtype=torch.bool)
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[-1]], strict=True):
        # A stroke of many short pieces on a large picture: each looks at its own surroundings alone.
        rows, columns = _around(y0, y1, reach, height), _around(x0, x1, reach, width)
        y = torch.arange(rows.start, rows.stop, dtype=torch.float64)[:, None] + 0.5
        x = torch.arange(columns.start, columns.stop, dtype=torch.float64) + 0.5
        dx, dy = x1 - x0, y1 - y0
        along = (((x - x0) * dx + (y - y0) * dy) / max(dx * dx + dy * dy, 1e-12)).clamp(0, 1)
        near[rows, columns] |= (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2 <= reach**2
    return near


def _around(first: float, last: float, reach: float, side: int) -> slice:
    """Pixels that may be within reach of what lies between two places."""
    low, high = math.floor(min(first, last) - reach) - 1, math.ceil(max(first, last) + reach) + 1
    return slice(min(max(low, 0), side), max(min(high, side), 0))
