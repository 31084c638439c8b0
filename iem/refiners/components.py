"""Pieces of a mask: the largest one, or all but the crumbs."""

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from iem.checks import check_image, check_mask, check_number
from iem.images import resize_mask
from iem.interfaces import Image, Mask

Connectivity = Literal[4, 8]
_Flags = NDArray[np.bool_]


@final
@dataclass(frozen=True)
class LargestComponent:
    """The largest connected piece of each mask; of several as large, the first in reading order.

    The pieces are those of the pixels above one half. A soft mask keeps its values: the fringe, at or below one half,
    goes with the piece that is nearest to it. A mask that nowhere exceeds one half stays as it is.

    A mask of another size than the picture is brought to it by nearest neighbour.

    Args:
        connectivity: 4, or 8 where corners connect, too.

    >>> mask = torch.tensor([[1.0, 0, 0, 0.2, 0.9, 0.8]])[None, None]
    >>> LargestComponent()(torch.zeros(1, 3, 1, 6), mask)
    tensor([[[[0.0000, 0.0000, 0.0000, 0.2000, 0.9000, 0.8000]]]])
    """

    connectivity: Connectivity = 4

    def __post_init__(self) -> None:
        _check_connectivity(self.connectivity)

    def __call__(self, image: Image, mask: Float[Tensor, "b 1 mask_h mask_w"]) -> Mask:
        """``[b, 1, h, w]``, of the image's size; never more than the mask."""
        given = _at_size(image, mask)
        kept = [_keep(one, largest(_core(one), self.connectivity)) for one in given[:, 0]]
        return torch.stack(kept)[:, None] if kept else given


@final
@dataclass(frozen=True)
class Cleaned:
    """Each mask without small pieces and small holes. Its largest piece stays, however small.

    Pieces and holes are those of the pixels above one half; a hole is background that does not reach the picture's
    frame. A soft mask keeps its values elsewhere: the fringe of a piece goes with it, a filled hole becomes 1.

    A mask of another size than the picture is brought to it by nearest neighbour.

    Args:
        min_area: of a piece and of a hole that stay, as a share of the picture.
        connectivity: of the pieces: 4, or 8 where corners connect, too. Holes have the other.

    >>> mask = torch.tensor([[1.0, 0, 0, 0, 0], [0, 0, 1, 1, 1], [0, 0, 1, 0, 1], [0, 0, 1, 1, 1]])[None, None]
    >>> Cleaned(min_area=0.1)(torch.zeros(1, 3, 4, 5), mask)[0, 0].int().tolist()
    [[0, 0, 0, 0, 0], [0, 0, 1, 1, 1], [0, 0, 1, 1, 1], [0, 0, 1, 1, 1]]
    """

    min_area: float = 0.002
    connectivity: Connectivity = 4

    def __post_init__(self) -> None:
        check_number(self.min_area, "min_area", low=0, high=1)
        _check_connectivity(self.connectivity)

    def __call__(self, image: Image, mask: Float[Tensor, "b 1 mask_h mask_w"]) -> Mask:
        """``[b, 1, h, w]``, of the image's size."""
        given = _at_size(image, mask)
        cleaned = [self._clean(one) for one in given[:, 0]]
        return torch.stack(cleaned)[:, None] if cleaned else given

    def _clean(self, mask: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
        core = _core(mask)
        pieces, areas = _pieces(core, self.connectivity)
        stays = areas >= self.min_area * core.size
        stays[1:] |= areas[1:] == areas[1:].max(initial=0)
        stays[0] = False
        kept = stays[pieces]
        gaps, gap_areas = _pieces(~kept, 12 - self.connectivity)
        small = gap_areas < self.min_area * core.size
        small[0] = False
        for side in (gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]):
            small[side] = False
        holes = torch.from_numpy(small[gaps]).to(mask.device) if core.any() else False
        return torch.where(torch.as_tensor(holes, device=mask.device), 1, _keep(mask, kept))


def largest(mask: _Flags, connectivity: int = 4) -> _Flags:
    """The largest piece of a hard mask, the first in reading order of several; empty if the mask is.

    >>> largest(np.array([[True, False, True, True]]))
    array([[False, False,  True,  True]])
    """
    pieces, areas = _pieces(mask, connectivity)
    areas[0] = 0
    kept: _Flags = mask & (pieces == areas.argmax())
    return kept


def _pieces(mask: _Flags, connectivity: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The number of each pixel's piece, 0 outside the mask, and the pixels of each number."""
    pieces, count = ndimage.label(mask, structure=ndimage.generate_binary_structure(2, connectivity // 4))
    return pieces, np.bincount(pieces.ravel(), minlength=count + 1)


def _core(mask: Float[Tensor, "h w"]) -> _Flags:
    core: _Flags = (mask > 0.5).cpu().numpy()
    return core


def _keep(mask: Float[Tensor, "h w"], kept: _Flags) -> Float[Tensor, "h w"]:
    """The mask without the pieces of its core that are not ``kept``, nor their fringes."""
    core = _core(mask)
    if (kept == core).all():
        return mask
    hard = bool(((mask == 0) | (mask == 1)).all())
    if not hard:
        nearest = ndimage.distance_transform_edt(~core, return_distances=False, return_indices=True)
        kept = kept[tuple(nearest)]
    return mask * torch.from_numpy(kept).to(mask)


def _at_size(image: Image, mask: Float[Tensor, "b 1 mask_h mask_w"]) -> Mask:
    check_image(image)
    check_mask(mask)
    return resize_mask(mask.detach(), (image.shape[2], image.shape[3]))


def _check_connectivity(value: object) -> None:
    if value not in (4, 8):
        raise ValueError(f"connectivity: expected 4 or 8, got {value!r}")
