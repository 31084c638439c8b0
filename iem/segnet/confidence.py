"""Which of the teacher's masks to believe, judged without any truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from iem.checks import check_choice, check_number
from iem.segnet.lessons import Lessons

MEASURES = ("score", "compactness", "border")


@final
@dataclass(frozen=True)
class Confidence:
    """Keeps the part of a teacher's masks that looks most like objects.

    Every measure ranks the masks that remain; the ranks are added, and the best ``keep`` stay. Masks whose area is out
    of bounds, and those of pictures in which the teacher found nothing, go before that.

    The measures, larger is better::

        score        the teacher's own objective at the mask
        compactness  -(length of the outline) / sqrt(area)
        border       -(part of the picture's frame that is foreground)

    Args:
        keep: part of the masks that stays, from 0.01 to 1. On development pictures of flowers, of which there are many,
            all masks were best, since the loss of ``iem.segnet.loss`` doubts what is wrong in a few; of few pictures
            of cars it was better to leave out the worst.
        measures: of "score", "compactness" and "border".
        min_area: smallest part of the picture that a mask may take.
        max_area: largest part.

    >>> Confidence(keep=0)
    Traceback (most recent call last):
    ...
    ValueError: keep: expected a finite number from 0.01 to 1, got 0
    """

    keep: float = 0.92
    measures: Sequence[str] = ("score", "compactness")
    min_area: float = 0.02
    max_area: float = 0.95

    def __post_init__(self) -> None:
        check_number(self.keep, "keep", low=0.01, high=1)
        check_number(self.min_area, "min_area", low=0, high=1)
        check_number(self.max_area, "max_area", low=self.min_area, high=1)
        for measure in self.measures:
            check_choice(measure, "measures", MEASURES)
        object.__setattr__(self, "measures", tuple(self.measures))

    def __call__(self, lessons: Lessons) -> list[int]:
        """The indices of the lessons to learn from, in order.

        Raises:
            ValueError: none is left.
        """
        mask = lessons.masks[:, 0] > 127
        area = mask.flatten(1).double().mean(1)
        allowed = (lessons.usable & (area >= self.min_area) & (area <= self.max_area)).nonzero().flatten()
        if len(allowed) == 0:
            raise ValueError(
                f"confidence: none of {len(lessons)} masks takes from {self.min_area:g} to {self.max_area:g} of its "
                "picture; widen these bounds, or choose another teacher"
            )
        total = torch.zeros(len(allowed))
        for measure in self.measures:
            values = lessons.scores if measure == "score" else _measure(mask, area, measure)
            total += _ranks(values[allowed])
        kept = max(1, round(self.keep * len(allowed)))
        best = total.argsort(descending=True, stable=True)[:kept]
        return sorted(allowed[best].tolist())


def _measure(mask: Tensor, area: Tensor, measure: str) -> Tensor:
    if measure == "border":
        frame = torch.cat([mask[:, 0], mask[:, -1], mask[:, :, 0], mask[:, :, -1]], 1)
        return -frame.double().mean(1)
    edges = (mask[:, 1:] ^ mask[:, :-1]).flatten(1).sum(1) + (mask[:, :, 1:] ^ mask[:, :, :-1]).flatten(1).sum(1)
    return -edges.double() / area.sqrt().clamp_min(1e-6)


def _ranks(values: Tensor) -> Tensor:
    """0 for the smallest."""
    return values.argsort(stable=True).argsort(stable=True).float()
