"""Any function that finds the things in a picture, as a segmenter that is asked for everything."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

from iem.checks import check_mask, check_range
from iem.interfaces import Image, Mask, Prompt, Proposal
from iem.segmenters.networks import check_picture


@final
@dataclass(frozen=True)
class RegionsOf:
    """Proposes the masks that a function finds, in its order.

    Args:
        find: ``image -> masks``, of ``[1, 3, h, w]`` and ``[1, 1, h, w]`` in [0, 1]. That of what ``iem.peel`` finds is
            ``lambda image: [region.mask for region in peel(image).regions]``.

    >>> import torch
    >>> halves = RegionsOf(lambda image: [(image[:, :1] > 0.5).float(), (image[:, :1] <= 0.5).float()])
    >>> [proposal.mask.flatten().tolist() for proposal in halves(torch.tensor([0.0, 1.0]).expand(1, 3, 1, 2), [])]
    [[0.0, 1.0], [1.0, 0.0]]
    """

    find: Callable[[Image], Iterable[Mask]]

    answers: ClassVar[tuple[type, ...]] = ()

    def __call__(self, image: Image, prompts: Sequence[Prompt] = ()) -> list[Proposal]:
        """All that the function finds; scores count down from the number of masks to 1.

        Raises:
            TypeError: a picture or a mask that is not a floating-point tensor.
            ValueError: prompts, of which it understands none; tensors of another shape, or with values outside [0, 1].
        """
        check_picture(image)
        if prompts:
            raise ValueError(
                f"prompts: expected none, got {type(prompts[0]).__name__}: RegionsOf finds everything, and does not "
                "choose; for places take iem, for words SegCLIP(RegionsOf(...))"
            )
        masks = list(self.find(image))
        for i, mask in enumerate(masks):
            check_mask(mask, like=image, name=f"masks[{i}]")
            if mask.shape[1] != 1:
                raise ValueError(
                    f"masks[{i}]: expected shape [1, 1, h, w], got {list(mask.shape)}; give them one by one"
                )
            check_range(mask, 0, 1, f"masks[{i}]")
        return [Proposal(mask, float(len(masks) - i)) for i, mask in enumerate(masks)]
