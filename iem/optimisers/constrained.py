"""Boundary ascent under hard constraints: some pixels stay in, others out."""

from dataclasses import dataclass
from typing import final

from jaxtyping import Bool
from torch import Tensor

from iem.interfaces import Image, Mask, Objective
from iem.optimisers.boundary_ascent import BoundaryAscent, HardState

Fixed = Bool[Tensor, "1 1 h w"]


@final
@dataclass(frozen=True)
class Constrained:
    """``BoundaryAscent`` whose every mask holds ``inside`` and nothing of ``outside``.

    One step is one of ``ascent``, vote included, and then::

        M = (M or inside) and not outside

    A step depends on the constrained mask alone, so that one that stands still or returns still tells all to come.

    Args:
        ascent: what moves the mask.
        inside: ``bool[1, 1, h, w]``: pixels that stay in, in every picture of the batch alike.
        outside: ``bool[1, 1, h, w]``: pixels that stay out.

    Raises:
        ValueError: constraints of two shapes, or a pixel that is in both.

    >>> import torch
    >>> mask = torch.zeros(1, 1, 8, 8); mask[..., :4] = 1
    >>> inside, outside = torch.zeros(2, 1, 1, 8, 8, dtype=torch.bool)
    >>> inside[..., 7, 7] = True; outside[..., 0, 0] = True
    >>> start = Constrained(BoundaryAscent(), inside, outside).init(mask).mask
    >>> start[0, 0, 7, 7], start[0, 0, 0, 0]
    (tensor(1.), tensor(0.))
    """

    ascent: BoundaryAscent
    inside: Fixed
    outside: Fixed

    def __post_init__(self) -> None:
        if self.inside.shape != self.outside.shape:
            raise ValueError(
                f"outside: expected the shape of inside, {list(self.inside.shape)}, got {list(self.outside.shape)}; "
                "draw both for the same picture"
            )
        both = int((self.inside & self.outside).sum())
        if both:
            raise ValueError(f"outside: expected no pixel of inside, got {both}; decide on which side they stay")

    def init(self, mask: Mask) -> HardState:
        """Start from a mask, as far as the constraints allow.

        Raises:
            ValueError: constraints of another size than the mask.
        """
        if mask.shape[-2:] != self.inside.shape[-2:]:
            expected, got = (f"{each.shape[-2]} x {each.shape[-1]}" for each in (self.inside, mask))
            raise ValueError(
                f"mask: expected the size of the constraints, {expected}, got {got}; draw them for this picture"
            )
        start = self.ascent.init(mask)
        return self.ascent.init(self._clamped(start.mask >= 0.5).to(mask.dtype))

    def step(self, objective: Objective, image: Image, state: HardState) -> HardState:
        """One step of every picture."""
        free = self.ascent.step(objective, image, state)
        return state.followed(self._clamped(free.mask >= 0.5), free.score, free.terms)

    def _clamped(self, mask: Bool[Tensor, "b 1 h w"]) -> Bool[Tensor, "b 1 h w"]:
        return (mask | self.inside) & ~self.outside
