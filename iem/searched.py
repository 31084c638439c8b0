"""The mask that one search ends with, as the first mask of another."""

from dataclasses import dataclass
from typing import final

import torch

from iem.checks import check_image, check_number
from iem.images import resize_mask, short_side
from iem.initialisers import Square
from iem.interfaces import Image, Mask
from iem.maximise import judge, maximise
from iem.presets import Preset, get


@final
@dataclass(frozen=True)
class Searched:
    """The mask that a preset's search finds, before it is refined: an ``Initialiser``.

    What was searched at a reduced size is enlarged to the nearest. Where the search ends without a foreground or
    without a background, the preset's own first mask stands.

    Args:
        preset: a name, or a ``Preset``.
        size: short side at which to search, in pixels; a smaller picture is not enlarged.

    >>> image = torch.zeros(1, 3, 64, 64); image[..., 20:44, 12:40] = 1.0
    >>> bool((Searched("paper", size=32)(image) == image[:, :1]).all())
    True
    """

    preset: str | Preset = "paper"
    size: int = 128

    def __post_init__(self) -> None:
        check_number(self.size, "size", low=8, integer=True)
        if isinstance(self.preset, str):
            get(self.preset)

    def __call__(self, image: Image) -> Mask:
        """Each picture by itself, 0 or 1."""
        check_image(image)
        settings = get(self.preset) if isinstance(self.preset, str) else self.preset
        finite = image.isfinite().flatten(1).all(1)[:, None, None, None]
        reduced = short_side(torch.where(finite, image, 0), self.size, enlarge=False)
        first = settings.initialiser(reduced)
        if settings.optimiser is None:
            found = judge(settings.objective, reduced, first).mask
        else:
            found = maximise(settings.objective, settings.optimiser, reduced, first, max_steps=settings.max_steps).mask
        size = (int(image.shape[2]), int(image.shape[3]))
        mask = (resize_mask(found, size) >= 0.5).to(image.dtype)
        area = mask.flatten(1).mean(1)[:, None, None, None]
        fallback = (resize_mask(first, size) >= 0.5).to(image.dtype)
        fallback = torch.where(fallback.flatten(1).amin(1)[:, None, None, None] < 1, fallback, Square()(image))
        return torch.where((area > 0) & (area < 1), mask, fallback)
