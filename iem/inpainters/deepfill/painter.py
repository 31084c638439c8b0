"""DeepFillv2 as an inpainter."""

from dataclasses import KW_ONLY, InitVar, dataclass, field
from pathlib import Path
from typing import ClassVar, final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor
from torch.func import functional_call

from iem.checks import check_image, check_mask, check_number
from iem.images import resize
from iem.inpainters.deepfill.checkpoint import load_checkpoint
from iem.inpainters.deepfill.network import DeepFillNetwork
from iem.inpainters.resampling import resample
from iem.interfaces import Image, Mask

_GRID = 8  #: the network halves three times, once of it in the attention


@final
@dataclass(frozen=True)
class DeepFill:
    """DeepFillv2: gated convolutions, and patches borrowed from what is known.

    Yu et al., *Free-form image inpainting with gated convolution*, ICCV 2019 (arXiv 1806.03589). Takes the weights of
    github.com/nipponjo/deepfillv2-pytorch, of either kind: ``states_pt_*.pth`` and ``states_tf_*.pth`` (converted from
    github.com/JiahuiYu/generative_inpainting, whose licence is CC BY-NC 4.0: not for commercial use).

    Pictures are painted one by one: the published program takes, for the attention of a whole batch, the hole of its
    first picture. The published program also crops the picture to a multiple of 8; here it is continued beyond its
    border, and the continuation cut off again.

    Gradients flow to a soft hole, through everything but the choice of the patches that may be borrowed from, which is
    a step function of the hole.

    Two of them are equal if their weights are, wherever the files lie.

    Args:
        checkpoint: the file of weights, ``.pth`` or ``.safetensors``.
        sha256: refuse a file with another checksum; filled in.
        longest_side: a larger picture is painted at this size, and what was painted is enlarged; None for never. The
            weights were trained at 256 pixels, and the attention's memory grows with the square of the area: 0.5 GB
            at 512 x 512, 2.5 GB at 768 x 768.

    Raises:
        ValueError: the checkpoint cannot be used.
        ImportError: a ``.safetensors`` file, and the package to read it is not installed.

    >>> DeepFill("nowhere.pth")
    Traceback (most recent call last):
    ...
    ValueError: checkpoint: expected the file of DeepFillv2's weights, ..., got a path where nothing is: ...
    """

    checkpoint: InitVar[Path | str | None] = None
    sha256: str | None = None
    _: KW_ONLY
    longest_side: int | None = 512
    _network: DeepFillNetwork = field(init=False, repr=False, compare=False)

    differentiable: ClassVar[bool] = True

    def __post_init__(self, checkpoint: Path | str | None) -> None:
        if self.longest_side is not None:
            check_number(self.longest_side, "longest_side", low=_GRID, integer=True)
        network, digest = load_checkpoint(checkpoint, self.sha256)
        object.__setattr__(self, "sha256", digest)
        object.__setattr__(self, "_network", network)

    def __call__(self, image: Image, hole: Mask) -> Image:
        """Paint ``[b, 3, h, w]`` where ``hole`` is 1; a soft hole blends, a full one is painted from nothing."""
        check_image(image)
        check_mask(hole, like=image, name="hole")
        image = image.where((hole < 1) | image.isfinite(), 0)  # NaN times 0 would be seen through the hole
        working = image.dtype if image.dtype == torch.float64 else torch.float32
        weights = {name: value.to(image.device, working) for name, value in self._network.state_dict().items()}
        painted = [
            self._paint(one, its_hole, weights)
            for one, its_hole in zip(image.to(working).split(1), hole.to(working).split(1), strict=True)
        ]
        # No torch.where: what the network paints is finite, so that known pixels stay, and their gradients are true.
        return image * (1 - hole) + torch.cat(painted).to(image.dtype) * hole

    def _paint(self, image: Image, hole: Mask, weights: dict[str, Tensor]) -> Image:
        """One picture as the network imagines it, known part included."""
        size = (int(image.shape[2]), int(image.shape[3]))
        scale = min(1.0, self.longest_side / max(size)) if self.longest_side is not None else 1.0
        small_size = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
        small, small_hole = resample(image, hole, small_size)
        if scale == 1:
            return self._ask(small, small_hole, weights)
        painted = self._ask(small, small_hole, weights)
        # Enlarged together with the known pixels around it, so that the hole's edge joins on to them.
        return resize(small + painted * small_hole, size, mode="bicubic")

    def _ask(self, visible: Image, hole: Mask, weights: dict[str, Tensor]) -> Image:
        """What the network says, at any size; ``visible`` is the picture times (1 - hole)."""
        height, width = hole.shape[2:]
        beyond = (0, -width % _GRID, 0, -height % _GRID)
        signed = 2 * visible - (1 - hole)  # from [0, 1] to [-1, 1], and still 0 in the hole
        inputs = (F.pad(signed, beyond, mode="replicate"), F.pad(hole, beyond, mode="replicate"))
        answer: Tensor = functional_call(self._network, weights, inputs)
        return (answer[:, :, :height, :width] + 1) / 2
