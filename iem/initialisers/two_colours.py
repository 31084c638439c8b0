"""Two clusters of colour."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from kornia.color import rgb_to_lab
from torch import Tensor

from iem.checks import check_image, check_number
from iem.initialisers.sides import object_side
from iem.interfaces import Image, Mask


@final
@dataclass(frozen=True)
class TwoColours:
    """The pixels of one of two colours, whichever holds less of the picture's frame.

    k-means with k = 2 in CIE Lab (Lloyd, IEEE Trans. Inf. Theory 1982). It starts from the two halves of the colours
    along their principal axis and so needs no chance; it ends when no pixel changes sides. A picture of a single
    colour, or one that is not finite, gets the centred square.

    Args:
        iterations: at most so many; at least 1.

    >>> image = torch.full((1, 3, 6, 6), 0.8); image[:, 1, 2:4, 2:5] = 0.1
    >>> TwoColours()(image)[0, 0, 2].tolist()
    [0.0, 0.0, 1.0, 1.0, 1.0, 0.0]
    """

    iterations: int = 100

    def __post_init__(self) -> None:
        check_number(self.iterations, "iterations", low=1, integer=True)

    def __call__(self, image: Image) -> Mask:
        """Each picture by itself."""
        check_image(image)
        masks = [object_side(one, self._cluster(one)) for one in image.detach().split(1)]
        return torch.cat(masks) if masks else image.new_zeros(0, 1, *image.shape[2:])

    def _cluster(self, one: Image) -> Tensor:
        shape = one.shape[2:]
        if not bool(one.isfinite().all()):
            return torch.zeros(shape, dtype=torch.bool, device=one.device)
        colours = rgb_to_lab(one.to(torch.float32 if one.device.type == "mps" else torch.float64))[0].flatten(1)
        side = _along_principal_axis(colours) > 0
        for _ in range(self.iterations):
            if bool(side.all()) or not bool(side.any()):
                break
            first, second = colours[:, side].mean(1), colours[:, ~side].mean(1)
            # Nearer to the first mean than to the second: on its side of the plane half-way between them.
            moved = (first - second) @ (colours - (first + second)[:, None] / 2) > 0
            if bool((moved == side).all()):
                break
            side = moved
        return side.reshape(shape)


def _along_principal_axis(colours: Float[Tensor, "3 n"]) -> Float[Tensor, " n"]:
    """How far each colour lies from the mean in the direction of the largest variance; 0 if there is but one colour."""
    centred = colours - colours.mean(1, keepdim=True)
    if float(centred.abs().amax()) < 1e-6:
        return torch.zeros_like(colours[0])
    _, axes = torch.linalg.eigh(centred @ centred.T)
    along: Tensor = axes[:, -1] @ centred
    return along
