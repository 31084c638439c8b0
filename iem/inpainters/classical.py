"""Painters that others wrote long ago, and the two plainest fills: what a new painter has to beat.

All but ``Mean`` paint pixel by pixel what is hidden at all, and blend where the hole is soft::

    result = (1 - hole) image + hole paint

So nothing of a pixel with a hole above 0.001 is in the paint. Where every pixel is hidden more than that, those hidden
least are the source; where all are hidden wholly, there is none, and the paint is zero.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from iem.checks import check_mask, check_number
from iem.interfaces import FeatureMap, Mask

_Floats = NDArray[np.floating[Any]]
_Painter = Callable[[_Floats, NDArray[np.bool_]], _Floats]  # ([h, w, c], hidden [h, w]) -> [h, w, c]

_HIDDEN = 1e-3  # a smooth edge's last thousandth still is a source
_UNITS = 1e6


@final
@dataclass(frozen=True)
class Mean:
    """One colour: the mean of all known pixels, each weighted by 1 - hole.

    >>> image = torch.zeros(1, 3, 1, 4); image[..., 2:] = 1.0
    >>> Mean()(image, torch.tensor([0.0, 1.0, 0.0, 0.0])[None, None, None])[0, 0, 0]
    tensor([0.0000, 0.6667, 1.0000, 1.0000])
    """

    differentiable: ClassVar[bool] = True

    def __call__(self, image: FeatureMap, hole: Mask) -> FeatureMap:
        """Paint any features ``[b, c, h, w]``; a full hole is painted with zeros."""
        check_mask(hole, like=image, name="hole")
        known = 1 - hole
        finite = torch.where(hole < 1, image, image.nan_to_num(0, 0, 0))  # what counts for nothing may be anything
        total = known.sum((-2, -1), keepdim=True).clamp_min(torch.finfo(image.dtype).tiny)
        paint = (finite * known).sum((-2, -1), keepdim=True) / total
        blended = finite * known + paint * hole
        return torch.where((hole > 0) | paint.isfinite(), blended, image)


@final
@dataclass(frozen=True)
class Nearest:
    """Every hidden pixel takes the colour of the known pixel nearest to it (Euclidean; SciPy's distance transform).

    >>> image = torch.arange(5.0).expand(1, 3, 1, 5)
    >>> Nearest()(image, torch.tensor([0.0, 1.0, 1.0, 1.0, 0.0])[None, None, None])[0, 0, 0, [1, 3]]
    tensor([0., 4.])
    """

    differentiable: ClassVar[bool] = False

    def __call__(self, image: FeatureMap, hole: Mask) -> FeatureMap:
        """Paint any features ``[b, c, h, w]``; a full hole is painted with zeros."""
        return _paint_each(image, hole, _nearest)


@final
@dataclass(frozen=True)
class Biharmonic:
    """Continues colours and their slopes into the hole: the biharmonic equation (scikit-image).

    It solves one equation per hidden pixel, directly: 0.03 s for a hole of 64 x 64 pixels, 0.2 s for 128 x 128 and 1 s
    for 256 x 256, and memory grows faster than the hole. ``Harmonic`` is the one for large holes, for gradients and for
    an accelerator.

    Chui and Mhaskar, *MRA contextual-recovery extension of smooth functions on manifolds*, Applied and Computational
    Harmonic Analysis 28 (2010); scikit-image's ``inpaint_biharmonic``, which keeps the paint between the least and the
    largest of all known values.

    >>> image = torch.linspace(0, 1, 9).expand(1, 3, 9, 9).contiguous()
    >>> hole = torch.zeros(1, 1, 9, 9); hole[..., 3:6, 3:6] = 1.0
    >>> bool((Biharmonic()(image, hole) - image).abs().max() < 1e-5)  # a slope is continued
    True
    """

    differentiable: ClassVar[bool] = False

    def __call__(self, image: FeatureMap, hole: Mask) -> FeatureMap:
        """Paint any features ``[b, c, h, w]``; a full hole is painted with zeros."""
        return _paint_each(image, hole, _biharmonic)


@final
@dataclass(frozen=True)
class Telea:
    """Carries colours inwards along the fast marching front (OpenCV, in 32-bit floats). Needs the extra ``opencv``.

    OpenCV on 8-bit pictures adds noise of one or two grey levels; here there is none.

    Telea, *An image inpainting technique based on the fast marching method*, Journal of Graphics Tools 9 (2004).

    Args:
        radius: of the known neighbourhood that a hidden pixel is the weighted mean of, in pixels, at least 1.

    Raises:
        ImportError: OpenCV is not installed.

    >>> hole = torch.zeros(1, 1, 9, 9); hole[..., 3:6, 3:6] = 1.0
    >>> bool((Telea()(torch.full((1, 3, 9, 9), 0.25), hole) - 0.25).abs().max() < 1e-5)
    True
    """

    radius: float = 3.0

    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self.radius, "radius", low=1.0, high=100.0)

    def __call__(self, image: FeatureMap, hole: Mask) -> FeatureMap:
        """Paint any features ``[b, c, h, w]``; a full hole is painted with zeros."""
        opencv = _opencv("Telea")
        return _paint_each(image, hole, _by_opencv(opencv, self.radius, opencv.INPAINT_TELEA))


@final
@dataclass(frozen=True)
class NavierStokes:
    """Continues lines of equal colour like streamlines (OpenCV, in 32-bit floats). Needs the extra ``opencv``.

    Bertalmio, Bertozzi and Sapiro, *Navier-Stokes, fluid dynamics, and image and video inpainting*, CVPR 2001.

    Args:
        radius: of the known neighbourhood that a hidden pixel is made from, in pixels, at least 1.

    Raises:
        ImportError: OpenCV is not installed.

    >>> hole = torch.zeros(1, 1, 9, 9); hole[..., 3:6, 3:6] = 1.0
    >>> bool((NavierStokes()(torch.full((1, 3, 9, 9), 0.25), hole) - 0.25).abs().max() < 1e-5)
    True
    """

    radius: float = 3.0

    differentiable: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self.radius, "radius", low=1.0, high=100.0)

    def __call__(self, image: FeatureMap, hole: Mask) -> FeatureMap:
        """Paint any features ``[b, c, h, w]``; a full hole is painted with zeros."""
        opencv = _opencv("NavierStokes")
        return _paint_each(image, hole, _by_opencv(opencv, self.radius, opencv.INPAINT_NS))


@torch.no_grad()
def _paint_each(image: Tensor, hole: Tensor, paint: _Painter) -> Tensor:
    """Each picture by itself, in double precision."""
    check_mask(hole, like=image, name="hole")
    result = image.clone()
    for i in range(len(image)):
        least = hole[i, 0].min().item() if hole[i].numel() else 0.0
        hidden = hole[i, 0] > max(_HIDDEN, least if least < 1 else 0)
        if not hidden.any():
            painted = image[i]
        elif hidden.all():
            painted = torch.zeros_like(image[i])
        else:
            visible = torch.where(hidden, 0, image[i]).permute(1, 2, 0).double().cpu().numpy()
            painted = torch.from_numpy(paint(visible, hidden.cpu().numpy())).permute(2, 0, 1).to(image)
        known = torch.where(hole[i] < 1, image[i], 0) * (1 - hole[i])
        result[i] = torch.where(hole[i] > 0, known + painted * hole[i], image[i])
    return result


def _nearest(image: _Floats, hidden: NDArray[np.bool_]) -> _Floats:
    from scipy.ndimage import distance_transform_edt  # half a second, for those who need it

    rows, columns = distance_transform_edt(hidden, return_distances=False, return_indices=True)
    nearest: _Floats = image[rows, columns]
    return nearest


def _biharmonic(image: _Floats, hidden: NDArray[np.bool_]) -> _Floats:
    from skimage.restoration import inpaint_biharmonic

    painted: _Floats = inpaint_biharmonic(image, hidden, channel_axis=-1)
    return painted


def _by_opencv(opencv: Any, radius: float, method: int) -> _Painter:
    def paint(image: _Floats, hidden: NDArray[np.bool_]) -> _Floats:
        height, width = hidden.shape
        # Of a picture one pixel wide or high it reads memory that is not the picture's.
        more = ((0, max(0, 3 - height)), (0, max(0, 3 - width)))
        image, hidden = np.pad(image, (*more, (0, 0)), mode="edge"), np.pad(hidden, more, mode="edge")
        # Channel by channel it takes floats, which spares the rounding to 8 bits; but its Telea is off by up to one and
        # a half units whatever their size, so they are made small.
        largest = np.abs(image).max(initial=0)
        scale = _UNITS / largest if 0 < largest < np.inf else 1
        channels = [np.ascontiguousarray(channel, dtype=np.float32) for channel in np.moveaxis(scale * image, -1, 0)]
        painted = [opencv.inpaint(channel, hidden.astype(np.uint8), radius, method) for channel in channels]
        return np.stack(painted, axis=-1)[:height, :width] / scale if painted else image[:height, :width]

    return paint


def _opencv(who: str) -> Any:
    try:
        import cv2
    except ImportError as error:
        raise ImportError(f'{who} needs OpenCV, which is not installed; pip install "iem[opencv]"') from error
    return cv2
