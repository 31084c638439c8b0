"""How ``iem data`` shows what it knows and does: tables, bars, sentences."""

import io
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iem.cli.streams import say

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.datasets.catalogue import CatalogueEntry, RemoteFile
    from iem.datasets.checking import CheckReport

_MOST_LISTED = 20

#: Why a file is trusted, after its sum.
TRUST = {
    "pinned": "as stated by {who}",
    "remembered": "as of the first download",
    "first": "which nobody states: kept, and later downloads are compared with it",
    "accepted": "which is not the expected one, accepted by --accept-changed",
    "there already": "there already",
}


def describe(entry: "CatalogueEntry", folder: Path) -> None:
    """What is about to be downloaded, from where, and under which terms."""
    say(f"{entry.name}: {entry.title}, {entry.pictures:,} pictures; {entry.homepage}")
    say(f"licence: {entry.licence}")
    say(f"to download: {size_in_words(entry.size)} into {folder}")
    for file in entry.files:
        stated = "no sum is stated, the first download's is kept"
        if file.sum:
            known = "computed by this project" if file.verified else f"stated by {file.sum_from}, not verified here"
            stated = f"{file.sum.partition(':')[0]} {known}"
        say(f"  {file.url} ({size_in_words(file.size)}; {stated})")
    if entry.note:
        say(f"note: {entry.note}")


def file_bar(stack: ExitStack) -> Any:
    """Shows a bar for each file on a terminal, and elsewhere one line."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    bar = stack.enter_context(
        Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
    )
    tasks: dict[str, Any] = {}

    def show(file: "RemoteFile", done: int, total: int | None) -> None:
        if file.url not in tasks:
            tasks[file.url] = bar.add_task(file.name, total=total)
            if not console.is_terminal:
                say(f"downloading {file.name}" + (f" from byte {done:,} on" if done > 1 << 16 else ""))
        bar.update(tasks[file.url], completed=done, total=total)

    return show


def picture_bar(stack: ExitStack, word: str) -> Any:
    """A bar for pictures, on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn(word),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    bar = stack.enter_context(Progress(*columns, console=console, transient=True, disable=not console.is_terminal))
    task = bar.add_task(word, total=None)

    def show(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    return show


def table_of(rows: list[tuple["CatalogueEntry", int | None]], parent: Path) -> str:
    """The data sets as a table; of each, how many pictures were found."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, leading=1)
    for column, justify in (("name", "left"), ("pictures", "right"), ("download", "right"), ("on disk", "right")):
        table.add_column(column, justify="right" if justify == "right" else "left", no_wrap=True)
    table.add_column("what, from where, licence", overflow="fold")
    for entry, found in rows:
        on_disk = "\N{EN DASH}" if found is None else f"{found:,}"
        style = "green" if found == entry.pictures else "yellow" if found is not None else ""
        what = f"{entry.title}\n{entry.homepage}\nlicence: {entry.licence}"
        size = size_in_words(entry.size)
        cells = (entry.name, f"{entry.pictures:,}", size, Text(on_disk, style=style), Text(what))
        table.add_row(*cells)
    stream = io.StringIO()
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((140, 24)).columns if terminal else 140
    Console(file=stream, force_terminal=terminal, width=max(100, width)).print(table)
    text = "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
    return f"{text}\nOn disk: pictures in {parent}. Get one with: iem data get NAME\n"


def words_of(report: "CheckReport") -> str:
    """A check as text."""
    opened = "names and headers looked at" if report.quick else "every picture and mask opened"
    count = f"{report.usable:,}" + (f" of {report.expected:,}" if report.expected is not None else "")
    lines = [f"{report.name} in {report.root}: {count} pictures are fine ({opened})"]
    if report.splits:
        lines.append("splits: " + ", ".join(f"{name} {number:,}" for name, number in report.splits.items()))
    lines += [f"note: {note}" for note in report.notes]
    if report.problems:
        lines.append(f"{len(report.problems)} problem{'' if len(report.problems) == 1 else 's'}:")
        lines += [f"  {problem}" for problem in report.problems[:_MOST_LISTED]]
        if len(report.problems) > _MOST_LISTED:
            lines.append(f"  ... and {len(report.problems) - _MOST_LISTED} more (--json lists all)")
    if report.whole:
        lines.append("It is whole.")
    elif not report.problems and report.expected is not None:
        lines.append(
            f"{report.expected - report.usable:,} pictures are missing; get them with: iem data get {report.name}"
        )
    from iem.images.errors import printable

    return "".join(f"{printable(line)}\n" for line in lines)


def size_in_words(size: float) -> str:
    """Bytes, for people."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} bytes"
