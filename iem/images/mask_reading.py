"""Reading masks, as people really save them: 0/255, 0/1, RGB, palette, 16 bit, transparent drawings."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from iem.images.decoding import DEFAULT_MAX_PIXELS, decoding
from iem.images.errors import ImageError
from iem.images.pixels import alpha_plane, deep_values, is_deep
from iem.images.resizing import resize_mask
from iem.images.sources import Source, label

_MOST_LABELS = 32


def read_mask(
    source: Source,
    *,
    size: tuple[int, int] | None = None,
    resize: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    allow_truncated: bool = False,
) -> Float[Tensor, "1 1 h w"]:
    """Read a mask as 0 and 1.

    The foreground is what reaches half of the full scale (in any channel of a colour file). Where a file has only the
    values 0 and v, v is foreground, so that masks saved as 0 and 1 are not taken for black. Where a file has
    transparent pixels, its opacity is the mask.

    Args:
        source: as for ``read``.
        size: (height, width) of the picture that the mask belongs to.
        resize: bring a mask of another size to ``size`` by nearest neighbour, instead of refusing it.
        max_pixels: as for ``read``.
        allow_truncated: as for ``read``; what is missing is background.

    Raises:
        ImageError: anything that is wrong with the file, another size, or class labels instead of a mask.

    >>> import io
    >>> buffer = io.BytesIO()
    >>> Image.frombytes("L", (3, 1), bytes([0, 1, 1])).save(buffer, "PNG")
    >>> read_mask(buffer.getvalue())
    tensor([[[[0., 1., 1.]]]])
    """
    name = label(source)
    with decoding(source, max_pixels=max_pixels, allow_truncated=allow_truncated) as decoded:
        foreground = _foreground(decoded.picture, decoded.tags, name)
    mask = torch.from_numpy(foreground.astype(np.float32))[None, None]
    if size is None or tuple(mask.shape[2:]) == tuple(size):
        return mask
    if not resize:
        (height, width), (expected_height, expected_width) = mask.shape[2:], size
        raise ImageError(
            name,
            f"the mask is {width} x {height} pixels, its picture {expected_width} x {expected_height}; "
            "give the mask of this picture, or ask for resizing",
        )
    return resize_mask(mask, size)


def _foreground(picture: Image.Image, tags: Mapping[int, Any], name: str) -> NDArray[np.bool_]:
    if is_deep(picture):
        values, full, _ = deep_values(picture, tags)
        if full is None:
            raise ImageError(name, "the mask has values outside 0 to 65535; save it as black and white, 8 bits")
        return _by_level(values, full, name)
    alpha = alpha_plane(picture)
    if alpha is not None:
        return np.asarray(alpha >= 0.5)
    if picture.mode in ("1", "L", "LA", "La"):
        return _by_level(np.asarray(picture.convert("LA" if picture.mode == "La" else "L").convert("L")), 255.0, name)
    colours = np.asarray(picture.convert("RGB"))
    brightest = colours.max(axis=-1)
    foreground = _by_level(brightest, 255.0, name)
    if foreground.all() and (colours.min(axis=-1) != brightest).any():
        raise ImageError(name, "a coloured picture without background, not a mask; save the mask as black and white")
    return foreground


def _by_level(values: NDArray[Any], full: float, name: str) -> NDArray[np.bool_]:
    highest = values.max()
    two_values = bool(((values == 0) | (values == highest)).all())
    if highest <= 1 or (two_values and bool((values == 0).any())):
        return np.asarray(values > 0) if full > 1 else np.asarray(values >= 0.5)
    if highest < _MOST_LABELS and full > 1:
        raise ImageError(
            name,
            f"the values 0 to {highest:g} look like class labels, not like a mask; "
            "save the wanted class as white on black",
        )
    return np.asarray(values >= full / 2)
