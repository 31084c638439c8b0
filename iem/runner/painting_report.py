"""One page and one sheet of pictures that show painters side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from iem.images import ImageError, read, write_atomic, write_image
from iem.interfaces import Image
from iem.runner.page_contents import as_yaml, picture_uri
from iem.runner.pages import template
from iem.runner.painting_cases import Case
from iem.runner.painting_run import Painter, PaintingRun
from iem.runner.painting_table import COLUMNS, PaintingTable, note
from iem.runner.versions import versions
from iem.visualise import contact_sheet, legible

HOLE = (0.92, 0.94, 0.97)  # nearly white: no photograph's own colour, and calm beside it
EDGE = (0.84, 0.0, 0.42)
_SHEET_SIDE = 4000  # pixels, of the sheet on the page
_TILE = 224


def write_sheet(path: Path, run: PaintingRun, chosen: Mapping[str, Case]) -> bool:
    """Write the sheet: a row for each picture that was kept, with the original, its hole and all paintings.

    Returns:
        Whether there was anything to show.
    """
    rows = [_row(run, name, case) for name, case in chosen.items()]
    rows = [row for row in rows if row]
    if not rows:
        return False
    labels = ["original", "hole", *(painter.name.replace("_", " ") for painter in run.painters)]
    write_image(path, contact_sheet(rows, labels=labels, height=_TILE))
    return True


def with_hole(damaged: Image, hole: Image) -> Image:
    """The hole in a picture, filled: for holes that are all that is covered.

    Args:
        damaged: ``[1, 3, h, w]``.
        hole: likewise, grey.
    """
    inside = hole[:, :1]
    light = torch.tensor(HOLE).view(1, 3, 1, 1)
    return (1 - inside) * damaged + inside * light


def outlined(damaged: Image, hole: Image) -> Image:
    """The edge of the hole, two pixels wide: for grown and soft holes, so that what they miss is seen."""
    inside = (hole[:, :1] > 0.5).float()
    grown = torch.nn.functional.max_pool2d(inside, 3, 1, 1)
    shrunk = -torch.nn.functional.max_pool2d(-inside, 3, 1, 1)
    edge = grown - shrunk
    return (1 - edge) * damaged + edge * torch.tensor(EDGE).view(1, 3, 1, 1)


def write_painting_report(
    path: Path,
    *,
    title: str,
    table: PaintingTable,
    settings: Mapping[str, Any],
    painters: Sequence[Painter],
    sheet: Path | None,
    chosen: Mapping[str, Case],
    failures: Sequence[str],
) -> None:
    """Write one self-contained HTML file: means, a table for each measure, the sheet, settings and versions.

    Args:
        path: the file to write, whole or not at all.
        title: of the page.
        table: the means.
        settings: of the run.
        painters: that were tried.
        sheet: the picture; None for none.
        chosen: name -> case of its rows.
        failures: what could not be read or painted.
    """
    page = template("painting_report.html").render(
        title=legible(title),
        note=note(table),
        columns={key: heading for key, (heading, _, _) in COLUMNS.items()},
        painters=[painter.name for painter in painters],
        summary=[
            [
                (cell, table.painters[i] in table.best(measure))
                for measure in COLUMNS
                for cell in [table.cells(measure)[i]]
            ]
            for i in range(len(table.painters))
        ],
        measures=[
            {
                "heading": COLUMNS[measure][0],
                "rows": [
                    (
                        case.describe(),
                        [
                            (cell, painter in table.best(measure, case))
                            for painter, cell in zip(table.painters, table.cells(measure, case), strict=True)
                        ],
                    )
                    for case in table.cases
                ],
            }
            for measure in COLUMNS
            if measure != "mib"
        ],
        limits={painter.name: painter.most for painter in painters if painter.most is not None},
        sheet=None if sheet is None else picture_uri(sheet, "sheet", _SHEET_SIDE),
        chosen=[f"{legible(name)}: {case.describe()}" for name, case in chosen.items()],
        failures=[legible(each) for each in failures],
        settings=as_yaml(settings),
        versions={legible(key): legible(value) for key, value in versions().items()},
    )
    write_atomic(path, page.encode("utf-8", "replace"))


def _row(run: PaintingRun, name: str, case: Case) -> list[Image]:
    folder = run.pictures(name, case)
    try:
        original, damaged, hole = (read(folder / f"{stem}.png").image for stem in ("original", "damaged", "hole"))
    except ImageError:
        return []
    plain = case.reach == 0
    row = [original, with_hole(damaged, hole) if plain else outlined(damaged, hole)]
    for painter in run.painters:
        try:
            row.append(read(run.painting(name, case, painter)).image)
        except ImageError:  # a hole that is too large for it
            row.append(torch.ones_like(original))
    return row
