"""Other views of the same lesson: what a mask must not depend on."""

import math
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor

from iem.checks import check_image, check_mask, check_number
from iem.interfaces import Image, Mask


@final
@dataclass(frozen=True)
class Augmentation:
    """Mirrors, zooms, turns and shifts a picture together with its mask, and changes the picture's colours.

    Every picture of a batch is changed in a way of its own, drawn from the generator alone: the same seed, the same
    views, on every device. Whatever comes into view from beyond the frame is the picture, mirrored.

    Args:
        mirror: how often left and right change places, from 0 to 1.
        zoom: pictures shrink and grow by up to a factor of 1 + ``zoom``.
        stretch: the same for the ratio of the sides.
        shift: largest shift, as a part of the side.
        turn: largest turn, in degrees.
        colour: strength of the changes in brightness, contrast, saturation, tint and gamma; 0 leaves colours alone.

    >>> image, mask = torch.rand(2, 3, 16, 16), torch.zeros(2, 1, 16, 16)
    >>> draw = lambda: Augmentation()(image, mask, torch.Generator().manual_seed(1))[0]
    >>> torch.equal(draw(), draw()), draw().shape
    (True, torch.Size([2, 3, 16, 16]))
    """

    mirror: float = 0.5
    zoom: float = 0.25
    stretch: float = 0.1
    shift: float = 0.075
    turn: float = 10.0
    colour: float = 1.0

    def __post_init__(self) -> None:
        check_number(self.mirror, "mirror", low=0, high=1)
        check_number(self.zoom, "zoom", low=0, high=3)
        check_number(self.stretch, "stretch", low=0, high=3)
        check_number(self.shift, "shift", low=0, high=0.5)
        check_number(self.turn, "turn", low=0, high=180)
        check_number(self.colour, "colour", low=0, high=2)

    def __call__(self, image: Image, mask: Mask, generator: torch.Generator) -> tuple[Image, Mask]:
        """Pictures and masks in [0, 1], of the same sizes.

        Args:
            image: ``[b, 3, h, w]`` in [0, 1].
            mask: ``[b, 1, h, w]`` in [0, 1].
            generator: on the CPU; the only source of chance.
        """
        check_image(image)
        check_mask(mask, like=image)
        image, mask = self._move(image, mask, generator)
        return self._recolour(image, generator), mask

    def _move(self, image: Image, mask: Mask, generator: torch.Generator) -> tuple[Image, Mask]:
        count, _, height, width = image.shape
        mirrored = torch.rand(count, generator=generator) < self.mirror
        zoom = (_spread(count, generator) * math.log1p(self.zoom)).exp()
        stretch = (_spread(count, generator) * math.log1p(self.stretch) / 2).exp()
        angle = _spread(count, generator) * math.radians(self.turn)
        shift = torch.stack([_spread(count, generator), _spread(count, generator)], 1) * 2 * self.shift
        # In coordinates where the frame is at -1 and 1, a turn of an oblong picture is no rotation.
        aspect = height / width
        sign = torch.where(mirrored, -1.0, 1.0)
        across = torch.stack([sign * angle.cos() * zoom * stretch, -angle.sin() * zoom * aspect], 1)
        down = torch.stack([sign * angle.sin() * zoom / aspect, angle.cos() * zoom / stretch], 1)
        motion = torch.cat([torch.stack([across, down], 1), shift[:, :, None]], 2).to(image)
        grid = F.affine_grid(motion, [count, 1, height, width], align_corners=False)
        both = F.grid_sample(torch.cat([image, mask], 1), grid, padding_mode="reflection", align_corners=False)
        both = both.clamp(0, 1)  # rounding
        return both[:, :3], both[:, 3:]

    def _recolour(self, image: Image, generator: torch.Generator) -> Image:
        count = len(image)

        def factor(spread: float, channels: int = 1) -> Tensor:
            drawn = torch.rand(count, channels, 1, 1, generator=generator) * 2 - 1
            return (1 + drawn * spread * self.colour).clamp_min(0).to(image)

        contrast, brightness, saturation = factor(0.4), factor(0.3), factor(0.5)
        tint, gamma = factor(0.1, 3), factor(0.3).clamp_min(0.1)
        mean = image.mean((2, 3), keepdim=True)
        image = (image - mean) * contrast + mean * brightness
        grey = image.mean(1, keepdim=True)
        image = ((image - grey) * saturation + grey) * tint
        return image.clamp(0, 1).pow(gamma)


def _spread(count: int, generator: torch.Generator) -> Tensor:
    """Uniform from -1 to 1."""
    return torch.rand(count, generator=generator) * 2 - 1
