"""Painters side by side: means over pictures, as data, text, Markdown and CSV."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iem.images import write_atomic
from iem.runner.measuring import Row
from iem.runner.page_contents import NONE, number
from iem.runner.painting_cases import AXES, Case, case_of

#: Measure -> heading, digits, and whether larger is better.
COLUMNS: Mapping[str, tuple[str, int, bool]] = {
    "psnr": ("PSNR, dB", 2, True),
    "ssim": ("SSIM", 3, True),
    "l1": ("L1", 4, False),
    "boundary": ("boundary", 4, False),
    "seconds": ("seconds", 4, False),
    "mib": ("MiB", 0, False),
}


QUALITY = ("psnr", "ssim", "l1", "boundary")


@dataclass(frozen=True)
class Line:
    """One painter's means: in one case, or, without one, in all.

    Attributes:
        painter: its name.
        case: None for all of them.
        pictures: how many paintings.
        means: measure -> mean over those where it is finite; NaN where a painter has not painted all.
    """

    painter: str
    case: Case | None
    pictures: int
    means: Mapping[str, float]


@dataclass(frozen=True)
class PaintingTable:
    """Painters side by side.

    Attributes:
        painters: in the order of the table.
        cases: likewise.
        lines: one for each painter and case, and one for each painter in all cases.
        margin: pixels around what covered a picture that were measured, too.
        pictures: in the data set.
    """

    painters: tuple[str, ...]
    cases: tuple[Case, ...]
    lines: tuple[Line, ...]
    margin: int
    pictures: int

    def line(self, painter: str, case: Case | None = None) -> Line:
        """Of one painter."""
        return next(each for each in self.lines if (each.painter, each.case) == (painter, case))

    def cells(self, measure: str, case: Case | None = None) -> list[str]:
        """One measure of all painters, ready to be shown; a dash where there is none."""
        return [shown(self.line(painter, case).means[measure], measure) for painter in self.painters]

    def best(self, measure: str, case: Case | None = None) -> set[str]:
        """The painters whose mean is the best, as rounded as it is shown; nobody if there is no choice."""
        _, digits, larger = COLUMNS[measure]
        if measure not in QUALITY:
            return set()
        found = {each: round(self.line(each, case).means[measure], digits) for each in self.painters}
        known = [value for value in found.values() if math.isfinite(value)]
        if len(known) < 2:
            return set()
        top = max(known) if larger else min(known)
        return {each for each, value in found.items() if value == top}


def side_by_side(
    rows: Mapping[str, Sequence[Row]],
    cases: Sequence[Case],
    *,
    memory: Mapping[str, float],
    margin: int,
    pictures: int,
) -> PaintingTable:
    """The means of all painters.

    A mean over fewer pictures than others have would not be comparable, so it is NaN: of a painter that passed over
    large holes, and of one that failed.

    Args:
        rows: painter -> one row per picture and case.
        cases: in the order of the table.
        memory: painter -> MiB.
        margin: that was measured around what covered a picture.
        pictures: in the data set.
    """
    most = {case: max(sum(case_of(row) == case for row in found) for found in rows.values()) for case in cases}
    lines = []
    for painter, found in rows.items():
        by_case: dict[Case, list[Row]] = {case: [] for case in cases}
        for row in found:
            by_case[case_of(row)].append(row)
        for case, some in by_case.items():
            lines.append(_line(painter, case, some, most[case], {}))
        lines.append(_line(painter, None, found, sum(most.values()), memory))
    return PaintingTable(tuple(rows), tuple(cases), tuple(lines), margin, pictures)


def as_plain(table: PaintingTable) -> list[dict[str, Any]]:
    """For JSON and CSV: a line for each painter and case, and one for all cases, whose ``kind`` is "all"."""
    whole = {"kind": "all"} | dict.fromkeys(AXES[1:])
    return [
        {
            "painter": line.painter,
            **(whole if line.case is None else line.case.as_row()),
            "pictures": line.pictures,
            **line.means,
        }
        for line in table.lines
    ]


def write_csv(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows with the same keys; NaN and None are left empty."""
    listed = list(rows)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(listed[0]) if listed else [], lineterminator="\n")
    writer.writeheader()
    for row in listed:
        writer.writerow({key: "" if value is None or value != value else value for key, value in row.items()})
    write_atomic(path, buffer.getvalue().encode("utf-8", "replace"))


def as_markdown(table: PaintingTable) -> str:
    """All painters in all cases, then one table for each measure of how good they are, with a row for each case."""
    parts = [_grid(*_summary(table))]
    for measure in QUALITY:
        if len(table.cases) < 2:
            break
        head = [COLUMNS[measure][0], *table.painters]
        body = [[case.describe(), *_marked(table, measure, case)] for case in table.cases]
        parts.append(_grid(head, body))
    return "\n\n".join([*parts, note(table)]) + "\n"


def note(table: PaintingTable) -> str:
    """What the numbers are of."""
    around = f" and {table.margin} pixels around it" if table.margin else ""
    many = "" if table.pictures == 1 else "s"
    return (
        f"Means over {table.pictures} picture{many}, measured in what was covered{around}. PSNR and SSIM: larger is "
        "better; L1, boundary, seconds and MiB: smaller. A dash: not every hole was painted, or nothing is known."
    )


def as_text(table: PaintingTable, width: int = 160) -> str:
    """For a terminal: the means of all cases, and the PSNR of each; a star marks the best."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    def drawn(title: str, head: Sequence[str], body: Sequence[Sequence[str]]) -> Table:
        found = Table(box=box.SIMPLE_HEAD, title=title, title_style="bold", title_justify="left")
        found.add_column(head[0], no_wrap=True)
        for column in head[1:]:
            found.add_column(column, justify="right", no_wrap=True)
        for row in body:
            found.add_row(*row)
        return found

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=False, width=width)
    head, body = _summary(table, mark="{}*")
    console.print(drawn(f"All cases, {table.pictures} picture{'' if table.pictures == 1 else 's'}", head, body))
    if len(table.cases) > 1:
        body = [[case.describe(), *_marked(table, "psnr", case, "{}*")] for case in table.cases]
        console.print(drawn("PSNR, dB", ["case", *table.painters], body))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def shown(value: object, measure: str) -> str:
    """A mean with its digits, a dash for none.

    >>> shown(21.456, "psnr"), shown(None, "ssim")
    ('21.46', '–')
    """
    found = number(value)
    return NONE if math.isnan(found) else f"{found:.{COLUMNS[measure][1]}f}"


def _summary(table: PaintingTable, mark: str = "**{}**") -> tuple[list[str], list[list[str]]]:
    head = ["painter", *(heading for heading, _, _ in COLUMNS.values())]
    columns = [_marked(table, measure, None, mark) for measure in COLUMNS]
    return head, [list(row) for row in zip(table.painters, *columns, strict=True)]


def _marked(table: PaintingTable, measure: str, case: Case | None, mark: str = "**{}**") -> list[str]:
    best = table.best(measure, case)
    cells = zip(table.painters, table.cells(measure, case), strict=True)
    return [mark.format(cell) if painter in best else cell for painter, cell in cells]


def _grid(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = (c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
        return f"| {' | '.join(padded)} |"

    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:]), ""])
    return "\n".join([line(head), rule, *map(line, body)])


def _line(painter: str, case: Case | None, rows: Sequence[Row], wanted: int, memory: Mapping[str, float]) -> Line:
    means = {}
    for measure in COLUMNS:
        if measure == "mib":
            means[measure] = memory.get(painter, math.nan)
            continue
        values = [value for row in rows if not math.isnan(value := number(row.get(measure)))]
        means[measure] = math.fsum(values) / len(values) if values and len(rows) == wanted else math.nan
    return Line(painter, case, len(rows), means)
