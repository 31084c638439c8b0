"""The region that depends least on the rest."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import final

import torch

from iem import presets
from iem.checks import check_image, check_mask, check_number
from iem.features.palette import k_means
from iem.finders.appearance import Appearance
from iem.finders.contrast import boundary_information
from iem.finders.views import alone, facing_inwards, opened
from iem.images import resize, short_side
from iem.interfaces import FeatureMap, Finder, Image, Mask
from iem.presets import Preset
from iem.refiners import GuidedFilter
from iem.segmentation import segment


@final
@dataclass(frozen=True)
class IEM:
    """The object that a preset finds in a picture, and inside a region, the part with the clearest boundary.

    In a whole picture the proposal is ``segment``'s mask. Inside a region there is no centre to start from: there, the
    candidates are the clusters of its colours and textures (k-means of ``Appearance``), each against the others, for
    each number of clusters, without what is thin; the one with the largest ``boundary_information`` is proposed, with
    the polarity of ``facing_inwards``.

    Args:
        preset: "best", "paper", or a ``Preset``: how to search a whole picture.
        size: short side at which to search, in pixels, at least 8; nothing is enlarged.
        clusters: numbers of clusters, each at least 2.
        least: boundary information, in nats, below which no part is proposed: the best of many is good by chance.
        min_area: least share of the picture on either side of a cut.
        thickness: a part is nowhere thinner than twice this and one, in pixels of the reduced picture.

    >>> image = torch.full((1, 3, 96, 96), 0.3); image[:, 0, 8:72, 8:72] = 0.9; image[:, 2, 24:54, 20:50] = 0.9
    >>> within = (image[:, :1] > 0.5).float()
    >>> part = IEM()(image, within) > 0.5  # but for its corners, the square of 900 pixels in the other
    >>> 850 < part.sum(), bool((image[:, 2:] > 0.5)[part].all())
    (tensor(True), True)
    """

    preset: str | Preset = "best"
    size: int = 128
    clusters: Sequence[int] = (2, 3, 4)
    least: float = 0.2
    min_area: float = 0.01
    thickness: int = 3

    def __post_init__(self) -> None:
        if isinstance(self.preset, str):
            presets.get(self.preset)
        check_number(self.size, "size", low=8, integer=True)
        for count in self.clusters:
            check_number(count, "clusters", low=2, integer=True)
        check_number(self.least, "least", low=0)
        check_number(self.min_area, "min_area", low=0, high=1)
        check_number(self.thickness, "thickness", low=0, integer=True)

    def prepare(self, image: Image) -> Finder:
        """The same finder, for this picture alone, with the picture's appearance computed once."""
        check_image(image)
        reduced = short_side(image, self.size, enlarge=False)
        return _InPicture(self, reduced, Appearance.of(reduced))

    def __call__(self, image: Image, within: Mask) -> Mask:
        """``[1, 1, h, w]`` in [0, 1], 0 outside ``within``; empty if no part of it is large and thick enough."""
        return self.prepare(image)(image, within)


@dataclass(frozen=True)
class _InPicture:
    """``IEM`` for one picture."""

    settings: IEM
    reduced: Image
    appearance: Appearance

    def __call__(self, image: Image, within: Mask) -> Mask:
        check_mask(within, like=image, name="within")
        if bool((within > 0.5).all()):
            return segment(image, self.settings.preset, size=self.settings.size).mask
        size = (self.reduced.shape[-2], self.reduced.shape[-1])
        where = (resize(within, size) >= 0.5).to(image.dtype)
        features = self.appearance.describe(alone(self.reduced, where))
        shares = self.appearance.shares(features)
        part = self._clearest(_clusters(features, where, self.settings.clusters), shares, where)
        if float(part.sum()) == 0:
            return torch.zeros_like(within)
        return GuidedFilter(radius=4, epsilon=1e-3, contrast=6.0)(image, facing_inwards(part, where)) * within

    def _clearest(self, candidates: Iterable[Mask], shares: FeatureMap, where: Mask) -> Mask:
        best, clearest = self.settings.least, torch.zeros_like(where)
        smallest = self.settings.min_area * where.numel()
        for candidate in candidates:
            for side in (candidate, where - candidate):
                part = opened(side, self.settings.thickness) * where
                area = float(part.sum())
                if min(area, float(where.sum()) - area) >= smallest:
                    score = boundary_information(shares, part, where - part)
                    if score > best:
                        best, clearest = score, part
        return clearest


def _clusters(features: FeatureMap, where: Mask, counts: Sequence[int]) -> Iterator[Mask]:
    """Each cluster of the region's pixels, for each number of clusters."""
    inside = where.flatten() > 0
    points = features.flatten(2).mT[:, inside]
    for count in counts:
        if points.shape[1] < count:
            return
        member = torch.cdist(points, k_means(points, count, 12)).argmin(2)[0]
        for cluster in range(count if count > 2 else 1):  # of two, each is the other's rest
            mask = torch.zeros_like(where).flatten()
            mask[inside] = (member == cluster).to(mask.dtype)
            yield mask.view_as(where)
