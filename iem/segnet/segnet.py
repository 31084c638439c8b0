"""The trained network as a part of a preset: a picture in, a mask out."""

import math
from dataclasses import KW_ONLY, InitVar, dataclass, field
from pathlib import Path
from typing import final

import torch
from torch.func import functional_call

from iem.checks import check_image, check_number
from iem.images import resize, short_side
from iem.interfaces import Image, Mask
from iem.segnet.checkpoint import Checkpoint, CheckpointError, load_checkpoint


@final
@dataclass(frozen=True)
class SegNet:
    """An initialiser that asks a network which was trained on the masks that IEM made of other pictures.

    The picture is brought to the size that the network was trained at, and the mask back to the picture's size. Used
    with ``optimiser=None`` the network's mask is the answer (Savarese et al., CVPR 2021, "IEM + SegNet"); with an
    optimiser, the search starts from it.

    Two of them are equal if their networks are, wherever the files lie: settings and fingerprints name the file's
    checksum, not its path.

    Args:
        checkpoint: the ``.safetensors`` file; its card lies beside it.
        sha256: refuse a file with another checksum; filled in.
        mirror: average the masks of the picture and of its mirror image.
        threshold: what the network must say, from 0 to 1, for a pixel to be foreground; the mask is shifted so that
            it is 1/2 there. None takes the checkpoint's own.

    Raises:
        CheckpointError: the checkpoint cannot be used.
    """

    checkpoint: InitVar[Path | str]
    _: KW_ONLY
    sha256: str | None = None
    mirror: bool = True
    threshold: float | None = None
    _loaded: Checkpoint = field(init=False, repr=False, compare=False)

    def __post_init__(self, checkpoint: Path | str) -> None:
        if self.threshold is not None:
            check_number(self.threshold, "threshold", low=0.01, high=0.99)
        loaded = load_checkpoint(checkpoint)
        if self.sha256 not in (None, loaded.sha256):
            raise CheckpointError(
                f"{checkpoint}: expected the sha256 {self.sha256}, got {loaded.sha256}; it has changed"
            )
        object.__setattr__(self, "sha256", loaded.sha256)
        object.__setattr__(self, "_loaded", loaded)

    @property
    def size(self) -> int:
        """Short side of the pictures that the network was trained on, in pixels."""
        return self._loaded.size

    def __call__(self, image: Image) -> Mask:
        """``[b, 1, h, w]`` in [0, 1], on the picture's device; some pixels are above 1/2 and some are not."""
        check_image(image)
        small = short_side(image.float(), self.size)
        weights = {name: value.to(image.device) for name, value in self._loaded.network.state_dict().items()}
        with torch.no_grad():
            logits = functional_call(self._loaded.network, weights, (small,))
            if self.mirror:
                logits = (logits + functional_call(self._loaded.network, weights, (small.flip(3),)).flip(3)) / 2
        threshold = self._loaded.threshold if self.threshold is None else self.threshold
        mask = (logits - math.log(threshold / (1 - threshold))).sigmoid()
        return _neither_empty_nor_full(resize(mask, (image.shape[2], image.shape[3])).to(image.dtype))


def _neither_empty_nor_full(mask: Mask) -> Mask:
    """Where the network sees no object, or nothing else, its likeliest pixels are the object all the same."""
    low, high = mask.flatten(1).amin(1), mask.flatten(1).amax(1)
    one_sided = (high <= 0.5) | (low > 0.5)
    middle = torch.where(one_sided, (low + high) / 2, 0.5)[:, None, None, None]
    return (mask + 0.5 - middle).clamp(0, 1)
