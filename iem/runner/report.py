"""One page that shows a whole run and opens anywhere: no network, no script, every picture inside the file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iem.images import write_atomic
from iem.runner.page_contents import NONE, as_yaml, duration, file_uri, number, picture_uri
from iem.runner.pages import template
from iem.runner.versions import versions as versions_here
from iem.visualise import legible

PICTURES = {
    "mask": "Mask found in {}, white is the region",
    "cutout": "The region cut out of {}",
    "overlay": "{} with the mask found outlined",
    "film": "Film of the mask moving over {}",
    "photo": "Photograph {}",
}


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
    ranked = sorted(rows, key=lambda row: -number(row.get("iou_oracle"), missing=-math.inf))
    shown = {i for i in range(len(ranked)) if i < most_cards - most_cards // 2 or i >= len(ranked) - most_cards // 2}
    entries = [_entry(row, i, Path(folder), shown=i in shown) for i, row in enumerate(ranked)]
    page = template("report.html").render(
        title=legible(title),
        entries=entries,
        cards=[entry for entry in entries if entry.shown],
        means=_numbers(means),
        total=duration([number(row.get("seconds")) for row in rows]),
        curves=file_uri(curves_svg_or_png) if curves_svg_or_png is not None else None,
        settings=as_yaml(settings),
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
        uri = None if file is None else picture_uri(folder / str(file), kind)
        if uri is not None:
            pictures[kind] = uri
    return Entry(
        name=name,
        anchor=f"photo-{rank + 1}",
        share=100 * min(1.0, max(0.0, number(row.get("iou_oracle"), missing=0))),
        numbers=_numbers(row),
        shown=shown,
        status=legible(str(row.get("status") or NONE)),
        pictures=pictures,
        alts={kind: text.format(name) for kind, text in PICTURES.items()},
    )


def _numbers(row: Mapping[str, object]) -> dict[str, str]:
    digits = {"iou_fixed": 3, "iou_oracle": 3, "score": 4, "steps": 1, "seconds": 2}
    numbers = {key: number(row.get(key)) for key in digits}
    if numbers["steps"].is_integer():
        digits["steps"] = 0
    return {key: NONE if math.isnan(value) else f"{value:.{digits[key]}f}" for key, value in numbers.items()}
