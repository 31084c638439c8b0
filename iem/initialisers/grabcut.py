"""GrabCut from a rectangle."""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch

from iem.checks import check_image, check_number
from iem.interfaces import Image, Mask
from iem.prompts import Box

_MIXTURE = 5  # colours of either side's mixture; OpenCV has it built in


@final
@dataclass(frozen=True)
class GrabCut:
    """What graph cuts leave of a rectangle (Rother et al., SIGGRAPH 2004; OpenCV's ``grabCut``).

    The part outside the rectangle is background; inside, two mixtures of five colours each and the contrast between
    neighbours decide, in turns. If nothing is left, or the picture is too small for ten colours or not finite, the
    mask is the rectangle. Needs ``pip install "iem[opencv]"``.

    OpenCV starts the mixtures by chance: its generator, which is the calling thread's, is set to ``seed`` before each
    picture, so that the answer depends on the picture alone.

    Args:
        inset: width of the margin outside the rectangle, as a part of each side, rounded to whole pixels, at least one:
            13 of 128 pixels at 0.1. It makes the rectangle where no ``box`` is given.
        iterations: rounds of the mixtures and the cut, at least 1.
        seed: of OpenCV's generator.
        box: the rectangle, in pixels of the pictures that come; None: a centred one.

    Raises:
        ImportError: OpenCV is not installed.

    >>> image = torch.full((1, 3, 40, 40), 0.2); image[..., 10:30, 15:25] = 0.9
    >>> GrabCut()(image).sum().item(), GrabCut(box=Box(10, 5, 30, 35))(image).sum().item()
    (200.0, 200.0)
    """

    inset: float = 0.1
    iterations: int = 5
    seed: int = 0
    box: Box | None = None

    def __post_init__(self) -> None:
        check_number(self.inset, "inset", low=0.0, high=0.45)
        check_number(self.iterations, "iterations", low=1, integer=True)
        check_number(self.seed, "seed", low=0, high=2**31 - 1, integer=True)

    def __call__(self, image: Image) -> Mask:
        """Each picture by itself."""
        check_image(image)
        opencv = _opencv()
        height, width = int(image.shape[-2]), int(image.shape[-1])
        if self.box is not None:
            rectangle = self.box.to_mask((height, width))[0, 0].numpy().astype(np.uint8)
        else:
            top, left = (max(round(self.inset * side), int(side > 2)) for side in (height, width))
            rectangle = np.zeros((height, width), dtype=np.uint8)
            rectangle[top : height - top, left : width - left] = 1
        enough = _MIXTURE <= rectangle.sum() <= rectangle.size - _MIXTURE
        mask = image.new_zeros(len(image), 1, height, width)
        for i, one in enumerate(image.detach()):
            found = self._cut(opencv, one, rectangle) if enough and bool(one.isfinite().all()) else rectangle
            mask[i, 0] = torch.from_numpy(found).to(mask)
        return mask

    def _cut(self, opencv: Any, one: torch.Tensor, rectangle: np.ndarray) -> np.ndarray:
        rgb = one.double().clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        labels = np.where(rectangle == 1, opencv.GC_PR_FGD, opencv.GC_BGD).astype(np.uint8)
        opencv.setRNGSeed(self.seed)
        opencv.grabCut(
            np.ascontiguousarray(rgb[..., ::-1]),  # OpenCV's order is blue, green, red
            labels,
            None,
            np.zeros((1, 13 * _MIXTURE)),
            np.zeros((1, 13 * _MIXTURE)),
            self.iterations,
            opencv.GC_INIT_WITH_MASK,
        )
        found = (labels == opencv.GC_PR_FGD).astype(np.uint8)
        return found if found.any() else rectangle


def _opencv() -> Any:
    try:
        import cv2
    except ImportError as error:
        raise ImportError('GrabCut needs OpenCV, which is not installed; pip install "iem[opencv]"') from error
    return cv2
