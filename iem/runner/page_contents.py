"""What pages are made of: numbers in words, and pictures that are part of the page itself."""

import base64
import math
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import PIL.Image
import torch
import yaml  # type: ignore[import-untyped]

from iem.images import ImageError, read
from iem.visualise.contact_sheets import to_bytes

MOST_SIDE = 480
NONE = "\N{EN DASH}"  #: where there is no number


def number(value: object, missing: float = math.nan) -> float:
    """A number, an entry of a tensor or nothing, as a finite float or ``missing``.

    >>> number("0.5"), number(None, missing=0)
    (0.5, 0)
    """
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return missing
    return found if math.isfinite(found) else missing


def duration(seconds: Sequence[float]) -> str:
    """The sum of what is known, in words.

    >>> duration([1.5, math.nan]), duration([3600.0, 90.0])
    ('1.5 s', '1 h 1 min')
    """
    known = [value for value in seconds if not math.isnan(value)]
    if not known:
        return NONE
    total = sum(known)
    if total < 60:
        return f"{total:.1f} s"
    minutes, rest = divmod(round(total), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def as_yaml(settings: object) -> str:
    """Settings as YAML; what YAML does not know becomes its text.

    >>> print(as_yaml({"root": Path("a/b"), "size": 128}), end="")
    root: a/b
    size: 128
    """
    text: str = yaml.safe_dump(_plain(settings), sort_keys=False, allow_unicode=True)
    return text


def picture_uri(path: Path, kind: str, most_side: int = MOST_SIDE) -> str | None:
    """A picture file as a data URI, reduced to ``most_side`` pixels; None if it cannot be read.

    Args:
        path: the file.
        kind: a "film" stays as it is, a "mask" is kept without loss.
        most_side: of the longer side.
    """
    if kind == "film":
        return file_uri(path)
    try:
        picture = read(path)
    except ImageError:
        return None
    small = PIL.Image.fromarray(to_bytes(_unlaid(picture.image, picture.alpha)))
    if picture.alpha is not None:
        small.putalpha(PIL.Image.fromarray(to_bytes(picture.alpha.expand(-1, 3, -1, -1))).convert("L"))
    small.thumbnail((most_side, most_side), PIL.Image.Resampling.LANCZOS)
    buffer = BytesIO()
    small.save(buffer, "WEBP", lossless=kind == "mask", quality=80, method=4)
    return _uri(buffer.getvalue(), "image/webp")


def file_uri(path: Path) -> str | None:
    """A picture file as it is, as a data URI; None if it cannot be read or is of another kind."""
    kinds = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif"}
    kind = kinds.get(Path(path).suffix.lower())
    try:
        return None if kind is None else _uri(Path(path).read_bytes(), kind)
    except OSError:
        return None


def _unlaid(image: torch.Tensor, alpha: torch.Tensor | None) -> torch.Tensor:
    """The colours before a transparent picture was laid on white: ``c`` of ``a c + 1 - a``."""
    if alpha is None:
        return image
    return torch.where(alpha > 0, 1 - (1 - image) / alpha.clamp(min=1 / 255), 1).clamp(0, 1)


def _uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _plain(value: object) -> object:
    """Only what YAML knows: other values become their text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(entry) for entry in value]
    # Not isinstance: a subclass, such as an enum's member, is unknown to YAML.
    return value if value is None or type(value) in (bool, int, float, str) else str(value)
