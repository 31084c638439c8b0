"""The rounds of a peeling as small pictures: what the finder saw, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Float, Int
from torch import Tensor

from iem.images import resize
from iem.interfaces import Image, Mask
from iem.regions import SCENE, RegionTree, Round
from iem.visualise.outlines import WHITE, contours, line_width, outlined
from iem.visualise.palette import GREY, RGB, region_colours
from iem.visualise.regions import draw_regions, resize_labels, tinted

Pixels = Float[Tensor, "b c h w"]
LabelMap = Int[Tensor, "h w"]


def shrunk(image: Pixels, size: tuple[int, int]) -> Pixels:
    """To (height, width), fit to be shown: NaN and infinity become black, what leaves [0, 1] is cut off."""
    # By whole pixels first: the antialiased filter is slow on the photographs of today's cameras.
    factor = max(1, min(image.shape[2] // (2 * size[0]), image.shape[3] // (2 * size[1])))
    image = F.avg_pool2d(image.float(), factor) if factor > 1 else image.float()
    clean = torch.nan_to_num(image.cpu(), nan=0.0, posinf=0.0, neginf=0.0).clamp(0, 1)
    return resize(clean, size, mode="bicubic")


@dataclass(frozen=True)
class Storyboard:
    """A tree's pictures, all at one size.

    Attributes:
        tree: what ``peel`` returned.
        photograph: its picture, ``[1, 3, h, w]``, at the size to draw at.
        labels: its regions at that size.
        colours: by the regions' ids.
    """

    tree: RegionTree
    photograph: Image
    labels: LabelMap
    colours: Sequence[RGB]

    @classmethod
    def of(cls, tree: RegionTree, size: tuple[int, int]) -> "Storyboard":
        """All pictures with that height and width."""
        photograph, labels = shrunk(tree.image, size), resize_labels(tree, size).cpu()
        return cls(tree, photograph, labels, region_colours(len(tree.regions)))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.labels.shape
        return height, width

    def seen(self, tried: Round, *, strength: float = 0.45) -> Image:
        """What the finder saw, and its proposal, tinted and outlined; where it did not look is dark."""
        picture = shrunk(tried.picture, self.size)
        if tried.kind == "split":
            looked = (self.partition(before=tried) == tried.within).to(picture)
            picture = picture * (0.35 + 0.65 * looked)
        return self._proposed(picture, tried, strength)

    def after(self, tried: Round) -> Image:
        """The painted picture; where nothing was painted, the regions found so far."""
        if tried.painted is not None:
            return shrunk(tried.painted, self.size)
        return self.drawn(self.partition(after=tried))

    def drawn(self, labels: LabelMap, *, letter: int | None = None) -> Image:
        """The photograph with its regions; with numbers if the size of their letters is given."""
        return draw_regions(self.photograph, labels, numbers=letter is not None, letter=letter, colours=self.colours)

    def partition(self, *, before: Round | None = None, after: Round | None = None) -> LabelMap:
        """The regions as they were before or after a round; without either, in the end."""
        last = len(self.tree.regions) - 1
        for tried in self.tree.rounds if before or after else ():
            if tried.region is None:
                continue
            if before is not None and tried.number >= before.number:
                last = min(last, tried.region - 1)
            if after is not None and tried.number > after.number:
                last = min(last, tried.region - 1)
        return torch.tensor([self._known(region.id, last) for region in self.tree.regions])[self.labels]

    def colour(self, tried: Round) -> RGB:
        """Of the region that a round found; grey where it found none."""
        return GREY if tried.region is None else self.colours[tried.region]

    def _known(self, id: int, last: int) -> int:  # noqa: A002  what it is called everywhere
        """The region itself, or the one that it was found in later."""
        while id > last:
            parent = self.tree.regions[id].parent
            id = SCENE if parent is None else parent  # noqa: A001
        return id

    def _proposed(self, picture: Image, tried: Round, strength: float) -> Image:
        mask: Mask = shrunk(tried.proposal, self.size)
        colour = picture.new_tensor(self.colour(tried)).view(1, 3, 1, 1).expand_as(picture)
        shown = torch.where(mask > 0.5, tinted(picture, colour, strength), picture)
        return outlined(shown[0], contours(mask[0, 0]), width=line_width(*self.size), colour=WHITE)[None]
