"""What ``AlternatingPainting`` carries from step to step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from jaxtyping import Float, Int
from torch import Tensor

from iem.interfaces import Counts, Mask, Scores

Points = Float[Tensor, "_ 2"]  #: (row, column) of each


@final
@dataclass(frozen=True)
class PaintingState:
    """Where ``AlternatingPainting`` stands; see ``iem.interfaces.State``."""

    mask: Mask
    score: Scores
    moved: Counts
    period: Counts
    valid: Mask  #: 1 where the mask may ever be
    boxes: Int[Tensor, "b 4"]  #: around the mask before the latest I-step, see ``iem.optimisers.boxes``
    points: tuple[Points, ...]  #: of each picture; none but for the prompt "point"
    turn: int = 0  #: steps taken: an I-step follows an even number
    terms: Mapping[str, Scores] = field(default_factory=dict)

    def select(self, index: Int[Tensor, " n"]) -> "PaintingState":
        """The state of some of the pictures."""
        return PaintingState(
            self.mask[index],
            self.score[index],
            self.moved[index],
            self.period[index],
            self.valid[index],
            self.boxes[index],
            tuple(self.points[i] for i in index.tolist()),
            self.turn,
        )
