"""The contrast between a picture and what painters make of it: PaintSeg's signal, and a score made of it."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from iem.checks import check_mask
from iem.interfaces import Features, Image, Inpainter, Mask, Objective, Regions, Scores
from iem.objectives import autograd


def contrast(image: Image, hole: Mask, painter: Inpainter, features: Features | None = None) -> Mask:
    """How far each pixel's features are from what they were, once the hole is painted.

    Equation (Li et al., *PaintSeg: training-free segmentation via painting*, NeurIPS 2023, arXiv 2305.19406)::

        d(p) = |F(paint(x, h))(p) - F(x)(p)|^2,     squared differences, summed over the channels of F

    Args:
        image: ``[b, 3, h, w]`` in [0, 1].
        hole: ``[b, 1, h, w]`` in [0, 1], 1 = to be painted.
        painter: fills the hole.
        features: a fixed map of the picture; the picture itself by default. See ``Contrast``.

    Returns:
        ``[b, 1, h, w]``, at least 0; features of a coarser grid are enlarged to the nearest.

    >>> from iem.inpainters import Mean
    >>> image, hole = torch.zeros(1, 3, 1, 4), torch.zeros(1, 1, 1, 4)
    >>> image[..., 1], hole[..., 1:3] = 1.0, 1.0
    >>> contrast(image, hole, Mean())[0, 0, 0]
    tensor([0., 3., 0., 0.])
    """
    return _distance(painter(image, hole), _features(image, features), features)


@final
@dataclass(frozen=True)
class Contrast:
    """How much the object differs from what is painted in its place, and the background from what is painted in its.

    Equation, with d_I and d_O the contrasts of the two painters, the mask M and its complement as their holes::

        J(M) = 1 / |M| sum_p M(p) d_I(p)  +  1 / |1 - M| sum_p (1 - M(p)) d_O(p)

    Both moves of PaintSeg raise it on the whole: dropping from M what its painter reproduces raises the first mean,
    and dropping from 1 - M what its painter reproduces raises the second. ``iem.optimisers.AlternatingPainting`` makes
    these moves. With painters and features that are differentiable, ``GradientAscent`` climbs the score itself. It is
    the inpainting error of IEM in another distance, so with one painter it is defined for k regions, too.

    At a hard mask the derivative sees only what belongs to a side already: a pixel that is not hidden has no contrast
    yet. Give soft masks to optimisers that follow gradients.

    A picture with an empty region has no partition: its score is 0 and its gradient 0.

    Args:
        inside: paints the foreground away (PaintSeg: latent diffusion's ``inpainting_big``).
        outside: paints the background away (PaintSeg: Stable Diffusion's inpainting); None: ``inside`` does.
        features: what to compare, a fixed map of the picture such as ``Lab``, or ``DINO`` with the facet "token" as
            published; None: the picture itself. Features that fit themselves to each picture (``Whitening``,
            ``Palette``, ``Principal``) would measure the painted picture with another scale than the original.

    >>> from iem.inpainters import Mean
    >>> image = torch.zeros(1, 3, 8, 8); image[..., 2:5, 2:5] = 1.0
    >>> Contrast(Mean())(image, image[:, :1])  # white on black, each side painted in the other's colour
    tensor([6.])
    """

    inside: Inpainter
    outside: Inpainter | None = None
    features: Features | None = None

    def prepare(self, image: Image) -> Objective:
        """The same objective, with the features of the pictures computed once."""
        return _PreparedContrast(self, image, _features(image, self.features))

    def __call__(self, image: Image, mask: Regions) -> Scores:
        """``[b]``, at least 0."""
        return self.prepare(image)(image, mask)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        """The score and its derivative with respect to every entry of ``mask``, by autograd.

        Raises:
            ValueError: a painter that gradients do not flow through.
        """
        return self.prepare(image).value_and_gradient(image, mask)

    def painter(self, *, inside: bool) -> Inpainter:
        """Which paints the foreground away (``inside``), or the background."""
        return self.inside if inside or self.outside is None else self.outside

    def distance(self, painted: Image, image: Image) -> Mask:
        """The contrast of a painting that is there already, or of two crops of equal size."""
        return _distance(painted, _features(image, self.features), self.features)


@dataclass(frozen=True)
class _PreparedContrast:
    contrast: Contrast
    image: Image
    features: Tensor  #: of ``image``; their grid may be coarser

    def prepare(self, image: Image) -> Objective:
        return self

    def painter(self, *, inside: bool) -> Inpainter:
        return self.contrast.painter(inside=inside)

    def distance(self, painted: Image, image: Image) -> Mask:
        return self.contrast.distance(painted, image)

    def __call__(self, image: Image, mask: Regions) -> Scores:
        return self._score(mask)

    def value_and_gradient(self, image: Image, mask: Regions) -> tuple[Scores, Regions]:
        for name in ("inside", "outside"):
            painter = getattr(self.contrast, name)
            if painter is not None and not painter.differentiable:
                raise ValueError(
                    f"{name}: expected one that gradients flow through, got {type(painter).__name__}; "
                    "use it to score masks, and another one to move them"
                )
        return autograd.value_and_gradient(lambda _, free: self._score(free), self.image, mask)

    def _score(self, mask: Regions) -> Scores:
        check_mask(mask, like=self.image)
        if mask.shape[1] > 1 and self.contrast.outside is not None:
            raise ValueError(
                f"mask: expected one channel, got {mask.shape[1]}; leave outside out to have one painter for k regions"
            )
        regions = mask if mask.shape[1] > 1 else torch.cat([mask, 1 - mask], dim=1)
        area = regions.sum((-2, -1))
        # What an empty region's painter says is no part of the score, nor of its derivative.
        valid = (area > 0).all(1)[:, None, None, None]
        means = []
        for k, hole in enumerate(regions.split(1, dim=1)):
            painted = self.contrast.painter(inside=k == 0)(self.image, hole)
            difference = _distance(painted, self.features, self.contrast.features)
            weighted = torch.where(valid, hole * difference, 0).sum((1, 2, 3))
            means.append(weighted / torch.where(area[:, k] > 0, area[:, k], 1))
        return torch.stack(means, dim=1).sum(1)


def _features(image: Tensor, features: Features | None) -> Tensor:
    return image if features is None else features(image)


def _distance(painted: Tensor, original: Tensor, features: Features | None) -> Tensor:
    difference = (_features(painted, features) - original).square().sum(1, keepdim=True)
    size = (int(painted.shape[2]), int(painted.shape[3]))
    if tuple(difference.shape[2:]) != size:
        difference = functional.interpolate(difference, size=size, mode="nearest-exact")
    return difference
