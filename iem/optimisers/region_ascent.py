"""The greedy rule for several regions at once: all boundaries move together, then neighbours vote."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from iem.checks import check_mask, check_number
from iem.interfaces import Counts, Image, Objective, Regions, Scores
from iem.optimisers.evaluation import evaluate

Labels = Int[Tensor, "b h w"]


@final
@dataclass(frozen=True)
class RegionAscent:
    """``BoundaryAscent`` for k >= 2 regions: each boundary pixel goes to whichever adjacent region gains most by it.

    One step, from hard regions M with labels l::

        g_k = dJ/dM_k
        l(p) = argmax_k g_k(p)  over the labels k of p and of its four neighbours
        l(p) = the label that most pixels of the window around p have  (``window`` x ``window``)

    A tie leaves a pixel the label that it had before that line. At the picture's frame the window is smaller, so that p
    is always in its middle. A region that would lose its last pixel in a step keeps
    all those that it had before the step; one that is empty from the start stays empty.

    All boundary pixels move at once; the score may fall. As with ``BoundaryAscent`` a step depends on the regions
    alone, so one that stands still, or returns to an earlier state, tells all that is to come: see
    ``RegionState.period``.

    Args:
        window: side of the square whose pixels vote, odd, at most 15; 1 switches the vote off.
        memory: cycles of up to this many states are recognised.

    >>> from iem.features import RGB, Palette
    >>> from iem.objectives import MutualInformation
    >>> image = torch.zeros(1, 3, 16, 18); image[..., 6:12] = 0.5; image[..., 12:] = 1.0
    >>> start = torch.zeros(1, 3, 16, 18); start[:, 0, :, :5] = 1; start[:, 1, :, 5:14] = 1; start[:, 2, :, 14:] = 1
    >>> objective = MutualInformation(Palette(RGB(), colours=3, width=0.1, radius=0))
    >>> state = RegionAscent(window=3).init(start)
    >>> for _ in range(4):
    ...     state = RegionAscent(window=3).step(objective, image, state)
    >>> state.mask.argmax(1)[0, 8].tolist(), state.period.item()
    ([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2], 1)
    """

    window: int = 5
    memory: int = 4

    def __post_init__(self) -> None:
        check_number(self.window, "window", low=1, high=15, odd=True)
        check_number(self.memory, "memory", low=1, integer=True)

    def init(self, mask: Regions) -> "RegionState":
        """Start from regions; each pixel belongs to its largest entry, the first in a tie."""
        check_mask(mask)
        if mask.shape[1] < 2:
            raise ValueError("mask: expected at least two regions, got one channel; use BoundaryAscent for a mask")
        labels = mask.argmax(1)
        count = torch.zeros(len(mask), dtype=torch.long, device=mask.device)
        # Before the first step there are no earlier labels to return to, and no label is -1.
        earlier = torch.full_like(labels, -1)[:, None].expand(-1, self.memory, -1, -1)
        one_hot = _one_hot(labels, mask.shape[1]).to(mask.dtype)
        return RegionState(one_hot, mask.new_full((len(mask),), torch.nan), count, count, earlier)

    def step(self, objective: Objective, image: Image, state: "RegionState") -> "RegionState":
        """One step of every picture."""
        terms, score, gradient = evaluate(objective, image, state.mask)
        old = state.mask.argmax(1)
        allowed = gradient.masked_fill(~_adjacent(state.mask > 0), -torch.inf)
        new = _largest(allowed, old)
        if self.window > 1:
            new = _largest(_votes(_one_hot(new, state.mask.shape[1]), self.window), new)
        new = _keep_every_region(new, old, state.mask.shape[1])
        moved = (new != old).flatten(1).sum(1)
        recent = torch.cat([old[:, None], state.earlier[:, :-1]], dim=1)
        same = (new[:, None] == recent).flatten(2).all(2)
        period = torch.where(same.any(1), same.int().argmax(1) + 1, 0)
        mask = _one_hot(new, state.mask.shape[1]).to(state.mask.dtype)
        return RegionState(mask, score, moved, period, recent, terms)


@final
@dataclass(frozen=True)
class RegionState:
    """Where ``RegionAscent`` stands; see ``iem.interfaces.State``. ``moved`` counts pixels with another label."""

    mask: Regions
    score: Scores
    moved: Counts
    period: Counts
    earlier: Int[Tensor, "b memory h w"]  #: the labels before those of ``mask``, latest first
    terms: Mapping[str, Scores] = field(default_factory=dict)

    def select(self, index: Int[Tensor, " n"]) -> "RegionState":
        """The state of some of the pictures."""
        return RegionState(
            self.mask[index],
            self.score[index],
            self.moved[index],
            self.period[index],
            self.earlier[index],
            {name: value[index] for name, value in self.terms.items()},
        )


def _one_hot(labels: Labels, count: int) -> Bool[Tensor, "b k h w"]:
    return labels[:, None] == torch.arange(count, device=labels.device)[:, None, None]


def _adjacent(regions: Bool[Tensor, "b k h w"]) -> Bool[Tensor, "b k h w"]:
    """Whether a region has the pixel or one of its four neighbours."""
    near = regions.clone()
    near[..., 1:, :] |= regions[..., :-1, :]
    near[..., :-1, :] |= regions[..., 1:, :]
    near[..., :, 1:] |= regions[..., :, :-1]
    near[..., :, :-1] |= regions[..., :, 1:]
    return near


def _largest(values: Shaped[Tensor, "b k h w"], own: Labels) -> Labels:
    """The label with the largest value; a pixel's own in a tie."""
    most, label = values.max(1)
    return torch.where(values.gather(1, own[:, None])[:, 0] >= most, own, label)


def _votes(regions: Bool[Tensor, "b k h w"], window: int) -> Int[Tensor, "b k h w"]:
    """How many pixels of the window around each pixel a region has."""
    votes = regions.int()
    for axis in (2, 3):
        size = votes.shape[axis]
        place = torch.arange(size, device=votes.device)
        # Votes of what happens to lie inside the picture would bend boundaries that meet its frame at a slant.
        reach = torch.minimum(place, size - 1 - place).clamp_max(window // 2)
        sums = torch.cat([torch.zeros_like(votes.narrow(axis, 0, 1)), votes.cumsum(axis, dtype=torch.int32)], dim=axis)
        votes = sums.index_select(axis, place + reach + 1) - sums.index_select(axis, place - reach)
    return votes


def _keep_every_region(new: Labels, old: Labels, count: int) -> Labels:
    """The new labels, but the old pixels of each region that they leave without any."""
    for _ in range(count):  # what one region gets back may have been the last that another had
        gone = ~_one_hot(new, count).flatten(2).any(2)
        lost = gone.gather(1, old.flatten(1)).view_as(old)
        if not bool(lost.any()):
            break
        new = torch.where(lost, old, new)
    return new
