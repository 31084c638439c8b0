"""Encoding pictures, masks and cut-outs, written atomically."""

import io
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from iem.checks import check_image, check_mask, check_range
from iem.images.errors import ImageError
from iem.images.writing import StrPath, write_atomic

_OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {"compress_level": 3}),  # half the time of the default 6, files a sixth larger
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"lossless": True}),
    ".bmp": ("BMP", {}),
    ".tif": ("TIFF", {"compression": "tiff_lzw"}),
    ".tiff": ("TIFF", {"compression": "tiff_lzw"}),
}


def write_image(path: StrPath, image: Float[Tensor, "1 3 h w"], *, protect: Iterable[StrPath] = ()) -> None:
    """Write a picture with 8 bits per channel, in the format that the name's ending says.

    Args:
        path: ends in .png, .jpg, .jpeg, .webp (lossless), .bmp, .tif or .tiff.
        image: in [0, 1].
        protect: files that must not be overwritten.

    Raises:
        ImageError: no space, no permission, a protected file, or an ending of another kind.
        ValueError: more than one picture, or values outside [0, 1].
    """
    check_image(image)
    check_range(image, 0, 1, "image")
    _require_one(image, "image")
    _write(path, _bytes(image[0]).transpose(1, 2, 0), protect)


def write_mask(path: StrPath, mask: Float[Tensor, "1 1 h w"], *, protect: Iterable[StrPath] = ()) -> None:
    """Write a mask as an 8-bit grey PNG: 0 is background, 255 foreground, soft values between.

    Raises:
        ImageError: no space, no permission, a protected file, or a name that does not end in .png.
        ValueError: more than one mask, or values outside [0, 1].
    """
    _check_one_mask(mask, None, "mask")
    _require_png(path)
    _write(path, _bytes(mask[0, 0]), protect)


def write_cutout(
    path: StrPath,
    image: Float[Tensor, "1 3 h w"],
    alpha: Float[Tensor, "1 1 h w"],
    *,
    protect: Iterable[StrPath] = (),
) -> None:
    """Write a picture with transparency, such as a foreground cut out by its mask, as an RGBA PNG.

    Args:
        path: ends in .png.
        image: in [0, 1].
        alpha: opacity in [0, 1].
        protect: files that must not be overwritten.

    Raises:
        ImageError: no space, no permission, a protected file, or a name that does not end in .png.
        ValueError: more than one picture, sizes that differ, or values outside [0, 1].
    """
    check_image(image)
    check_range(image, 0, 1, "image")
    _check_one_mask(alpha, image, "alpha")
    _require_png(path)
    _write(path, np.concatenate([_bytes(image[0]), _bytes(alpha[0])]).transpose(1, 2, 0), protect)


def _write(path: StrPath, values: NDArray[np.uint8], protect: Iterable[StrPath]) -> None:
    suffix = PurePath(path).suffix.lower()
    if suffix not in _OPTIONS:
        raise ImageError(path, f"cannot write this kind of picture; end its name in one of {', '.join(_OPTIONS)}")
    format_, options = _OPTIONS[suffix]
    buffer = io.BytesIO()
    try:
        Image.fromarray(np.ascontiguousarray(values)).save(buffer, format_, **options)
    except (OSError, ValueError) as error:  # WEBP and JPEG have limits on the sides
        raise ImageError(path, f"{format_} cannot hold this picture ({error}); write a PNG instead") from error
    write_atomic(path, buffer.getvalue(), protect=protect)


def _bytes(values: Tensor) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = (values.detach().double() * 255).round().byte().cpu().numpy()
    return levels


def _check_one_mask(mask: Tensor, like: Tensor | None, name: str) -> None:
    check_mask(mask, like=like, name=name)
    check_range(mask, 0, 1, name)
    _require_one(mask, name)
    if mask.shape[1] != 1:
        raise ValueError(f"{name}: expected shape [1, 1, h, w], got {list(mask.shape)}; write regions one by one")


def _require_one(values: Tensor, name: str) -> None:
    if values.shape[0] != 1:
        raise ValueError(f"{name}: expected one picture, got a batch of {values.shape[0]}; write them one by one")


def _require_png(path: StrPath) -> None:
    if PurePath(path).suffix.lower() != ".png":
        raise ImageError(path, "masks and cut-outs are written without loss, as PNG; end the name in .png")
