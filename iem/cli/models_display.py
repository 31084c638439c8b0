"""How ``iem models`` shows what it knows and does: a table, a bar, sentences."""

import io
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iem.cli.streams import say

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.weights import Checkpoint

#: Why weights are trusted.
TRUST = {
    "pinned": "as stated by {who}",
    "remembered": "as of the first download",
    "first": "which nobody states: kept, and the file is compared with it before every use",
    "accepted": "which is not the expected one, accepted by --accept-changed",
    "there already": "there already",
    "hub": "its files have the sums that the hub states",
}


def describe(entry: "Checkpoint", folder: Path) -> None:
    """What is about to be fetched, from where, and under which terms."""
    say(f"{entry.name}: {entry.purpose}")
    say(f"licence: {entry.licence}")
    stated = f"sha256 stated by {entry.sha256_from}" if entry.sha256 else "unverified: nobody states its sum"
    stated = "compared with the hub's own sums" if entry.kind == "hub" else stated
    say(f"to fetch: {entry.size_words} into {folder}")
    say(f"  {entry.page} ({entry.format}; {stated})")
    if entry.note:
        say(f"note: {entry.note}")


def byte_bar(stack: ExitStack, entry: "Checkpoint") -> Any:
    """Shows a bar on a terminal, and elsewhere one line; repositories show bars of their own."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    live = console.is_terminal and entry.kind != "hub"
    bar = stack.enter_context(
        Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not live,
        )
    )
    tasks: list[Any] = []
    if entry.kind == "hub" and not console.is_terminal:
        say(f"fetching {entry.name}")

    def show(done: int, total: int | None) -> None:
        if not tasks:
            tasks.append(bar.add_task(entry.name, total=total))
            if not live:
                say(f"downloading {entry.name}" + (f" from byte {done:,} on" if done > 1 << 16 else ""))
        bar.update(tasks[0], completed=done, total=total)

    return show


def table_of(rows: "list[tuple[Checkpoint, Path | None]]", folder: Path) -> str:
    """The weights as a table; of each, whether it is here."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, leading=1)
    table.add_column("name", no_wrap=True)
    table.add_column("download", justify="right", no_wrap=True)
    table.add_column("ready", no_wrap=True)
    table.add_column("what for, licence, from where", overflow="fold")
    for entry, path in rows:
        ready = Text("yes", style="green") if path is not None else Text("\N{EN DASH}")
        terms = f"licence: {entry.licence}" + (" (to be agreed to)" if entry.needs_agreement else "")
        unverified = "; sum unverified" if entry.kind != "hub" and entry.sha256 is None else ""
        what = [entry.purpose, terms + unverified, entry.page]
        if entry.note:
            what.append(f"note: {entry.note}")
        table.add_row(entry.name, entry.size_words, ready, Text("\n".join(what)))
    stream = io.StringIO()
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((140, 24)).columns if terminal else 150
    Console(file=stream, force_terminal=terminal, width=max(100, width)).print(table)
    text = "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
    return f"{text}\nFiles are kept in {folder}. Get some with: iem models get NAME\n"
