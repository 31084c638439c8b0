"""Features whose distances saturate."""

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from iem.checks import check_number
from iem.interfaces import FeatureMap, Features, Image


@final
@dataclass(frozen=True)
class Fourier:
    """Random Fourier features of other features: what differs clearly differs no less than what differs wildly.

    Equation (Rahimi and Recht, "Random features for large-scale kernel machines", NeurIPS 2007; as many frequencies as
    there are channels are orthogonal, after Yu et al., "Orthogonal random features", NeurIPS 2016)::

        y = sqrt(1 / n) (cos w_1.x, ..., cos w_n.x, sin w_1.x, ..., sin w_n.x),      w_i ~ N(0, 1 / width^2)
        |y(p) - y(q)|^2  =  2 - 2 exp(-|x(p) - x(q)|^2 / (2 width^2)),     nearly

    It is a fixed map: the same colour has the same features in every picture, as a comparison of two pictures needs.
    Its mean over a window describes the distribution of what is there.

    Args:
        features: of which.
        width: distance, in their units, beyond which it hardly matters how far apart two of them are.
        frequencies: n; the map has twice as many channels.
        seed: of the frequencies.

    >>> from iem.features import RGB
    >>> image = torch.tensor([0.0, 0.0, 0.5, 1.0]).expand(1, 3, 1, 4)
    >>> y = Fourier(RGB(), width=0.2)(image)[0, :, 0]
    >>> [round(far, 1) for far in (y[:, :1] - y).square().sum(0).tolist()]
    [0.0, 0.0, 2.4, 2.0]
    """

    features: Features
    width: float = 0.3
    frequencies: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        check_number(self.width, "width", low=1e-4)
        check_number(self.frequencies, "frequencies", low=1, high=4096, integer=True)
        check_number(self.seed, "seed", low=0, integer=True)

    def __call__(self, image: Image) -> FeatureMap:
        """``[b, 2 n, h, w]``; each pixel's features have length 1."""
        features = self.features(image)
        waves = self._frequencies(features.shape[1]).to(features) @ features.flatten(2)
        mapped = torch.cat([waves.cos(), waves.sin()], dim=1) / math.sqrt(self.frequencies)
        located: FeatureMap = mapped.unflatten(2, features.shape[2:])
        return located

    def _frequencies(self, channels: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        blocks = math.ceil(self.frequencies / channels)
        drawn = torch.randn(blocks, channels, channels, generator=generator, dtype=torch.float64)
        lengths = torch.randn(blocks, channels, channels, generator=generator, dtype=torch.float64).norm(dim=2)
        directions = torch.linalg.qr(drawn).Q
        found: Tensor = (directions * lengths[..., None]).flatten(0, 1)[: self.frequencies] / self.width
        return found
