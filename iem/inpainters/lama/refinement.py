"""Refinement while painting: features are moved until the picture agrees with what was painted at a coarser scale."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import kornia
import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_number
from iem.inpainters.lama.network import LamaNetwork
from iem.inpainters.lama.padding import pad_symmetrically
from iem.interfaces import Image, Mask

_ANY = 1e-8  #: the least share of a hidden pixel that counts
_INSET = 7  #: pixels of the coarser scale, between its hole and where the scales are compared


@final
@dataclass(frozen=True)
class Refinement:
    """Large holes first small, then larger, each scale held to the one before.

    Kulshreshtha, Pugh and Jiddi, *Feature refinement to improve high resolution image inpainting*, 2022 (arXiv
    2206.13644), sections 3.1 and 3.2. The picture is halved until its shorter side is about ``least_side``. At every
    scale but the coarsest, Adam moves the features before the residual blocks downhill on::

        mean |paint - image| over known pixels + mean |halved(paint) - coarser| well inside the hole

    What differs from the published program: hidden pixels are zero before the picture is halved; a term without pixels
    is 0 (there NaN, in holes thinner than 15 pixels); and ``steps`` counts what Adam does, 14 in the published program,
    whose ``n_iters`` of 15 counts looks at the answer.

    Args:
        steps: of Adam, at each scale but the coarsest.
        rate: of Adam.
        scales: at most.
        least_side: of the coarsest picture, in pixels. A picture whose shorter side is less than 1.41 times that has
            but one scale, and comes back as it would without refinement.

    Raises:
        ValueError: a number out of its range.
    """

    steps: int = 15
    rate: float = 0.002
    scales: int = 3
    least_side: int = 512

    def __post_init__(self) -> None:
        check_number(self.steps, "steps", low=1, integer=True)
        check_number(self.rate, "rate", low=0)
        check_number(self.scales, "scales", low=2, integer=True)
        check_number(self.least_side, "least_side", low=8, integer=True)

    def __call__(
        self,
        network: LamaNetwork,
        image: Image,
        hole: Mask,
        on_step: Callable[[int, int], None] | None = None,
    ) -> Image:
        """One picture with its hole filled, without gradients.

        Args:
            network: that paints.
            image: ``[1, 3, h, w]`` in [0, 1], finite.
            hole: 0 or 1.
            on_step: called with (step, steps) after each of Adam's steps; what it raises ends the painting.
        """
        with torch.inference_mode(False):  # what follows needs gradients, wherever it is called
            coarsest, *rest = self._pyramid((image.detach() * (1 - hole.detach())).clone(), hole.detach().clone())
            filled = self._paint(network, *coarsest, None, None)
            for index, finer in enumerate(rest):
                filled = self._paint(network, *finer, filled, self._tell(on_step, index, len(rest)))
        return filled

    def _tell(
        self, on_step: Callable[[int, int], None] | None, scale: int, scales: int
    ) -> Callable[[int], None] | None:
        if on_step is None:
            return None
        return lambda step: on_step(scale * self.steps + step, scales * self.steps)

    def _pyramid(self, image: Image, hole: Mask) -> list[tuple[Tensor, Tensor]]:
        """The coarsest first."""
        shortest = min(int(side) for side in image.shape[2:])
        count = min(1 + max(0, round(math.log2(shortest / self.least_side))), self.scales)
        found = [(image, hole)]
        for _ in range(count - 1):
            image, hole = halved(image), (halved(hole) >= _ANY).to(hole.dtype)
            found.append((image, hole))
        return found[::-1]

    def _paint(
        self,
        network: LamaNetwork,
        image: Image,
        hole: Mask,
        coarser: Float[Tensor, "b 3 h2 w2"] | None,
        tell: Callable[[int], None] | None,
    ) -> Image:
        height, width = int(image.shape[2]), int(image.shape[3])
        wide_image, wide_hole = pad_symmetrically(image, network.grid), pad_symmetrically(hole, network.grid)
        with torch.no_grad():
            features = network.encode(wide_image, wide_hole)
        if coarser is not None:
            nearby, everywhere = (each.requires_grad_() for each in features)
            features = nearby, everywhere
            inside = _comparable(hole)
            adam = torch.optim.Adam(features, lr=self.rate)
            for step in range(self.steps):
                with torch.enable_grad():
                    paint = network.decode(features)
                    loss = disagreement(
                        paint, wide_image, wide_hole, halved(paint[..., :height, :width]), coarser, inside
                    )
                    gradients = torch.autograd.grad(loss, features)
                nearby.grad, everywhere.grad = gradients
                adam.step()
                if tell is not None:
                    tell(step + 1)
        with torch.no_grad():
            paint = network.decode(features)[..., :height, :width]
        return image * (1 - hole) + paint * hole


def disagreement(
    paint: Image,
    image: Image,
    hole: Mask,
    small_paint: Float[Tensor, "b 3 h2 w2"],
    coarser: Float[Tensor, "b 3 h2 w2"],
    inside: Float[Tensor, "b 1 h2 w2"],
) -> Float[Tensor, ""]:
    """What refinement lowers: equation 1 of the paper, its two terms each a mean over pixels and channels.

    Args:
        paint: at this scale.
        image: at this scale, 0 in the hole.
        hole: at this scale, 0 or 1.
        small_paint: ``paint`` halved.
        coarser: the result of the coarser scale.
        inside: where those two are compared, 0 or 1.
    """
    return _mean((paint - image).abs(), 1 - hole) + _mean((small_paint - coarser).abs(), inside)


def halved(fields: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 c h2 w2"]:
    """Blurred a little, and every other pixel taken away.

    >>> halved(torch.full((1, 1, 9, 8), 0.5)).shape
    torch.Size([1, 1, 4, 4])
    """
    blurred = kornia.filters.gaussian_blur2d(fields, (5, 5), (1.0, 1.0))
    return F.interpolate(blurred, size=(fields.shape[2] // 2, fields.shape[3] // 2), mode="bilinear")


def _comparable(hole: Mask) -> Float[Tensor, "b 1 h2 w2"]:
    """Pixels of the coarser scale that lie in the hole with a disc of 15 pixels around them."""
    size = (int(hole.shape[2]) // 2, int(hole.shape[3]) // 2)
    partly_known = (F.interpolate(hole, size=size, mode="bilinear") < 1 - _ANY).to(hole.dtype)
    offsets = torch.arange(-_INSET, _INSET + 1, device=hole.device)
    reach = (_INSET**2 - offsets**2).to(hole.dtype).sqrt().round()
    disc = (offsets.abs()[None] <= reach[:, None]).to(hole.dtype)
    return (F.conv2d(partly_known, disc[None, None], padding=_INSET) < 0.5).to(hole.dtype)


def _mean(values: Image, where: Mask) -> Float[Tensor, ""]:
    return (values * where).sum() / (values.shape[1] * where.sum()).clamp_min(1)
