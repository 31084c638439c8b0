"""Several features side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch

from iem.interfaces import FeatureMap, Features, Image


@final
@dataclass(frozen=True)
class Stack:
    """All channels of all ``parts``, in their order.

    >>> from iem.features import RGB, Lab
    >>> Stack((RGB(), Lab()))(torch.zeros(1, 3, 4, 4)).shape
    torch.Size([1, 6, 4, 4])
    """

    parts: Sequence[Features]

    def __post_init__(self) -> None:
        if not self.parts:
            raise ValueError("parts: expected at least one kind of features, got none")

    def __call__(self, image: Image) -> FeatureMap:
        """``[b, sum of channels, h, w]``."""
        return torch.cat([part(image) for part in self.parts], dim=1)
