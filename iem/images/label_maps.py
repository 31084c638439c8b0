"""Label maps: the number of the region that each pixel belongs to, kept as a 16-bit grey PNG."""

import io
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from iem.images.decoding import DEFAULT_MAX_PIXELS, decoding
from iem.images.errors import ImageError
from iem.images.sources import Source, label
from iem.images.writing import StrPath, write_atomic

MOST_LABELS = 65535


def write_labels(path: StrPath, labels: Int[Tensor, "h w"], *, protect: Iterable[StrPath] = ()) -> None:
    """Write a label map as a 16-bit grey PNG, whose values are the labels.

    It looks black in most viewers, since labels are small numbers; see ``iem.visualise.region_overlay`` for a picture.

    Args:
        path: ends in .png.
        labels: ``[h, w]``, whole numbers from 0 to 65535.
        protect: files that must not be overwritten.

    Raises:
        ImageError: no space, no permission, a protected file, or a name that does not end in .png.
        TypeError: not a tensor of whole numbers.
        ValueError: another shape, or labels outside 0 to 65535.

    >>> import tempfile
    >>> target = f"{tempfile.mkdtemp()}/labels.png"
    >>> write_labels(target, torch.tensor([[0, 1], [2, 65535]]))
    >>> read_labels(target)
    tensor([[    0,     1],
            [    2, 65535]])
    """
    values = _checked(labels)
    if PurePath(path).suffix.lower() != ".png":
        raise ImageError(path, "label maps are written without loss, as PNG; end the name in .png")
    buffer = io.BytesIO()
    Image.fromarray(values.astype(np.uint16)).save(buffer, "PNG", compress_level=6)
    write_atomic(path, buffer.getvalue(), protect=protect)


def read_labels(source: Source, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Int[Tensor, "h w"]:
    """Read a label map: a PNG or TIFF with one grey channel, or with a palette, whose indices are then the labels.

    Args:
        source: as for ``read``.
        max_pixels: as for ``read``.

    Returns:
        ``int64[h, w]``, from 0 to 65535.

    Raises:
        ImageError: anything that is wrong with the file, or a picture that is no label map.
    """
    name = label(source)
    with decoding(source, max_pixels=max_pixels, allow_truncated=False) as decoded:
        if decoded.format not in ("PNG", "TIFF"):
            raise ImageError(
                name, f"{decoded.format} is no format for label maps; give a PNG or TIFF with one number per pixel"
            )
        values = _labels(decoded.picture, name)
    return torch.from_numpy(values.astype(np.int64))


def _labels(picture: Image.Image, name: str) -> NDArray[Any]:
    if picture.mode not in ("1", "L", "P", "I") and not picture.mode.startswith("I;16"):
        channels = ", ".join(picture.getbands())
        kind = "decimal numbers" if picture.mode == "F" else f"the channels {channels}"
        raise ImageError(
            name, f"the picture has {kind}, a label map one whole number per pixel; save it as 16-bit grey"
        )
    values = np.asarray(picture)
    if values.min() < 0 or values.max() > MOST_LABELS:
        raise ImageError(
            name, f"labels go from 0 to {MOST_LABELS}, these from {values.min()} to {values.max()}; number them anew"
        )
    return values


def _checked(labels: Tensor) -> NDArray[np.integer[Any]]:
    if not isinstance(labels, torch.Tensor):
        raise TypeError(f"labels: expected a torch.Tensor, got {type(labels).__name__}; use torch.from_numpy")
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise TypeError(f"labels: expected whole numbers, got {labels.dtype}; convert with .long()")
    if labels.ndim != 2 or labels.numel() == 0:
        raise ValueError(f"labels: expected shape [h, w], got {list(labels.shape)}; write one label map at a time")
    values: NDArray[np.integer[Any]] = labels.cpu().numpy()
    if values.min() < 0 or values.max() > MOST_LABELS:
        got = f"{values.min()} to {values.max()}"
        raise ValueError(f"labels: expected values from 0 to {MOST_LABELS}, got {got}; number them anew")
    return values
