"""What prompts come to for networks that take clicks, a box and a rough mask."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from iem.interfaces import Mask, Prompt
from iem.prompts import Box, CoarseMask, Points, Scribble, Size, Text

Place = tuple[float, float]


def check_kinds(prompts: Sequence[Prompt], answers: tuple[type, ...], owner: str) -> None:
    """Refuse prompts that a segmenter does not understand.

    >>> check_kinds([Text("a dog")], (Points, Box), "SAM")
    Traceback (most recent call last):
    ...
    ValueError: prompts: expected Points or Box, got Text, which SAM does not understand; for words take clipseg, ...
    """
    for prompt in prompts:
        if not isinstance(prompt, answers):
            names = [each.__name__ for each in answers]
            known = " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
            remedy = (
                "for words take clipseg, which `iem models get clipseg` downloads"
                if isinstance(prompt, Text)
                else "for places take iem, which needs no weights, or sam"
            )
            raise ValueError(
                f"prompts: expected {known}, got {type(prompt).__name__}, which {owner} does not understand; {remedy}"
            )


@dataclass(frozen=True)
class Marks:
    """Prompts about one object, in pixels (x, y) of the picture.

    Attributes:
        points: clicks, and places along strokes.
        positive: for each, whether it is on the object.
        box: what all boxes have in common; None without one.
        coarse: ``[1, 1, h, w]``, 0 or 1: what the coarse masks cover together; None without one.
    """

    points: tuple[Place, ...] = ()
    positive: tuple[bool, ...] = ()
    box: Box | None = None
    coarse: Mask | None = None

    @staticmethod
    def of(prompts: Sequence[Prompt], size: Size, along: int) -> "Marks":
        """Prompts for a picture of ``size``, of which strokes become ``along`` places at most.

        Raises:
            ValueError: prompts that reach beyond the picture, boxes without common ground, nothing on the object.
        """
        points: list[Place] = []
        positive: list[bool] = []
        box: Box | None = None
        coarse: Mask | None = None
        for prompt in prompts:
            if isinstance(prompt, Points):
                Points(prompt.xy).to_mask(size, radius=0)  # refuses what is outside
                points += prompt.xy
                positive += prompt.positive
            elif isinstance(prompt, Scribble):
                prompt.to_mask(size)
                places = stroke_places(prompt, along)
                points += places
                positive += [True] * len(places)
            elif isinstance(prompt, Box):
                prompt.to_mask(size)
                box = prompt if box is None else _common(box, prompt)
            elif isinstance(prompt, CoarseMask):
                drawn = prompt.to_mask(size)
                coarse = drawn if coarse is None else torch.maximum(coarse, drawn)
        if points and box is None and coarse is None and not any(positive):
            raise ValueError("positive: expected a point on the object, got none; add one")
        return Marks(tuple(points), tuple(positive), box, coarse)


def stroke_places(stroke: Scribble, most: int) -> list[Place]:
    """Places along a stroke, as far from each other as from its ends twice; fewer on one that is short for its width.

    >>> stroke_places(Scribble([(0, 0), (8, 0), (8, 8)], width=2), most=4)
    [(2.0, 0.0), (6.0, 0.0), (8.0, 2.0), (8.0, 6.0)]
    """
    corners = list(stroke.points)
    steps = [math.dist(a, b) for a, b in itertools.pairwise(corners)]
    length = sum(steps)
    if length == 0:
        return [corners[0]]
    count = max(1, min(most, math.ceil(length / stroke.width)))
    places, walked, i = [], 0.0, 0
    for k in range(count):
        goal = (k + 0.5) / count * length
        while walked + steps[i] < goal and i + 1 < len(steps):
            walked += steps[i]
            i += 1
        share = min((goal - walked) / steps[i], 1.0) if steps[i] else 0.0
        (x0, y0), (x1, y1) = corners[i], corners[i + 1]
        places.append((x0 + share * (x1 - x0), y0 + share * (y1 - y0)))
    return places


def bounding_box(mask: Mask) -> Box:
    """The box around the pixels of at least one half, of which there is one.

    >>> mask = torch.zeros(1, 1, 5, 6); mask[..., 1:3, 4] = 1
    >>> bounding_box(mask)
    Box(left=4, top=1, right=5, bottom=3)
    """
    rows, columns = (mask[0, 0] >= 0.5).nonzero().unbind(1)
    return Box(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


def _common(one: Box, other: Box) -> Box:
    left, top = max(one.left, other.left), max(one.top, other.top)
    right, bottom = min(one.right, other.right), min(one.bottom, other.bottom)
    if right <= left or bottom <= top:
        raise ValueError("box: expected boxes that overlap, for they are about one object, got none in common")
    return Box(left, top, right, bottom)
