"""Coarse features at the picture's size."""

from dataclasses import dataclass
from typing import final

import torch.nn.functional as F  # noqa: N812 (its usual name)

from iem.interfaces import FeatureMap, Features, Image


@final
@dataclass(frozen=True)
class Upsampled:
    """Features brought to the picture's size, bilinearly between the centres of what each of them describes.

    Objectives compare features with masks pixel by pixel; networks describe patches.

    Args:
        features: of any size; those of the picture's size stay as they are, finer ones are averaged over each pixel.

    >>> import torch
    >>> halves = lambda image: F.avg_pool2d(image, 2)
    >>> Upsampled(halves)(torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(1, 3, 2, 4))[0, 0]
    tensor([[0.0000, 0.2500, 0.7500, 1.0000],
            [0.0000, 0.2500, 0.7500, 1.0000]])
    """

    features: Features

    def __call__(self, image: Image) -> FeatureMap:
        """``[b, c, h, w]``."""
        features = self.features(image)
        size = (image.shape[2], image.shape[3])
        fewest = (min(features.shape[2], size[0]), min(features.shape[3], size[1]))
        if features.shape[2:] != fewest:
            features = F.adaptive_avg_pool2d(features, fewest)
        if features.shape[2:] != size:
            features = F.interpolate(features, size=size, mode="bilinear")
        return features
