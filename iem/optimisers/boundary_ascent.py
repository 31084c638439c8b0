"""The paper's greedy rule: boundary pixels follow the sign of the gradient, then neighbours vote."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, final

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from iem.checks import check_choice, check_mask, check_number
from iem.interfaces import Counts, Image, Mask, Objective, Scores
from iem.masks import boundary, majority
from iem.optimisers.evaluation import evaluate


@final
@dataclass(frozen=True)
class BoundaryAscent:
    """Projected ascent with an infinite step, restricted to the boundary.

    One step (Savarese et al., CVPR 2021, and the authors' program)::

        g = dJ/dM at the hard mask M
        U = boundary pixels of M or of 1 - M, where g is not 0
        M = [g > 0]  on U
        M = [3 x 3 sum of M >= threshold]  everywhere (``window`` x ``window``)

    All boundary pixels flip at once; the score may fall. Since a step depends on the mask alone, a mask that stands
    still, or returns to an earlier one, tells all that is to come: see ``HardState.period``.

    Args:
        threshold: votes that make a pixel foreground, of ``window`` squared; 0 switches the vote off. The paper's 4
            of nine favours the foreground a little, 5 the background.
        frame: ``"open"`` lets every pixel of the picture's frame move at every step, as the authors' program does
            because of its zero padding; ``"closed"`` moves a frame pixel only where the mask has an edge.
        window: side of the square whose pixels vote, odd, at most 15; the paper's is 3.
        memory: cycles of up to this many masks are recognised.

    >>> import iem
    >>> from iem.initialisers import Square
    >>> image = torch.zeros(1, 3, 32, 32); image[..., 8:20, 8:24] = 1.0
    >>> preset = iem.presets.paper()
    >>> state = BoundaryAscent().init(Square()(image))
    >>> state = BoundaryAscent().step(preset.objective, image, state)
    >>> state.moved > 0
    tensor([True])
    """

    threshold: int = 4
    frame: Literal["open", "closed"] = "open"
    memory: int = 4
    window: int = 3

    def __post_init__(self) -> None:
        check_number(self.window, "window", low=1, high=15, odd=True)
        check_number(self.threshold, "threshold", low=0, high=self.window**2, integer=True)
        check_choice(self.frame, "frame", ("open", "closed"))
        check_number(self.memory, "memory", low=1, integer=True)

    def init(self, mask: Mask) -> "HardState":
        """Start from a mask; what is above one half counts as foreground."""
        check_mask(mask)
        if mask.shape[1] != 1:
            raise ValueError(f"mask: expected one channel, got {mask.shape[1]}; use GradientAscent for k regions")
        hard = mask >= 0.5
        count = torch.zeros(len(mask), dtype=torch.long, device=mask.device)
        # Before the first step there is no earlier mask to return to: the complement never equals a mask.
        earlier = (~hard).expand(-1, self.memory, -1, -1)
        return HardState(hard.to(mask.dtype), mask.new_full((len(mask),), torch.nan), count, count, earlier)

    def step(self, objective: Objective, image: Image, state: "HardState") -> "HardState":
        """One step of every picture."""
        terms, score, gradient = evaluate(objective, image, state.mask)
        old = state.mask >= 0.5
        edge = boundary(old, frame=self.frame == "open")
        # Without a foreground or a background the published rule compares 0/0 with 0, which fails: an empty mask stays
        # empty, and a full one loses its edge, all frame.
        movable, uphill = edge & (gradient != 0), gradient > 0
        area = old.flatten(1).sum(1)
        undefined = (area == 0) | (area == old[0].numel())
        if bool(undefined.any()):
            undefined = undefined[:, None, None, None]
            movable, uphill = torch.where(undefined, edge, movable), uphill & ~undefined
        new = torch.where(movable, uphill, old)
        if self.threshold:
            new = majority(new, self.threshold, window=self.window)
        return state.followed(new, score, terms)


@final
@dataclass(frozen=True)
class HardState:
    """Where ``BoundaryAscent`` stands; see ``iem.interfaces.State``."""

    mask: Mask
    score: Scores
    moved: Counts
    period: Counts
    earlier: Bool[Tensor, "b memory h w"]  #: the masks before ``mask``, latest first
    terms: Mapping[str, Scores] = field(default_factory=dict)

    def followed(self, new: Bool[Tensor, "b 1 h w"], score: Scores, terms: Mapping[str, Scores]) -> "HardState":
        """The state with ``new`` as its mask, where ``score`` and ``terms`` are those of the present one."""
        old = self.mask >= 0.5
        moved = (new ^ old).flatten(1).sum(1)
        recent = torch.cat([old, self.earlier[:, :-1]], dim=1)
        same = (new == recent).flatten(2).all(2)
        period = torch.where(same.any(1), same.int().argmax(1) + 1, 0)
        return HardState(new.to(self.mask.dtype), score, moved, period, recent, terms)

    def select(self, index: Int[Tensor, " n"]) -> "HardState":
        """The state of some of the pictures."""
        return HardState(
            self.mask[index],
            self.score[index],
            self.moved[index],
            self.period[index],
            self.earlier[index],
            {name: value[index] for name, value in self.terms.items()},
        )
