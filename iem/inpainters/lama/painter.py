"""LaMa as an inpainter."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, InitVar, dataclass, field
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from iem.checks import check_image, check_mask, check_number
from iem.images import resize
from iem.inpainters.lama.checkpoint import load_checkpoint
from iem.inpainters.lama.network import LamaNetwork
from iem.inpainters.lama.padding import pad_symmetrically
from iem.inpainters.lama.program import LamaProgram
from iem.inpainters.lama.refinement import Refinement
from iem.inpainters.resampling import resample
from iem.interfaces import Image, Mask

_LEAST_SIDE = 16
_NOTHING = 1e-6  #: a share of a pixel that is known


@final
@dataclass(frozen=True)
class Lama:
    """LaMa: a network whose convolutions see the whole picture at once, for large holes.

    Suvorov et al., *Resolution-robust large mask inpainting with Fourier convolutions*, WACV 2022 (arXiv 2109.07161).
    Takes the weights of github.com/advimman/lama (Apache-2.0): ``best.ckpt`` of ``big-lama`` or of ``lama-fourier``,
    a table of the same weights (``.pth``, ``.safetensors``), or ``big-lama.pt``, the same network as a TorchScript
    program. A program computes in 32 bits, and like any program should come from where you trust.

    Pictures are painted one by one. They are continued beyond their border by mirroring, to a multiple of 8, and the
    continuation is cut off again.

    The published program makes every hole 0 or 1. Here a soft hole goes to the network as it is, which sees
    ``image (1 - hole)``, and blends::

        result = (1 - hole) image + hole paint

    so that gradients flow to it, through everything; at holes of 0 and 1 the two agree. With refinement no gradient
    flows, and a soft hole is painted as a hard one, then blended.

    Two of them are equal if their weights and settings are, wherever the files lie.

    Args:
        checkpoint: the file of weights, or a name of ``iem models list``, such as "big-lama".
        sha256: refuse a file with another checksum; filled in.
        longest_side: a larger picture is painted at this size, and what was painted is enlarged; None for never. Of
            ``big-lama``, 1024 x 1024 pixels take 1.2 GB of memory, and with gradients 512 x 512 take 3 GB.
        refine_steps: of Adam at each scale, to hold the paint to that of a coarser scale, see ``Refinement``: 0 for
            none, 15 are published. For pictures whose shorter side is above 724 pixels, so raise ``longest_side``;
            it takes about three times as long for each step as without any.
        refine_rate: of Adam.
        refine_scales: at most.
        refine_least_side: of the coarsest scale, in pixels.
        device: where the network runs, such as "cuda"; None: where the picture is.
        on_step: called with (step, steps) after each step of the refinement; what it raises ends the painting.

    Raises:
        ValueError: the checkpoint cannot be used, or a number is out of its range.
        ImportError: a ``.safetensors`` file, and the package to read it is not installed.

    >>> Lama("nowhere.ckpt")
    Traceback (most recent call last):
    ...
    ValueError: checkpoint: expected LaMa's weights, ..., got a path where nothing is: nowhere.ckpt; ...
    """

    checkpoint: InitVar[Path | str | None] = None
    sha256: str | None = None
    _: KW_ONLY
    longest_side: int | None = 1024
    refine_steps: int = 0
    refine_rate: float = 0.002
    refine_scales: int = 3
    refine_least_side: int = 512
    device: str | None = None
    on_step: Callable[[int, int], None] | None = field(default=None, repr=False, compare=False)
    _network: LamaNetwork | LamaProgram = field(init=False, repr=False, compare=False)
    _moved: dict[tuple[torch.device, torch.dtype], LamaNetwork | LamaProgram] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self, checkpoint: Path | str | None) -> None:
        if self.longest_side is not None:
            check_number(self.longest_side, "longest_side", low=_LEAST_SIDE, integer=True)
        check_number(self.refine_steps, "refine_steps", low=0, integer=True)
        check_number(self.refine_rate, "refine_rate", low=0)
        check_number(self.refine_scales, "refine_scales", low=2, integer=True)
        check_number(self.refine_least_side, "refine_least_side", low=_LEAST_SIDE, integer=True)
        if self.device is not None:
            _check_device(self.device)
        network, checksum = load_checkpoint(checkpoint, self.sha256)
        if self.refine_steps and isinstance(network, LamaProgram):
            raise ValueError(
                "refine_steps: expected 0 with a TorchScript program, whose inner features are closed, "
                f"got {self.refine_steps}; give best.ckpt of the same weights instead"
            )
        object.__setattr__(self, "sha256", checksum)
        object.__setattr__(self, "_network", network)

    @property
    def differentiable(self) -> bool:
        """Gradients flow unless features are refined."""
        return self.refine_steps == 0

    def __getstate__(self) -> Mapping[str, Any]:
        """Copies move the network themselves."""
        return {**self.__dict__, "_moved": {}}

    def load(self, device: torch.device | str = "cpu") -> None:
        """Move the network now rather than at the first picture.

        Args:
            device: of the pictures to come.
        """
        self._network_for(torch.empty(0, device=device))

    def __call__(self, image: Image, hole: Mask) -> Image:
        """Paint ``[b, 3, h, w]`` where ``hole`` is 1; a soft hole blends, a full one is painted from nothing."""
        check_image(image)
        check_mask(hole, like=image, name="hole")
        if not image.numel():
            return image
        if not self.differentiable:
            image, hole = image.detach(), hole.detach()
        network = self._network_for(image)
        working = image.dtype if image.dtype == torch.float64 else torch.float32
        pairs = zip(image.split(1), hole.split(1), strict=True)
        return torch.cat([self._paint(*pair, network, working) for pair in pairs])

    def _paint(self, image: Image, hole: Mask, network: LamaNetwork | LamaProgram, working: torch.dtype) -> Image:
        """One picture, composited."""
        if not hole.requires_grad and not bool(hole.any()):
            return image
        where = torch.device(self.device) if self.device is not None else image.device
        visible = torch.where(hole < 1, image, image.nan_to_num(0, 0, 0)).to(where, working)
        filled = self._fill(visible, hole.to(where, working), network).to(image.device, image.dtype)
        # What is known and not finite spoils the paint, not the other known pixels.
        return torch.where((hole > 0) | filled.isfinite(), filled, image)

    def _fill(self, visible: Image, hole: Mask, network: LamaNetwork | LamaProgram) -> Image:
        """The picture at its own size; nothing of what is hidden wholly is in it."""
        size = (int(visible.shape[2]), int(visible.shape[3]))
        scale = min(1.0, self.longest_side / max(size)) if self.longest_side is not None else 1.0
        if scale == 1:
            return self._ask(visible, hole, network)
        small_size = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
        seen, small_hole = resample(visible, hole, small_size)
        small = self._ask(seen / (1 - small_hole).clamp_min(_NOTHING), small_hole, network)
        # Enlarged together with the known pixels around it, so that the hole's edge joins on to them.
        return visible * (1 - hole) + resize(small, size, mode="bicubic") * hole

    def _ask(self, visible: Image, hole: Mask, network: LamaNetwork | LamaProgram) -> Image:
        """The picture filled by the network, at any size."""
        if self.refine_steps and isinstance(network, LamaNetwork):
            hidden = (hole > 0).to(hole.dtype)
            filled = self._refinement(network, visible.where(hole == 0, 0), hidden, self.on_step)
            return visible * (1 - hole) + filled * hole
        height, width = hole.shape[2:]
        wide: Tensor = network(pad_symmetrically(visible, network.grid), pad_symmetrically(hole, network.grid))
        return wide[:, :, :height, :width]

    @property
    def _refinement(self) -> Refinement:
        return Refinement(self.refine_steps, self.refine_rate, self.refine_scales, self.refine_least_side)

    def _network_for(self, image: Tensor) -> LamaNetwork | LamaProgram:
        """The network where and in the precision in which it shall compute."""
        device = torch.device(self.device) if self.device is not None else image.device
        double = image.dtype == torch.float64 and isinstance(self._network, LamaNetwork)
        dtype = torch.float64 if double else torch.float32
        if (device, dtype) == (torch.device("cpu"), torch.float32):
            return self._network
        if (device, dtype) not in self._moved:
            if isinstance(self._network, LamaProgram):
                self._moved[device, dtype] = self._network.to(device)
            else:
                self._moved[device, dtype] = copy.deepcopy(self._network).to(device, dtype)
        return self._moved[device, dtype]


def _check_device(device: str) -> None:
    try:
        torch.device(device)
    except RuntimeError:
        raise ValueError(f"device: expected a device of PyTorch such as cpu or cuda, got {device!r}") from None
