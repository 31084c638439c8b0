"""A comparison as text, Markdown, CSV, JSON and a page."""

import base64
import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL.Image
import yaml  # type: ignore[import-untyped]

from iem.images import write_atomic, write_image
from iem.interfaces import Image
from iem.runner.comparison import Comparison, Gain, Interval, Line, as_plain, best_of, columns
from iem.runner.means import POLARITIES
from iem.runner.pages import template
from iem.runner.results import plain, write_json
from iem.runner.versions import versions
from iem.visualise import legible
from iem.visualise.contact_sheets import to_bytes

NONE = "\N{EN DASH}"
FILES = ("table.md", "table.csv", "table.json", "table.html")
NOTES = (
    "Fixed polarity takes each mask as it is; oracle polarity takes, for each picture and metric, the better of the "
    "mask and its complement, which needs the truth: it is the rule of the published figures, and an upper bound.",
    "Numbers are means over pictures. In brackets: 95 % intervals of the mean IoU (bootstrap over pictures). "
    "MAE is better where it is smaller. Seconds are per picture.",
)
APART_NOTE = (
    "SegNet learned from its teacher's masks of every other picture, without any truth; "
    "the held-out pictures are the rest, and alone are a fair test of it."
)


@dataclass(frozen=True)
class Cell:
    """A number, ready to be shown."""

    text: str
    best: bool = False
    interval: str = ""


@dataclass(frozen=True)
class Row:
    """A method in a table of the page."""

    label: str
    pictures: str
    cells: Mapping[str, tuple[Cell, ...]]  #: polarity -> a cell per column
    seconds: str


def write_comparison(
    folder: Path,
    comparisons: Sequence[Comparison],
    *,
    title: str,
    settings: Mapping[str, Any],
    sheets: Mapping[str, Image],
) -> None:
    """Write ``table.md``, ``table.csv``, ``table.json``, ``table.html`` and ``sheet-<data set>.png``.

    Args:
        folder: where to.
        comparisons: one per data set.
        title: heads the page.
        settings: plain containers, kept with the numbers.
        sheets: data set -> contact sheet of some pictures.

    Raises:
        ImageError: a file cannot be written.
    """
    for name, sheet in sheets.items():
        write_image(folder / f"sheet-{name}.png", sheet)
    write_atomic(folder / "table.md", as_markdown(comparisons, title=title).encode())
    write_atomic(folder / "table.csv", as_csv(comparisons).encode())
    content = {"title": title, "data": {each.name: as_plain(each) for each in comparisons}}
    write_json(folder / "table.json", {**content, "settings": settings, "versions": versions()})
    write_atomic(folder / "table.html", _page(comparisons, title, settings, sheets).encode("utf-8", "replace"))


def as_markdown(comparisons: Sequence[Comparison], *, title: str) -> str:
    """Tables that read well as plain text, too."""
    lines = [f"# {title}", ""]
    for comparison in comparisons:
        lines += [f"## {comparison.name}", ""]
        for heading, part in _parts(comparison):
            for polarity in reversed(POLARITIES):
                lines += [f"### {heading}, {polarity} polarity", "", *_markdown(_table(part, polarity)), ""]
        if comparison.gains:
            lines += ["### What training adds, on the held-out pictures", ""]
            lines += [*_markdown([_GAIN_HEADS, *(_gain_cells(each) for each in comparison.gains)]), ""]
        lines += [f"- {label} has no numbers, or not all: {why}" for label, why in comparison.failures.items()]
        lines += [""] * bool(comparison.failures)
    if any(comparison.apart for comparison in comparisons):
        lines += [APART_NOTE, ""]
    return "\n".join([*lines, *NOTES]) + "\n"


def as_csv(comparisons: Sequence[Comparison]) -> str:
    """A line per data set, part and method; numbers in full, undefined ones empty."""
    keys = [f"{key}_{polarity}" for polarity in reversed(POLARITIES) for key, _ in columns()]
    ends = [f"iou_{polarity}_{end}" for polarity in reversed(POLARITIES) for end in ("low", "high")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["data", "part", "method", "teacher", "pictures", *keys, *ends, "seconds"])
    for comparison in comparisons:
        for part, lines in (("all", comparison.whole), ("held_out", comparison.apart)):
            for line in lines:
                intervals = [end for polarity in reversed(POLARITIES) for end in line.intervals[f"iou_{polarity}"]]
                numbers = [*(line.means[key] for key in keys), *intervals, line.seconds]
                shown = [repr(number) if math.isfinite(number) else "" for number in numbers]
                method = line.method
                writer.writerow([comparison.name, part, method.name, method.teacher or "", line.pictures, *shown])
    return text.getvalue()


_GAIN_HEADS = ["Method", "over", "IoU points", "95 % interval", "Better on", "Pictures"]


def _parts(comparison: Comparison) -> list[tuple[str, Sequence[Line]]]:
    found: list[tuple[str, Sequence[Line]]] = []
    if comparison.whole:
        found.append((f"All {comparison.pictures} pictures", comparison.whole))
    if comparison.apart:
        found.append((f"The {comparison.held_back} held-out pictures", comparison.apart))
    return found


def _table(lines: Sequence[Line], polarity: str) -> list[list[str]]:
    heads = ["Method", *(heading for _, heading in columns()), "Pictures", "Seconds"]
    rows = [heads]
    for line in lines:
        cells = [f"**{cell.text}**" if cell.best else cell.text for cell in _cells(line, lines, polarity)]
        cells[1] += f" {_interval(line.intervals[f'iou_{polarity}'])}"
        rows.append([line.method.label, *cells, str(line.pictures), _seconds(line.seconds)])
    return rows


def _cells(line: Line, lines: Sequence[Line], polarity: str) -> list[Cell]:
    cells = []
    for key, _ in columns():
        mean = line.means[f"{key}_{polarity}"]
        ends = _interval(line.intervals[f"iou_{polarity}"]) if key == "iou" else ""
        cells.append(Cell(_text(mean), round(mean, 3) == best_of(lines, f"{key}_{polarity}"), ends))
    return cells


def _markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in escaped) for i in range(len(escaped[0]))]
    lines = []
    for row in escaped:
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        lines.append(" | ".join([f"| {row[0].ljust(widths[0])}", *rest]))
    rule = "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])])
    return [f"{lines[0]} |", f"|{rule}|", *(f"{line} |" for line in lines[1:])]


def _gain_cells(each: Gain) -> list[str]:
    low, high = each.interval
    return [
        f"{each.method.label}, {each.polarity}",
        each.over.label,
        _points(each.mean),
        f"[{_points(low)}, {_points(high)}]",
        f"{each.better:.0%}" if math.isfinite(each.better) else NONE,
        str(each.pictures),
    ]


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}" if math.isfinite(difference) else NONE


def _text(number: float) -> str:
    return f"{number:.3f}" if math.isfinite(number) else NONE


def _interval(ends: Interval) -> str:
    return f"[{ends[0]:.3f}, {ends[1]:.3f}]" if all(map(math.isfinite, ends)) else f"[{NONE}]"


def _seconds(seconds: float) -> str:
    return NONE if not math.isfinite(seconds) else "< 0.001" if seconds < 0.0005 else f"{seconds:.3f}"


def _page(
    comparisons: Sequence[Comparison], title: str, settings: Mapping[str, Any], sheets: Mapping[str, Image]
) -> str:
    return template("comparison.html").render(
        title=legible(title),
        headings=[heading for _, heading in columns()],
        polarities=list(reversed(POLARITIES)),
        data=[
            {
                "name": legible(each.name),
                "parts": [(heading, _rows(lines)) for heading, lines in _parts(each)],
                "gain_heads": _GAIN_HEADS,
                "gains": [_gain_cells(gain) for gain in each.gains],
                "failures": {legible(label): legible(why) for label, why in each.failures.items()},
                "sheet": _uri(sheets[each.name]) if each.name in sheets else None,
            }
            for each in comparisons
        ],
        notes=NOTES,
        apart_note=APART_NOTE if any(each.apart for each in comparisons) else None,
        settings=yaml.safe_dump(plain(settings), sort_keys=False, allow_unicode=True),
        versions=versions(),
    )


def _rows(lines: Sequence[Line]) -> list[Row]:
    return [
        Row(
            label=legible(line.method.label),
            pictures=str(line.pictures),
            cells={polarity: tuple(_cells(line, lines, polarity)) for polarity in POLARITIES},
            seconds=_seconds(line.seconds),
        )
        for line in lines
    ]


def _uri(sheet: Image) -> str:
    buffer = io.BytesIO()
    PIL.Image.fromarray(to_bytes(sheet)).save(buffer, "WEBP", quality=82, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
