"""Pictures as their files have them, for changing some pixels and leaving the others exactly as they were."""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import ExifTags, Image
from torch import Tensor

from iem.images.decoding import DEFAULT_MAX_PIXELS, Decoded, decoding
from iem.images.deep_colour import has_deep_colours, read_deep_colours
from iem.images.pixels import alpha_plane, deep_values, is_deep, pixels
from iem.images.sources import Source, label, take

_ORIENTATION, _WIDTH, _HEIGHT = 0x0112, 0xA002, 0xA003
#: Of a TIFF, whose tags also say how its pixels lie in the file: what describes the picture.
_DESCRIBING = (270, 271, 272, 282, 283, 296, 305, 306, 315, 33432)


@dataclass(frozen=True, eq=False)
class Original:
    """One decoded picture, upright, in its file's own numbers: neither its colours nor its depth were converted.

    Attributes:
        samples: ``[h, w, c]`` as stored, c from 1 to 4: grey or colour, then opacity.
        low: the sample that stands for 0.
        full: the sample that stands for 1.
        format: by content, one of ``FORMATS``.
        profile: the embedded ICC profile.
        exif: EXIF data, without an orientation, since the picture is upright, and without a preview.
        quantisation: the tables of a JPEG and how it halves its colours, in Pillow's terms.
        notices: what the user should know.
        path: the path as given, ``"<bytes>"`` or the stream's name.
    """

    samples: NDArray[Any]
    low: float
    full: float
    format: str
    profile: bytes | None
    exif: bytes | None
    quantisation: Mapping[str, Any]
    notices: tuple[str, ...]
    path: str

    @property
    def colours(self) -> int:
        """1 for grey, 3 for colour."""
        return 1 if self.samples.shape[2] < 3 else 3

    @property
    def has_alpha(self) -> bool:
        """Whether opacity is stored."""
        return self.samples.shape[2] in (2, 4)

    @property
    def image(self) -> Float[Tensor, "1 3 h w"]:
        """In [0, 1]: the numbers of the file, whatever its profile makes of them, also where they are transparent."""
        planes = self._planes(slice(0, self.colours))
        return planes if self.colours == 3 else planes.repeat(1, 3, 1, 1)

    @property
    def alpha(self) -> Float[Tensor, "1 1 h w"] | None:
        """Opacity in [0, 1]; None where it is not stored."""
        return self._planes(slice(-1, None)) if self.has_alpha else None

    def _planes(self, channels: slice) -> Tensor:
        exact: Any = np.float32 if self.full < 2**24 else np.float64
        values = (np.moveaxis(self.samples[..., channels], 2, 0) - exact(self.low)) / exact(self.full - self.low)
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))[None]


def read_original(
    source: Source,
    *,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    allow_truncated: bool = False,
    name: str | None = None,
) -> Original:
    """Read a picture as ``read`` does, but keep its own numbers. Errors call it ``name``, where one is given.

    Palettes become colours, and colours that are not RGB (CMYK) become sRGB. 16 bits per channel of a colour picture
    take the extra ``opencv``; without it they are reduced to 8, with a notice.

    Raises:
        ImageError: anything that is wrong with the file.
    """
    data = take(source, max_bytes=8 * max_pixels + (16 << 20))
    name = label(source) if name is None else name
    with decoding(_Named(data, name), max_pixels=max_pixels, allow_truncated=allow_truncated) as decoded:
        return _original(decoded, data, name)


class _Named(io.BytesIO):
    """The bytes that were taken, under their source's name."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def _original(decoded: Decoded, data: bytes, path: str) -> Original:
    picture, notices = decoded.picture, decoded.notices
    profile = picture.info.get("icc_profile") or None
    orientation, exif = _exif(decoded, data)
    low, full = 0.0, 255.0
    if is_deep(picture):
        samples, low, full, found = _deep_samples(picture, decoded.tags)
        notices += found
    else:
        samples, converted = _samples(picture)
        if converted:
            profile, notices = None, (*notices, *converted)
        if has_deep_colours(data, decoded.format, decoded.tags):
            deep = read_deep_colours(data, samples, orientation)
            if deep is None:
                notices += ('16 bits per channel were reduced to 8; pip install "iem[opencv]" keeps them',)
            else:
                samples, full = deep, 65535.0
    return Original(
        samples=samples,
        low=low,
        full=full,
        format=decoded.format,
        profile=profile,
        exif=exif,
        quantisation=_quantisation(picture) if picture.mode in ("L", "RGB") else {},
        notices=notices,
        path=path,
    )


def _samples(picture: Image.Image) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """8-bit samples, and what was done to the colours."""
    has_alpha = alpha_plane(picture) is not None or picture.mode in ("LA", "RGBA")
    if picture.mode in ("1", "L", "La", "LA"):
        values = np.asarray(picture.convert("LA") if has_alpha else picture.convert("L"))
        return np.array(values[..., None] if values.ndim == 2 else values), ()
    if picture.mode in ("P", "PA", "RGB", "RGBX", "RGBA", "RGBa"):
        return np.array(picture.convert("RGBA" if has_alpha else "RGB")), ()
    converted = np.rint(pixels(picture, {}).colour * 255).astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(converted, 0, 2)), (f"{picture.mode} colours were converted to sRGB",)


def _deep_samples(picture: Image.Image, tags: Mapping[int, Any]) -> tuple[NDArray[Any], float, float, tuple[str, ...]]:
    values, full, _ = deep_values(picture, tags)
    if picture.mode.startswith("I;16"):
        if full == 4095.0:
            stretched = np.rint(values * (65535 / 4095)).astype(np.uint16)
            return stretched[..., None], 0.0, 65535.0, ("12 bits were stretched to 16",)
        return values.astype(np.uint16)[..., None], 0.0, 65535.0, ()
    if picture.mode == "F":
        low = 0.0 if full is not None else float(values.min())
        return values.astype(np.float32)[..., None], low, full or float(values.max()) or low + 1.0, ()
    if full is not None:  # whole numbers of 32 bits, of which 16 are used
        return values.astype(np.uint16)[..., None], 0.0, full, ()
    low, high = float(values.min()), float(values.max())
    return values.astype(np.int64)[..., None], low, high if high > low else low + 1.0, ()


def _exif(decoded: Decoded, data: bytes) -> tuple[int, bytes | None]:
    """How the file's picture was turned, and its EXIF data for the upright one; damaged data are left out."""
    if decoded.format != "TIFF":
        return _upright_exif(decoded.picture, decoded.picture.size)
    with contextlib.suppress(Exception), Image.open(io.BytesIO(data), formats=["TIFF"]) as picture:
        return _upright_exif(picture, decoded.picture.size, _DESCRIBING)
    return 1, None


def _upright_exif(
    picture: Image.Image, size: tuple[int, int], kept: Sequence[int] | None = None
) -> tuple[int, bytes | None]:
    with contextlib.suppress(Exception):
        found = picture.getexif()
        orientation = int(found.get(_ORIENTATION, 1))
        inner = found.get_ifd(ExifTags.IFD.Exif)
        found.get_ifd(ExifTags.IFD.GPSInfo)
        for tag, side in zip((_WIDTH, _HEIGHT), size, strict=True):
            if tag in inner:
                inner[tag] = side
        for tag in [tag for tag in found if tag == _ORIENTATION or (kept is not None and tag not in kept)]:
            del found[tag]
        return orientation, (found.tobytes() if len(found) else None)
    return 1, None


def _quantisation(picture: Image.Image) -> Mapping[str, Any]:
    tables = getattr(picture, "quantization", None)
    if not tables:
        return {}
    from PIL import JpegImagePlugin

    with contextlib.suppress(Exception):
        halved = JpegImagePlugin.get_sampling(picture)
        return {"qtables": tables, **({"subsampling": halved} if halved >= 0 else {})}
    return {}
