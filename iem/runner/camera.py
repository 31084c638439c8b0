"""Filming a mask while it moves."""

from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from iem.images import resize
from iem.images.writing import StrPath
from iem.interfaces import Image, Mask, Progress
from iem.visualise import film, overlay

_MOST_FRAMES = 48
_LONGEST_SIDE = 384


class Camera:
    """A callback of ``segment`` for one picture that keeps every mask and makes a film of them.

    >>> import tempfile, iem
    >>> image = torch.zeros(1, 3, 32, 32); image[..., 8:20, 8:24] = 1.0
    >>> camera, path = Camera(), Path(tempfile.mkdtemp()) / "film.webp"
    >>> solution = iem.segment(image, callback=camera)
    >>> camera.develop(path, image, solution.mask)
    >>> path.stat().st_size > 0
    True
    """

    def __init__(self) -> None:
        self._masks: list[UInt8[Tensor, "1 1 h w"]] = []

    def __call__(self, progress: Progress) -> None:
        """Keep the mask of one step."""
        mask = (progress.mask * 255).round().byte().cpu()
        if not self._masks or not torch.equal(mask, self._masks[-1]):
            self._masks.append(mask)

    def develop(self, path: StrPath, image: Image, final: Mask) -> None:
        """Write the film, which ends with the ``final`` mask; the picture and that mask have one size, any.

        Raises:
            ImageError: the film cannot be written.
        """
        height, width = image.shape[2:]
        scale = min(1.0, _LONGEST_SIDE / max(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        photo = resize(image, size)
        last = len(self._masks) - 1
        chosen = sorted({round(i * last / (_MOST_FRAMES - 1)) for i in range(_MOST_FRAMES)}) if self._masks else []
        masks = [resize(self._masks[i].to(photo.dtype) / 255, size) for i in chosen]
        frames = [overlay(photo, mask) for mask in (*masks, resize(final, size))]
        film(frames, Path(path), width=max(8, size[1]))
