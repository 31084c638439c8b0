"""How pictures are taken apart: all settings of ``peel`` in one value, and pictures of any size."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Int
from torch import Tensor

from iem.checks import check_number
from iem.finders import IEM
from iem.images import resize
from iem.inpainters import Harmonic
from iem.interfaces import Finder, Image, Inpainter, Refiner, SignificanceTest
from iem.peeling import ShiftTest, peel
from iem.refiners import Cleaned, Grow, GuidedFilter
from iem.regions import RegionTree, Round

Labels = Int[Tensor, "h w"]


@dataclass(frozen=True)
class Peeler:
    """Takes pictures apart; see ``iem.peeling.peel`` for what the settings mean and for their defaults.

    Attributes:
        finder: proposes a region.
        refiner: of every proposal, or None.
        test: whether it could be there by chance, or None.
        grow: makes the hole of a region, or None.
        painter: fills the hole.
        mode: "paint" or "split".
        parts: whether to look into what was found.
        repaint: whether each round paints all holes of the picture itself, rather than one more of the last painting.
        joint: whether all boundaries are moved together at the end.
        min_area: share of the picture.
        min_new: share of a proposal.
        max_rounds: at most.
        most_pixels: a larger picture is peeled reduced to so many, and its regions are enlarged along its own edges:
            every round keeps several pictures, and regions are not told better from more pixels.
    """

    finder: Finder = IEM()
    refiner: Refiner | None = Cleaned()
    test: SignificanceTest | None = ShiftTest()
    grow: Refiner | None = Grow()
    painter: Inpainter = Harmonic()
    mode: Literal["paint", "split"] = "paint"
    parts: bool = True
    repaint: bool = True
    joint: bool = True
    min_area: float = 0.01
    min_new: float = 0.25
    max_rounds: int = 24
    most_pixels: int = 1_000_000

    def __post_init__(self) -> None:
        check_number(self.min_area, "min_area", low=0, high=1)
        check_number(self.min_new, "min_new", low=0, high=1)
        check_number(self.max_rounds, "max_rounds", low=1, integer=True)
        check_number(self.most_pixels, "most_pixels", low=64, integer=True)

    def __call__(self, image: Image, callback: Callable[[Round], None] | None = None) -> RegionTree:
        """The tree of one picture, of its own size or reduced."""
        return peel(
            _within(image, self.most_pixels),
            finder=self.finder,
            refiner=self.refiner,
            test=self.test,
            grow=self.grow,
            painter=self.painter,
            mode=self.mode,
            parts=self.parts,
            repaint=self.repaint,
            joint=self.joint,
            min_area=self.min_area,
            min_new=self.min_new,
            max_rounds=self.max_rounds,
            callback=callback,
        )


def labels_at_full_size(tree: RegionTree, image: Image) -> Labels:
    """The region of every pixel of ``image``, of which ``tree.image`` may be a reduced copy.

    One region after the other is enlarged by a guided filter, and each pixel takes the region that fits it best, so
    that a picture of 60 megapixels stays in memory.
    """
    if tree.image.shape == image.shape:
        return tree.labels().cpu()
    enlarge = GuidedFilter(contrast=1.0)
    best = torch.full_like(image[:, :1], -1.0)
    labels = torch.zeros(image.shape[-2:], dtype=torch.long)
    for region in tree.regions:
        fits = enlarge(image, region.mask.to(image))
        labels[(fits > best)[0, 0]] = region.id
        best = torch.maximum(best, fits)
    return labels


def _within(image: Image, most_pixels: int) -> Image:
    height, width = image.shape[-2:]
    if height * width <= most_pixels or not bool(image.isfinite().all()):
        return image
    scale = (most_pixels / (height * width)) ** 0.5
    return resize(image, (max(1, int(height * scale)), max(1, int(width * scale))))
