"""Presets: named, frozen sets of all settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from iem.checks import check_choice
from iem.features import RGB, Lab, Palette, Stack, Texture, Whitening
from iem.initialisers import Square
from iem.inpainters import GaussianInpainter
from iem.interfaces import Initialiser, Objective, Optimiser, Refiner
from iem.objectives import Diversity, InpaintingError, MutualInformation, WeightedSum
from iem.optimisers import BoundaryAscent
from iem.refiners import GuidedFilter


@dataclass(frozen=True)
class Preset:
    """All that ``segment`` needs to know.

    Attributes:
        name: what to call it by.
        initialiser: the first mask.
        objective: what to maximise.
        optimiser: how to move; None takes the first mask as the answer, as a baseline does.
        max_steps: steps allowed.
        refiner: takes the mask that the search found to the picture's own size. None leaves a mask that was searched at
            the picture's own size as it is, and enlarges any other by a ``GuidedFilter`` of small radius.
    """

    name: str
    initialiser: Initialiser
    objective: Objective
    optimiser: Optimiser[Any] | None
    max_steps: int = 150
    refiner: Refiner | None = None


def paper() -> Preset:
    """Savarese et al., CVPR 2021, as the authors' program runs it on 128 x 128 pixels.

    There, ``lambda`` = 0.001 weighs a *sum* over 128 x 128 pixels of features in [-1, 1]; here the diversity is per
    pixel, so that the same setting means the same at every size.

    >>> paper().objective.weights["diversity"]
    16.384
    """
    features = RGB(-1.0, 1.0)
    return Preset(
        name="paper",
        initialiser=Square(inset=5),
        objective=WeightedSum(
            terms={
                "inpainting_error": InpaintingError(GaussianInpainter(sigma=5.0, kernel_size=11, passes=2), features),
                "diversity": Diversity(features),
            },
            weights={"inpainting_error": 1.0, "diversity": 0.001 * 128 * 128},
        ),
        optimiser=BoundaryAscent(threshold=4, frame="open"),
        max_steps=150,
    )


def best() -> Preset:
    """Our strongest learning-free setting: the mask that tells most about the picture's colours and texture.

    Instead of predicting each side's pixels from the other's, it measures what the two sides have in common by
    histograms over a palette made of the picture itself; the search is the paper's, with a wider vote.
    """
    features = Whitening(Stack([Lab(), Texture(radius=3)]))
    return Preset(
        name="best",
        initialiser=Square(inset=5),
        objective=MutualInformation(Palette(features, colours=32, width=0.8)),
        optimiser=BoundaryAscent(threshold=41, window=9, frame="open"),
        max_steps=150,
        refiner=GuidedFilter(radius=12, epsilon=3e-3, contrast=6.0),
    )


def get(name: str) -> Preset:
    """The preset of that name.

    >>> get("papr")
    Traceback (most recent call last):
    ...
    ValueError: preset: expected one of best, paper, got 'papr'
    """
    check_choice(name, "preset", tuple(PRESETS))
    return PRESETS[name]()


PRESETS: Mapping[str, Callable[[], Preset]] = MappingProxyType({"best": best, "paper": paper})
