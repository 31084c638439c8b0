"""What peeling returns: the regions of a scene as a tree, and how each was found."""

import enum
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from iem.interfaces import Image, Mask, Verdict

SCENE = 0  #: the id of the root: the whole picture, of which it keeps what no region took


class StopReason(str, enum.Enum):
    """Why a proposal was not accepted, and so why the search for more regions ended."""

    NOTHING_FOUND = "nothing_found"  #: the finder's mask is empty, or all that it was given to look at
    TOO_SMALL = "too_small"  #: the proposal is smaller than the least area allowed
    NOT_SIGNIFICANT = "not_significant"  #: its boundary is too faint, or masks that lie there by chance score as well
    NOTHING_NEW = "nothing_new"  #: too little of the proposal is not part of an earlier region
    ROUND_LIMIT = "round_limit"  #: as many rounds as allowed have been run
    CONSTANT = "constant"  #: the picture is one flat colour
    NONFINITE = "nonfinite"  #: the picture holds NaN or infinity

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Region:
    """One piece of a scene.

    Attributes:
        id: 0 for the scene itself; 1, 2, ... in the order of finding. The same picture and settings give the same ids.
        parent: id of the region that it lies in, or on; None for the scene.
        mask: ``[1, 1, h, w]``, 0 or 1: the pixels that are its own. What its children took is not among them: the masks
            of all regions are disjoint and cover the picture.
        score: of the proposal, see ``Verdict``; 0 for the scene.
        p_value: of the proposal; 0 for the scene.
        round: the round that found it, from 1; 0 for the scene.
    """

    id: int
    parent: int | None
    mask: Mask
    score: float = 0.0
    p_value: float = 0.0
    round: int = 0


@dataclass(frozen=True)
class Round:
    """One attempt to find a region, accepted or not.

    Attributes:
        number: from 1.
        kind: "paint": the whole picture was looked at, its earlier regions painted away. "split": one region alone was.
        within: id of the region that was looked at.
        picture: ``[1, 3, h, w]``: what the finder saw.
        proposal: ``[1, 1, h, w]`` in [0, 1]: what it found, refined.
        verdict: of the significance test; None if it was not asked.
        region: id of the region that was accepted, or None.
        reason: why none was accepted, or None.
        hole: ``[1, 1, h, w]``: what was painted away afterwards, or None.
        painted: ``[1, 3, h, w]``: the picture after that, or None.
    """

    number: int
    kind: Literal["paint", "split"]
    within: int
    picture: Image
    proposal: Mask
    verdict: Verdict | None = None
    region: int | None = None
    reason: StopReason | None = None
    hole: Mask | None = None
    painted: Image | None = None


@dataclass(frozen=True)
class RegionTree:
    """The regions of one picture, and the rounds that found them.

    Attributes:
        image: ``[1, 3, h, w]``: the picture.
        regions: the scene first, then every region by its id; their masks are disjoint and cover the picture.
        rounds: in order; with them can be seen what was tried and refused.
        reason: why it ended: that of the last round, or why there was none.

    >>> left = torch.zeros(1, 1, 2, 4); left[..., :2] = 1
    >>> corner = torch.zeros(1, 1, 2, 4); corner[..., 0, 0] = 1
    >>> tree = RegionTree(
    ...     torch.zeros(1, 3, 2, 4),
    ...     (Region(0, None, 1 - left), Region(1, 0, left - corner), Region(2, 1, corner)),
    ...     reason=StopReason.NOTHING_FOUND,
    ... )
    >>> tree.labels()
    tensor([[2, 1, 0, 0],
            [1, 1, 0, 0]])
    >>> int(tree.extent(1).sum()), [region.id for region in tree.children(0)], tree.depth(2)
    (4, [1], 2)
    """

    image: Image
    regions: tuple[Region, ...]
    rounds: tuple[Round, ...] = field(default=())
    reason: StopReason = StopReason.NOTHING_FOUND

    def labels(self) -> Int[Tensor, "h w"]:
        """The id of the region that each pixel belongs to."""
        labels = torch.zeros(self.image.shape[-2:], dtype=torch.long, device=self.image.device)
        for region in self.regions:  # one after the other: the masks are disjoint, and a camera's picture is large
            labels[region.mask[0, 0] > 0] = region.id
        return labels

    def region(self, id: int) -> Region:  # noqa: A002  what it is called everywhere
        """The region of that id.

        Raises:
            KeyError: there is none.
        """
        for each in self.regions:
            if each.id == id:
                return each
        raise KeyError(id)

    def children(self, id: int) -> tuple[Region, ...]:  # noqa: A002
        """The regions that lie directly in, or on, that one."""
        return tuple(region for region in self.regions if region.parent == id)

    def extent(self, id: int) -> Mask:  # noqa: A002
        """The region with all that lies in it, ``[1, 1, h, w]``: what was proposed when it was found."""
        mask = self.region(id).mask
        for child in self.children(id):
            mask = mask + self.extent(child.id)
        return mask

    def depth(self, id: int) -> int:  # noqa: A002
        """0 for the scene, 1 for what lies in it, ..."""
        parent = self.region(id).parent
        return 0 if parent is None else 1 + self.depth(parent)
