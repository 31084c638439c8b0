"""What ways of removal came to: a table, a sheet of pictures and a page."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iem.images import resize, write_atomic, write_image
from iem.interfaces import Dataset, Image
from iem.runner.page_contents import as_yaml, picture_uri
from iem.runner.pages import template
from iem.runner.remove_run import MEASURES, RemoveRun, Way
from iem.runner.versions import versions
from iem.visualise import contact_sheet, legible, overlay

NONE = "\N{EN DASH}"
HEADINGS = {
    "iou": ("IoU of the mask", "{:.3f}"),
    "left": ("Object left", "{:.1%}"),
    "outside": ("Change outside", "{:.2f}"),
    "psnr": ("PSNR, dB", "{:.2f}"),
    "seconds_mask": ("Seconds to find", "{:.2f}"),
    "seconds_paint": ("Seconds to paint", "{:.2f}"),
}
NOTE = (
    "Object left: the share of the object that is still seen. Change outside: the mean change of pixels that show "
    "nothing of the object, in 8-bit steps; growing costs there what it gains in the column before. PSNR: against what "
    "is behind the object, where that is known."
)
_TILE = 200
_MOST_COLUMNS = 9
Means = Mapping[Way, Mapping[str, Any]]


def lines(means: Means) -> list[list[str]]:
    """The table, its heading first."""
    rows = [["Way", *(heading for heading, _ in HEADINGS.values()), "Pictures"]]
    for way, values in means.items():
        cells = [_cell(values[key], HEADINGS[key][1]) for key in MEASURES]
        rows.append([way.describe(), *cells, str(values["pictures"])])
    return rows


def as_markdown(means: Means) -> str:
    """The table.

    >>> way = Way("box", "iem", "harmonic", 0.01, 0.0)
    >>> values = {"iou": 0.5, "left": 0.25, "outside": 1, "psnr": None, "seconds_mask": 1, "seconds_paint": 0}
    >>> print(as_markdown({way: {**values, "pictures": 3}}).splitlines()[-1])
    | box, iem, harmonic, grown 1 % | 0.500 | 25.0 % | 1.00 | – | 1.00 | 0.00 | 3 |
    """
    head, *body = lines(means)
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, rule, *body))


def write_table(path: Path, means: Means) -> None:
    """The table as CSV, numbers in full."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    names = ("prompt", "segmenter", "painter", "grow", "feather")
    writer.writerow([*names, *MEASURES, "pictures"])
    for way, values in means.items():
        writer.writerow([*(getattr(way, name) for name in names), *(values[key] for key in (*MEASURES, "pictures"))])
    write_atomic(path, buffer.getvalue().encode())


def write_sheet(path: Path, run: RemoveRun, dataset: Dataset, names: Sequence[str], most: int) -> int:
    """A row per picture: the mask of the last way, and what every way, nine at most, made of it; returns how many."""
    count = min(most, len(names))
    ways = run.ways[:: max(1, -(-len(run.ways) // _MOST_COLUMNS))]
    rows = []
    for name in [names[(2 * i + 1) * len(names) // (2 * count)] for i in range(count)]:
        scene = run.scene(dataset, dataset[list(dataset.names).index(name)])
        tried = [(way, mask, painted) for way, mask, _, painted, _ in run.tried(scene) if way in ways]
        shown = overlay(_tile(scene.image), (_tile(tried[-1][1].expand(-1, 3, -1, -1))[:, :1] > 0.5).float())
        rows.append([shown, *(_tile(painted) for _, _, painted in tried)])
    if rows:
        write_image(path, contact_sheet(rows, labels=["mask", *_headings(ways)], height=_TILE))
    return count


def write_report(
    path: Path,
    *,
    title: str,
    means: Means,
    settings: Mapping[str, Any],
    sheet: Path | None,
    failures: Sequence[str],
) -> None:
    """Write one self-contained HTML file."""
    head, *body = lines(means)
    page = template("remove_report.html").render(
        title=legible(title),
        note=NOTE,
        head=head,
        body=[[legible(cell) for cell in row] for row in body],
        sheet=None if sheet is None else picture_uri(sheet, "sheet", 4000),
        failures=[legible(each) for each in failures],
        settings=as_yaml(settings),
        versions={legible(key): legible(value) for key, value in versions().items()},
    )
    write_atomic(path, page.encode("utf-8", "replace"))


def _headings(ways: Sequence[Way]) -> list[str]:
    """What tells the ways apart."""
    names = ("prompt", "segmenter", "painter", "grow", "feather")
    telling = [name for name in names if len({getattr(way, name) for way in ways}) > 1] or ["painter"]
    return [" ".join(_word(name, getattr(way, name)) for name in telling) for way in ways]


def _word(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{'soft' if name == 'feather' else 'grown'} {100 * value:g} %"
    return str(value).replace("_", " ")


def _cell(value: float | None, form: str) -> str:
    return NONE if value is None else form.format(value).replace("%", " %")


def _tile(image: Image) -> Image:
    width = max(1, round(image.shape[3] * _TILE / image.shape[2]))
    return resize(image, (_TILE, width)).clamp(0, 1)
