"""One page that shows a whole run and opens anywhere: no network, no script, every picture inside the file."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import PIL.Image
import torch
import yaml  # type: ignore[import-untyped]

from iem.images import ImageError, read, write_atomic
from iem.runner.pages import template
from iem.runner.versions import versions as versions_here
from iem.visualise import legible
from iem.visualise.contact_sheets import to_bytes

PICTURES = {
    "mask": "Mask found in {}, white is the region",
    "cutout": "The region cut out of {}",
    "overlay": "{} with the mask found outlined",
    "film": "Film of the mask moving over {}",
    "photo": "Photograph {}",
}
MOST_SIDE = 480
NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class Entry:
    """One photograph, ready to be shown: every number a string, every picture a data URI."""

    name: str
    anchor: str
    share: float  #: IoU with oracle polarity in per cent, 0 where undefined
    numbers: Mapping[str, str]
    status: str
    shown: bool  #: whether it has a card
    pictures: Mapping[str, str]
    alts: Mapping[str, str]


def write_report(
    path: Path,
    *,
    title: str,
    settings: Mapping[str, object],
    rows: Sequence[Mapping[str, object]],
    means: Mapping[str, object],
    curves_svg_or_png: Path | None,
    folder: Path,
    versions: Mapping[str, str] | None = None,
    most_cards: int = 60,
) -> None:
    """Write one self-contained HTML file: means, table, curves, a card per photograph, settings and versions.

    Args:
        path: the file to write, whole or not at all.
        title: of the page.
        settings: all settings of the run, resolved.
        rows: one mapping per photograph with ``name, iou_fixed, iou_oracle, score, steps, status, seconds`` and the
            files ``photo, mask, cutout, overlay, film``. Numbers that are None, NaN or absent show as a dash; files
            that are absent or cannot be read are left out.
        means: the same numbers' means.
        curves_svg_or_png: the picture of the curves, or None.
        folder: what the files' paths are relative to.
        versions: program -> version; None names this machine's.
        most_cards: with more photographs, only the best and the worst get a card; the table has them all.

    Raises:
        ImageError: the page cannot be written.
    """
    ranked = sorted(rows, key=lambda row: -_number(row.get("iou_oracle"), missing=-math.inf))
    shown = {i for i in range(len(ranked)) if i < most_cards - most_cards // 2 or i >= len(ranked) - most_cards // 2}
    entries = [_entry(row, i, Path(folder), shown=i in shown) for i, row in enumerate(ranked)]
    page = template("report.html").render(
        title=legible(title),
        entries=entries,
        cards=[entry for entry in entries if entry.shown],
        means=_numbers(means),
        total=_duration([_number(row.get("seconds")) for row in rows]),
        curves=_file_uri(curves_svg_or_png) if curves_svg_or_png is not None else None,
        settings=yaml.safe_dump(_plain(settings), sort_keys=False, allow_unicode=True),
        versions={legible(k): legible(v) for k, v in (versions_here() if versions is None else versions).items()},
    )
    write_atomic(path, page.encode("utf-8", "replace"))


def _entry(row: Mapping[str, object], rank: int, folder: Path, *, shown: bool) -> Entry:
    name = legible(str(row.get("name", "")))
    pictures: dict[str, str] = {}
    for kind in PICTURES if shown else ():
        if kind == "photo" and {"overlay", "film"} <= pictures.keys():
            continue  # a card has four places, and both of these show the photograph
        file = row.get(kind)
        uri = None if file is None else _picture_uri(folder / str(file), kind)
        if uri is not None:
            pictures[kind] = uri
    return Entry(
        name=name,
        anchor=f"photo-{rank + 1}",
        share=100 * min(1.0, max(0.0, _number(row.get("iou_oracle"), missing=0))),
        numbers=_numbers(row),
        shown=shown,
        status=legible(str(row.get("status") or NONE)),
        pictures=pictures,
        alts={kind: text.format(name) for kind, text in PICTURES.items()},
    )


def _number(value: object, missing: float = math.nan) -> float:
    """A number, an entry of a tensor or nothing, as a finite float or ``missing``."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return missing
    return number if math.isfinite(number) else missing


def _numbers(row: Mapping[str, object]) -> dict[str, str]:
    digits = {"iou_fixed": 3, "iou_oracle": 3, "score": 4, "steps": 1, "seconds": 2}
    numbers = {key: _number(row.get(key)) for key in digits}
    if numbers["steps"].is_integer():
        digits["steps"] = 0
    return {key: NONE if math.isnan(number) else f"{number:.{digits[key]}f}" for key, number in numbers.items()}


def _duration(seconds: Sequence[float]) -> str:
    known = [value for value in seconds if not math.isnan(value)]
    if not known:
        return NONE
    total = sum(known)
    if total < 60:
        return f"{total:.1f} s"
    minutes, rest = divmod(round(total), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _picture_uri(path: Path, kind: str) -> str | None:
    if kind == "film":
        return _file_uri(path)
    try:
        picture = read(path)
    except ImageError:
        return None
    small = PIL.Image.fromarray(to_bytes(_unlaid(picture.image, picture.alpha)))
    if picture.alpha is not None:
        small.putalpha(PIL.Image.fromarray(to_bytes(picture.alpha.expand(-1, 3, -1, -1))).convert("L"))
    small.thumbnail((MOST_SIDE, MOST_SIDE), PIL.Image.Resampling.LANCZOS)
    buffer = BytesIO()
    small.save(buffer, "WEBP", lossless=kind == "mask", quality=80, method=4)
    return _uri(buffer.getvalue(), "image/webp")


def _unlaid(image: torch.Tensor, alpha: torch.Tensor | None) -> torch.Tensor:
    """The colours before a transparent picture was laid on white: ``c`` of ``a c + 1 - a``."""
    if alpha is None:
        return image
    return torch.where(alpha > 0, 1 - (1 - image) / alpha.clamp(min=1 / 255), 1).clamp(0, 1)


def _file_uri(path: Path) -> str | None:
    kinds = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif"}
    kind = kinds.get(Path(path).suffix.lower())
    try:
        return None if kind is None else _uri(Path(path).read_bytes(), kind)
    except OSError:
        return None


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
