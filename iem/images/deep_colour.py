"""Colour pictures with 16 bits per channel, which Pillow reduces to 8 without a word."""

import contextlib
import importlib
import io
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]

_BITS_PER_SAMPLE = 258
_PNG_COLOURS = (2, 4, 6)  #: RGB, grey with alpha, RGB with alpha
_UPRIGHT: Mapping[int, Callable[[Samples], Samples]] = {
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: np.rot90(values.swapaxes(0, 1), 2),
    8: lambda values: np.rot90(values),
}


def has_deep_colours(data: bytes, format_: str, tags: Mapping[int, Any]) -> bool:
    """Whether the file has several channels of 16 bits; ``tags`` are those of a TIFF."""
    if format_ == "PNG":
        return data[24:25] == b"\x10" and data[25] in _PNG_COLOURS
    bits = tags.get(_BITS_PER_SAMPLE, ())
    return format_ == "TIFF" and isinstance(bits, tuple) and len(bits) in (3, 4) and set(bits) == {16}


def read_deep_colours(data: bytes, like: NDArray[np.uint8], orientation: int) -> NDArray[np.uint16] | None:
    """The samples of such a file, upright; None where OpenCV is not installed or sees another picture than Pillow.

    Args:
        data: the file.
        like: ``[h, w, 3 or 4]``, what Pillow made of it.
        orientation: as EXIF counts it, 1 to 8.
    """
    with contextlib.suppress(Exception):  # whatever it stumbles over, the picture is there with 8 bits
        cv2: Any = importlib.import_module("cv2")
        found: Samples = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if found is None or found.dtype != np.uint16 or found.ndim != 3:
            return None
        found = found[..., [2, 1, 0, 3][: found.shape[2]]]  # OpenCV's order is blue, green, red
        upright = np.ascontiguousarray(_UPRIGHT.get(orientation, _as_it_is)(found))
        if upright.shape == like.shape and bool((np.abs((upright >> 8).astype(np.int16) - like) <= 1).all()):
            return upright
    return None


def encode_deep_png(samples: NDArray[np.uint16], *, profile: bytes | None, exif: bytes | None) -> bytes:
    """A PNG of ``[h, w, 3 or 4]`` with 16 bits per channel, which Pillow cannot write."""
    height, width, channels = samples.shape
    rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    # each row less the one above it, byte by byte: smooth pictures become small numbers
    above = np.concatenate([np.zeros_like(rows[:1]), rows[:-1]])
    filtered = np.concatenate([np.full((height, 1), 2, np.uint8), rows - above], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 6, 0, 0, 0)
    chunks = [(b"IHDR", header)]
    if profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    if exif:
        chunks.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), 3)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, *zip(*chunks, strict=True)))


def encode_deep_tiff(samples: NDArray[np.uint16], *, profile: bytes | None) -> bytes:
    """A TIFF of ``[h, w, 3 or 4]`` with 16 bits per channel."""
    tifffile: Any = importlib.import_module("tifffile")  # comes with scikit-image
    buffer = io.BytesIO()
    extra = {"extrasamples": ["unassalpha"]} if samples.shape[2] == 4 else {}
    tifffile.imwrite(buffer, samples, photometric="rgb", compression="zlib", iccprofile=profile, metadata=None, **extra)
    return buffer.getvalue()


def _as_it_is(values: Samples) -> Samples:
    return values


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
