"""A picture as shares of its own few colours."""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_number
from iem.interfaces import FeatureMap, Features, Image

Points = Float[Tensor, "b n c"]


@final
@dataclass(frozen=True)
class Palette:
    """How much of each of ``colours`` entries, found by k-means in the picture itself, there is at every pixel.

    Equation (``mu_k`` the entries, ``x`` the features)::

        w_k(p) = exp(-|mu_k - mu_n(p)|^2 / (2 width^2)) / sum_j exp(-|mu_j - mu_n(p)|^2 / (2 width^2)),

    with ``n(p)`` the entry nearest to ``x_p``: a pixel belongs a little to the entries near its own. The shares are
    averaged over a small window, and ``spread`` of each pixel is given to all entries alike, so that none is ever 0.

    The entries start at the pixels farthest from each other, and nothing is drawn at random: the same picture has the
    same palette.

    Args:
        features: where colours are compared.
        colours: how many entries, 2 to 256.
        width: distance in the features over which two entries are much the same.
        radius: half the side of the window, in pixels; 0 is no averaging.
        spread: the part of each pixel that belongs to all entries alike.
        iterations: of k-means.

    >>> from iem.features import RGB
    >>> image = torch.zeros(1, 3, 8, 8); image[..., 4:] = 1.0
    >>> shares = Palette(RGB(), colours=2, width=0.1, radius=0, spread=0.0)(image)
    >>> shares.shape, bool((shares.max(1).values == 1).all())
    (torch.Size([1, 2, 8, 8]), True)
    """

    features: Features
    colours: int = 32
    width: float = 0.6
    radius: int = 2
    spread: float = 0.002
    iterations: int = 6

    def __post_init__(self) -> None:
        check_number(self.colours, "colours", low=2, high=256, integer=True)
        check_number(self.width, "width", low=1e-6)
        check_number(self.radius, "radius", low=0, integer=True)
        check_number(self.spread, "spread", low=0, high=1)
        check_number(self.iterations, "iterations", low=1, integer=True)

    def __call__(self, image: Image) -> FeatureMap:
        """``[b, colours, h, w]``, at least 0, summing to one at every pixel."""
        features = self.features(image)
        # A quarter of the pixels tell the colours as well as all do.
        few = F.avg_pool2d(features, 2, ceil_mode=True).flatten(2).mT
        entries = k_means(few, self.colours, self.iterations)
        shares = assign(features, entries, self.width)
        if self.radius:
            side = 2 * self.radius + 1
            shares = F.avg_pool2d(shares, side, stride=1, padding=self.radius, count_include_pad=False)
        return shares * (1 - self.spread) + self.spread / self.colours


def assign(features: FeatureMap, entries: Float[Tensor, "b k c"], width: float) -> Float[Tensor, "b k h w"]:
    """How much of each entry there is at every pixel, see ``Palette``: before any averaging, and without a spread.

    >>> assign(torch.tensor([[[[0.1, 0.9]]]]), torch.tensor([[[0.0], [1.0]]]), width=0.01)[0, :, 0]
    tensor([[1., 0.],
            [0., 1.]])
    """
    nearest = torch.cdist(features.flatten(2).mT, entries).argmin(2)
    kinship = torch.softmax(torch.cdist(entries, entries).square() / (-2 * width**2), dim=2)
    shares = kinship.gather(1, nearest[..., None].expand(-1, -1, entries.shape[1]))
    return shares.mT.reshape(len(features), entries.shape[1], *features.shape[-2:])


def k_means(points: Points, count: int, iterations: int) -> Float[Tensor, "b k c"]:
    """Centres of ``count`` clusters: Lloyd's iterations from points that are far from each other.

    The first is the farthest from the mean, each further one the farthest from all before. An empty cluster keeps its
    centre.

    >>> k_means(torch.tensor([[[0.0], [0.2], [10.0], [10.4]]]), count=2, iterations=3).flatten()
    tensor([10.2000,  0.1000])
    """
    row = torch.arange(len(points), device=points.device)
    distance = (points - points.mean(1, keepdim=True)).square().sum(2)
    chosen = []
    for _ in range(count):
        chosen.append(points[row, distance.argmax(1)])
        new = (points - chosen[-1][:, None]).square().sum(2)
        distance = new if len(chosen) == 1 else torch.minimum(distance, new)
    centres = torch.stack(chosen, dim=1)
    for _ in range(iterations):
        member = F.one_hot(torch.cdist(points, centres).argmin(2), count).to(points.dtype)
        size = member.sum(1)[..., None]
        centres = torch.where(size > 0, member.mT @ points / size.clamp_min(1), centres)
    return centres
