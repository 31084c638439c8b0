"""Decoding picture files: any bytes become a ``Picture`` or an ``ImageError``, nothing else."""

import contextlib
import io
import os
import struct
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from iem.checks import check_number
from iem.images.errors import ImageError
from iem.images.formats import raw_reason, sniff
from iem.images.pixels import Pixels, pixels
from iem.images.sources import Source, label, take

#: 64 megapixels, more than most cameras give.
DEFAULT_MAX_PIXELS = 64_000_000

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MOST_FRAMES = 250
_QUICKLY_COUNTED = 4 << 20


@dataclass(frozen=True, eq=False)
class Picture:
    """One decoded picture, upright, in sRGB.

    Attributes:
        image: ``[1, 3, h, w]`` in [0, 1]; transparent pixels lie on white.
        alpha: opacity, ``[1, 1, h, w]`` in [0, 1]; None where every pixel is opaque.
        format: by content, whatever the name says: one of ``FORMATS``.
        notices: what the user should know, such as "4 frames, the first was used".
        path: the path as given, ``"<bytes>"`` or the stream's name.
    """

    image: Float[Tensor, "1 3 h w"]
    alpha: Float[Tensor, "1 1 h w"] | None
    format: str
    notices: tuple[str, ...]
    path: str


@dataclass(frozen=True)
class Decoded:
    """What Pillow made of a file, upright, before any conversion of its values."""

    picture: Image.Image
    tags: Mapping[int, Any]
    format: str
    notices: tuple[str, ...]


def read(source: Source, *, max_pixels: int = DEFAULT_MAX_PIXELS, allow_truncated: bool = False) -> Picture:
    """Read a picture from a path, from bytes or from a binary file such as ``sys.stdin.buffer``.

    The header is checked before anything is decoded. EXIF orientation is applied, colours are converted to sRGB by the
    embedded profile, 16-bit and float values are scaled rather than clipped, transparency is laid on white.

    Args:
        source: a path (regular files only), the bytes of a file, or a file open in binary mode.
        max_pixels: refuse larger pictures; Pillow's own limit of 178,956,970 stays in force.
        allow_truncated: accept a file that ends early; what is missing is black.

    Raises:
        ImageError: anything that is wrong with the file.
        TypeError: ``source`` is neither.
        ValueError: ``max_pixels`` is not a positive whole number.

    >>> import io
    >>> from PIL import Image
    >>> buffer = io.BytesIO()
    >>> Image.new("RGB", (4, 2), "red").save(buffer, "PNG")
    >>> picture = read(buffer.getvalue())
    >>> picture.format, picture.image.shape, picture.image[0, :, 0, 0]
    ('PNG', torch.Size([1, 3, 2, 4]), tensor([1., 0., 0.]))
    """
    with decoding(source, max_pixels=max_pixels, allow_truncated=allow_truncated) as decoded:
        values = pixels(decoded.picture, decoded.tags)
        image, alpha = _on_white(values)
    notices = (*decoded.notices, *values.notices)
    if alpha is not None and not alpha.any():
        notices = (*notices, "fully transparent")
    return Picture(image=image, alpha=alpha, format=decoded.format, notices=notices, path=label(source))


def _on_white(values: Pixels) -> tuple[Float[Tensor, "1 3 h w"], Float[Tensor, "1 1 h w"] | None]:
    image = torch.from_numpy(values.colour)[None]
    image = image if image.shape[1] == 3 else image.repeat(1, 3, 1, 1)
    if values.alpha is None:
        return image, None
    alpha = torch.from_numpy(values.alpha)[None, None]
    return (image * alpha + (1 - alpha)).clamp_(0, 1), alpha


@contextlib.contextmanager
def decoding(source: Source, *, max_pixels: int, allow_truncated: bool) -> Iterator[Decoded]:
    """Decode a file and hand it to the block; whatever goes wrong in either leaves as an ``ImageError``."""
    check_number(max_pixels, "max_pixels", low=1, integer=True)
    name = label(source)
    data = take(source, max_bytes=8 * max_pixels + (16 << 20))
    try:
        with _pillow_is_quiet():
            yield _decode(data, name, max_pixels, allow_truncated)
    except ImageError:
        raise
    except Exception as error:  # Pillow raises whatever its parsers stumble over, SyntaxError and ValueError included
        raise ImageError(name, _reason(error, max_pixels)) from error


def _decode(data: bytes, name: str, max_pixels: int, allow_truncated: bool) -> Decoded:
    format_ = sniff(data) or "an unknown format"
    with Image.open(io.BytesIO(data), formats=[format_]) as picture:
        width, height = picture.size
        if width * height > max_pixels:
            raise ImageError(name, _too_many_pixels(f"{width} x {height} pixels are", max_pixels))
        tags = dict(getattr(picture, "tag_v2", {}))
        suffix = os.path.splitext(name)[1]  # noqa: PTH122 (the name may not be a valid Path)
        if format_ == "TIFF" and (raw := raw_reason(suffix, tags)):
            raise ImageError(name, raw)
        notices = _load(picture, allow_truncated)
        upright = _upright(picture)
        frames = _frames(picture, format_, len(data))
    return Decoded(upright, tags, format_, (*notices, *frames))


def _load(picture: Image.Image, allow_truncated: bool) -> tuple[str, ...]:
    """Decode in place. Pillow's own switch for truncated files is global, hence not thread-safe, and is not used."""
    try:
        picture.load()
    except OSError:
        if not allow_truncated or getattr(picture, "_im", None) is None:
            raise
        # the rows decoded so far are there; without tiles Pillow does not try the rest again
        picture.tile = []  # type: ignore[attr-defined]
        picture.load()
        return ("the file is truncated, the missing part is black",)
    return ()


def _upright(picture: Image.Image) -> Image.Image:
    try:
        turn = _UPRIGHT.get(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF data must not cost the picture
        turn = None
    if turn is not None:
        return picture.transpose(turn)
    # a copy where there are more frames, since counting them moves the file on to the next
    return picture.copy() if getattr(picture, "is_animated", False) else picture


def _frames(picture: Image.Image, format_: str, length: int) -> tuple[str, ...]:
    """A notice if there is more than one frame. Counting the frames of a hostile file must not take for ever."""
    if not getattr(picture, "is_animated", False):
        return ()
    count: int | None = None
    with contextlib.suppress(Exception):  # the first frame is fine, whatever ails the others
        if format_ == "TIFF":
            count = _count_pages(picture)
        elif format_ != "GIF" or length <= _QUICKLY_COUNTED:
            count = getattr(picture, "n_frames", None)
    if count == 1:
        return ()
    return (f"{count or 'several'} frames, the first was used",)


def _count_pages(picture: Image.Image) -> int | None:
    """The pages of a TIFF, None if there are very many: Pillow's own count takes a time quadratic in their number."""
    for page in range(1, _MOST_FRAMES):
        try:
            picture.seek(page)
        except EOFError:
            return page
    return None


def _reason(error: Exception, max_pixels: int) -> str:
    words = " ".join(str(error).split())[:120]
    if isinstance(error, Image.DecompressionBombError):
        return _too_many_pixels("its header announces", max_pixels)
    if isinstance(error, MemoryError):
        return "not enough memory to decode it; save a smaller version"
    if isinstance(error, UnidentifiedImageError):
        return "its header is damaged or of a kind that is not supported; save it again as PNG or JPEG"
    if "non-finite" in words:
        return words
    if isinstance(error, EOFError | struct.error) or "truncated" in words.lower():
        return (
            "the file is truncated; copy or download it again, or allow truncated files to use the part that is there"
        )
    return f"the file is damaged ({words or type(error).__name__}); copy or download it again"


def _too_many_pixels(what: str, max_pixels: int) -> str:
    return f"{what} more than the limit of {max_pixels / 1e6:g} megapixels; save a smaller version or raise the limit"


@dataclass
class _Silence:
    """How many decoders are at work. Python's filters of warnings are global: the last one out puts them back."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    workers: int = 0
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)


_SILENCE = _Silence()


@contextlib.contextmanager
def _pillow_is_quiet() -> Iterator[None]:
    """Pillow's warnings (damaged EXIF, large pictures) are neither printed nor, under ``-W error``, raised."""
    with _SILENCE.lock:
        if _SILENCE.workers == 0:
            _SILENCE.stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", module="PIL")
        _SILENCE.workers += 1
    try:
        yield
    finally:
        with _SILENCE.lock:
            _SILENCE.workers -= 1
            if _SILENCE.workers == 0:
                _SILENCE.stack.close()
