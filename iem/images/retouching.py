"""Writing a picture some of whose pixels were painted: the others stay what they were, to the bit."""

import io
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import ExifTags, Image
from torch import Tensor

from iem.checks import check_choice, check_image, check_mask, check_range
from iem.images.deep_colour import encode_deep_png, encode_deep_tiff
from iem.images.errors import ImageError
from iem.images.originals import Original

#: What can be written -> the usual ending.
ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}


def lossless_format(original: Original) -> str:
    """The file's own format where it keeps every bit of this picture, else another that does.

    >>> from iem.images.originals import read_original
    >>> buffer = io.BytesIO(); Image.new("RGB", (2, 2)).save(buffer, "JPEG")
    >>> lossless_format(read_original(buffer.getvalue()))
    'PNG'
    """
    for format_ in (original.format, "PNG", "TIFF"):
        if format_ in ENDINGS and format_ != "JPEG" and _obstacle(original, format_) is None:
            return format_
    return "TIFF"


def retouched(
    original: Original,
    painted: Float[Tensor, "1 3 h w"],
    weight: Float[Tensor, "1 1 h w"],
    *,
    alpha: Float[Tensor, "1 1 h w"] | None = None,
    format_: str = "PNG",
) -> bytes:
    """The file of the picture with ``painted`` laid over it; samples are unchanged where ``weight`` is 0.

    Colour profile and EXIF data are kept (in a TIFF, those of the picture, not of the camera). JPEG, asked for, is
    written with the tables of the original where it was one, and yet changes what was not painted a little; everything
    else is written without loss.

    Args:
        original: what ``read_original`` gave.
        painted: in [0, 1], in the colours of ``original.image``.
        weight: how much of it is seen, in [0, 1].
        alpha: the painted opacity; None: it stays as it was.
        format_: "PNG", "JPEG", "WEBP", "TIFF" or "BMP".

    Raises:
        ImageError: that format cannot hold this picture.
    """
    check_choice(format_, "format_", tuple(ENDINGS))
    check_image(painted, "painted")
    check_mask(weight, like=painted, name="weight")
    check_range(weight, 0, 1, "weight")
    if (reason := _obstacle(original, format_)) is not None:
        raise ImageError(original.path, reason)
    samples = original.samples.copy()
    planes = painted[0] if original.colours == 3 else painted[0].mean(0, keepdim=True)
    share = weight[0, 0].cpu().double().numpy()
    rows, columns = np.nonzero(share)
    if rows.size:
        box = (slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1))
        for channel, plane in enumerate(planes):
            _lay(samples[(*box, channel)], plane[box].cpu().double().numpy(), share[box], original)
        if alpha is not None and original.has_alpha:
            _lay(samples[(*box, -1)], alpha[0, 0][box].cpu().double().numpy(), share[box], original)
    try:
        return _encode(samples, original, format_)
    except (OSError, ValueError, OverflowError) as error:  # WEBP and JPEG have limits on the sides
        raise ImageError(original.path, f"{format_} cannot hold this picture ({error}); write a PNG instead") from error


def _lay(target: NDArray[Any], paint: NDArray[Any], share: NDArray[Any], original: Original) -> None:
    seen = share > 0
    value = original.low + paint.clip(0, 1) * (original.full - original.low)
    mixed = target + share * (value - target)
    if target.dtype.kind != "f":
        mixed = np.rint(mixed)
    target[seen] = mixed[seen].astype(target.dtype)


def _obstacle(original: Original, format_: str) -> str | None:
    """Why that format cannot hold every bit of the picture."""
    depth = original.samples.dtype
    if depth in (np.float32, np.int64) and format_ != "TIFF":
        return f"{format_} cannot hold its numbers of 32 bits; write a TIFF instead"
    if depth == np.uint16 and format_ not in ("PNG", "TIFF"):
        return f"{format_} cannot hold its 16 bits per channel; write a PNG or a TIFF instead"
    if original.has_alpha and format_ in ("JPEG", "BMP"):
        return f"{format_} cannot hold its transparency; write a PNG instead"
    return None


def _encode(samples: NDArray[Any], original: Original, format_: str) -> bytes:
    profile, exif = original.profile, original.exif
    if samples.dtype == np.uint16 and samples.shape[2] > 2:
        if format_ == "TIFF":
            return encode_deep_tiff(samples, profile=profile)
        return encode_deep_png(samples, profile=profile, exif=exif)
    picture = _pillow(samples)
    options: dict[str, Any] = {"icc_profile": profile} if profile else {}
    if exif:
        options["exif"] = exif
    if format_ == "JPEG":
        options |= dict(original.quantisation) or {"quality": 95, "subsampling": 0}
    elif format_ == "WEBP":  # exact: also the colours of what is transparent
        options |= {"lossless": True, "exact": True}
    elif format_ == "TIFF":
        options |= {"compression": "tiff_lzw"}
        if exif:
            options["exif"] = _without_tables(exif)
    elif format_ == "PNG":
        options |= {"compress_level": 3}
    else:
        options = {}
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


def _without_tables(exif: bytes) -> bytes:
    """What describes the picture itself: Pillow writes the camera's inner tables to a TIFF as if they were empty."""
    found = Image.Exif()
    found.load(exif)
    for table in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        if table in found:
            del found[table]
    return found.tobytes()


def _pillow(samples: NDArray[Any]) -> Image.Image:
    if samples.shape[2] == 1:
        flat = samples[..., 0]
        return Image.fromarray(np.ascontiguousarray(flat.astype(np.int32) if flat.dtype == np.int64 else flat))
    if samples.shape[2] == 2:
        return Image.merge("LA", [Image.fromarray(np.ascontiguousarray(samples[..., i])) for i in (0, 1)])
    return Image.fromarray(np.ascontiguousarray(samples))
