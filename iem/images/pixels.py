"""From what Pillow decoded to numbers: every mode, depth, transparency and colour profile to RGB in [0, 1]."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Plane = NDArray[np.float32]

_MAX_PROFILE_BYTES = 4 << 20
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339


@dataclass(frozen=True, eq=False)
class Pixels:
    """Numbers of one picture: colour ``[3, h, w]`` or ``[1, h, w]``, alpha ``[h, w]`` or None where all is opaque."""

    colour: Plane
    alpha: Plane | None
    notices: tuple[str, ...] = ()


def pixels(picture: Image.Image, tags: Mapping[int, Any]) -> Pixels:
    """Colour and alpha of a decoded picture, in [0, 1]; ``tags`` are those of a TIFF.

    Raises:
        ValueError: NaN or infinite values; the message is a reason to show to the user.
    """
    if is_deep(picture):
        values, full, notice = deep_values(picture, tags)
        low = float(values.min()) if full is None else 0.0
        span = (float(values.max()) - low or 1.0) if full is None else full
        alpha = None
        if isinstance(hidden := picture.info.get("transparency"), int):
            alpha = _unless_opaque((values != hidden).astype(np.float32))
        notices = [notice] if notice else []
        if "icc_profile" in picture.info:
            notices.append("the colour profile was ignored: it applies to 8-bit pictures only")
        return Pixels(((values - low) / span).astype(np.float32)[None], alpha, tuple(notices))
    alpha = alpha_plane(picture)
    colours, notice = _to_srgb(_without_alpha(picture), picture.info.get("icc_profile"))
    return Pixels(_planes(colours), alpha, (notice,) if notice else ())


def is_deep(picture: Image.Image) -> bool:
    """Whether a sample takes more than 8 bits; Pillow's own conversions clip these silently."""
    return picture.mode.startswith("I") or picture.mode == "F"


def deep_values(picture: Image.Image, tags: Mapping[int, Any]) -> tuple[NDArray[np.float64], float | None, str | None]:
    """Raw values of a 16-bit, 32-bit or float picture, the value that stands for white (None: unknown), a notice.

    Raises:
        ValueError: NaN or infinite values.
    """
    raw = np.asarray(picture)
    if picture.mode.startswith("I;16"):
        full = 4095.0 if tags.get(_BITS_PER_SAMPLE) == (12,) else 65535.0
        values = raw.astype(np.float64)
        return full - values if tags.get(_PHOTOMETRIC) == 0 else values, full, None
    if picture.mode == "I" and tags.get(_BITS_PER_SAMPLE) == (32,) and tags.get(_SAMPLE_FORMAT, (1,)) == (1,):
        raw = raw.view(np.uint32)
    values = raw.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds non-finite pixels (NaN or infinity); replace them first")
    low, high = values.min(), values.max()
    if low >= 0 and high <= 1 and picture.mode == "F":
        return values, 1.0, None
    for full in (255.0, 65535.0):
        if low >= 0 and high <= full:
            return values, full, f"values from {low:g} to {high:g} were divided by {full:g}"
    return values, None, f"values from {low:g} to {high:g} were scaled to [0, 1]"


def alpha_plane(picture: Image.Image) -> Plane | None:
    """Opacity of an 8-bit picture in [0, 1], ``[h, w]``; None where every pixel is opaque."""
    if not picture.has_transparency_data:
        return None
    band = picture.getchannel("a") if picture.mode == "La" else picture.convert("RGBA").getchannel("A")
    return _unless_opaque(_planes(band)[0])


def _unless_opaque(alpha: Plane) -> Plane | None:
    return None if bool((alpha == 1).all()) else alpha


def _without_alpha(picture: Image.Image) -> Image.Image:
    """An L, RGB or CMYK picture."""
    if picture.mode == "La":
        picture = picture.convert("LA")
    if picture.mode in ("1", "L", "LA"):
        return picture.convert("L")
    if picture.mode in ("RGB", "CMYK"):
        return picture
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB").convert("RGB")


def _to_srgb(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, str | None]:
    """The same colours in sRGB; a profile that cannot be used is ignored with a notice."""
    if not profile:
        return picture if picture.mode in ("L", "RGB") else picture.convert("RGB"), None
    try:
        if len(profile) > _MAX_PROFILE_BYTES:
            raise ValueError(f"larger than {_MAX_PROFILE_BYTES >> 20} MiB")
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), picture.mode, "RGB"
        )
        return (picture if _changes_nothing(transform, picture.mode) else _apply(transform, picture)), None
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        notice = f"the colour profile was ignored: {str(error).splitlines()[0] if str(error) else 'it is damaged'}"
        return picture if picture.mode in ("L", "RGB") else picture.convert("RGB"), notice


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether a lattice of colours stays where it was: most photographs already are sRGB and need no pass."""
    if mode == "CMYK":
        return False
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    if mode == "L":
        lattice = Image.fromarray(steps[None])
        grey = np.repeat(steps[None, :, None], 3, axis=2)
        return _distance(_apply(transform, lattice), grey) <= 1
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(16, -1, 3)
    return _distance(_apply(transform, Image.fromarray(cube)), cube) <= 1


def _distance(picture: Image.Image, values: NDArray[np.uint8]) -> int:
    return int(np.abs(np.asarray(picture).astype(np.int16) - values).max())


def _apply(transform: ImageCms.ImageCmsTransform, picture: Image.Image) -> Image.Image:
    converted = ImageCms.applyTransform(picture, transform)
    if converted is None:  # only for inPlace=True
        raise ValueError("it could not be applied")
    return converted


def _planes(picture: Image.Image) -> Plane:
    """``[c, h, w]`` of an 8-bit picture, channel by channel: faster than moving the axis of floats."""
    values = np.asarray(picture)
    values = values[..., None] if values.ndim == 2 else values
    planes = np.empty((values.shape[2], *values.shape[:2]), np.float32)
    for index in range(len(planes)):
        np.divide(values[..., index], np.float32(255), out=planes[index])
    return planes
