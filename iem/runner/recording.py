"""The masks of a search, kept for its curves and its film."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from iem.images import resize_mask
from iem.interfaces import Image, Mask, Progress
from iem.metrics.confusion import Confusion, IgnoreRule
from iem.runner.means import POLARITIES
from iem.visualise import overlay

_FRAMES = 48
_AT_ONCE = 32  # masks of one picture, when they are counted
_LONGEST_SIDE = 384  # pixels, of a film's frames


class Recording:
    """A callback for ``maximise`` that keeps every mask it is shown, in 8 bits.

    >>> recording = Recording()
    >>> one = torch.ones(1, 1, 2, 2)
    >>> recording(Progress(1, 1, one, torch.zeros(1), torch.zeros(1, dtype=torch.long)))
    >>> recording.traces(one, one * 0, "exclude")["iou_fixed"]
    tensor([[1.]], dtype=torch.float64)
    """

    def __init__(self) -> None:
        self._masks: list[Tensor] = []

    def __call__(self, progress: Progress) -> None:
        """Keep the mask of one step."""
        self._masks.append((progress.mask * 255).round().byte().cpu())

    def traces(self, truth: Mask, ignore: Mask, ignore_rule: IgnoreRule) -> dict[str, Float[Tensor, "t b"]]:
        """IoU and Dice after each step, under both polarities, at the size of the search."""
        if not self._masks:
            return {}
        shape = (self._masks[0].shape[-2], self._masks[0].shape[-1])
        small, hidden = resize_mask(truth, shape) > 0.5, resize_mask(ignore, shape) > 0.5
        true = small & ~hidden
        counted = ~hidden if ignore_rule == "exclude" else torch.ones_like(hidden)
        # Hits and size of every mask as one product: counting step by step would take a tenth of the whole search.
        # Whole numbers below 2^24 are exact in float32, in any order.
        looked_at = torch.stack([true, counted], dim=-1).flatten(1, 3).float()
        counts = [
            torch.stack(
                [
                    torch.stack(self._masks[k : k + _AT_ONCE])[:, i].flatten(1).gt(127).float() @ looked_at[i]
                    for i in range(len(true))
                ],
                dim=1,
            )
            for k in range(0, len(self._masks), _AT_ONCE)
        ]
        hits, size = torch.cat(counts).long().unbind(2)
        positive, pixels = true.flatten(1).sum(1), counted.flatten(1).sum(1)
        kinds = Confusion(hits, size - hits, positive - hits, pixels - positive - size + hits)
        return {
            f"{metric}_{polarity}": getattr(kinds, metric)(polarity)
            for metric in ("iou", "dice")
            for polarity in POLARITIES
        }

    def frames(self, image: Image, index: int, steps: int, final: Mask) -> list[Image]:
        """Overlays of the mask of picture ``index`` during its first ``steps`` steps, few enough for a film.

        The last frame is that of ``final``, the mask of the picture's own size. Without a step there is no other.
        """
        shrink = min(1.0, _LONGEST_SIDE / max(image.shape[-2:]))
        size = (max(1, round(image.shape[-2] * shrink)), max(1, round(image.shape[-1] * shrink)))
        photo = functional.interpolate(image, size=size, mode="bilinear", antialias=True).clamp(0, 1)
        chosen = sorted({*range(0, steps, max(1, steps // _FRAMES)), steps - 1}) if steps else []
        masks = [self._masks[step][index : index + 1] / 255 for step in chosen]
        return [overlay(photo, functional.interpolate(mask, size=size, mode="bilinear")) for mask in [*masks, final]]
