"""``iem sweep status`` and ``iem sweep report``: how far a sweep is, and what it found."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iem.cli.interruption import interruptible
from iem.cli.streams import UsageError, say, write_json_line, write_text

if TYPE_CHECKING:
    from rich.text import Text

    from iem.runner.sweeps.jobs import Job, Sweep

STATUS_EPILOG = """
[bold]Examples[/bold]

  iem sweep status outputs/sweeps/ablation_sigma-1a2b3c4d

  iem sweep status outputs/segment --json | jq '.jobs[] | select(.state == "failed") | .error'

Exit code 0: every job is done; 1: wrong usage; 2: some are not.
"""
REPORT_EPILOG = """
[bold]Examples[/bold]

  iem sweep report outputs/sweeps/ablation_sigma-1a2b3c4d

  iem sweep report outputs/segment -o comparison --by dice_fixed

Exit code 0: every job is done; 1: wrong usage; 2: some are not; the report has what there is.
"""
_MOST_COMMANDS = 20
_STYLES = {"done": "green", "running": "cyan", "failed": "bold red", "interrupted": "yellow", "waiting": "dim"}

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a sweep, of a run, or of several runs.")]


def status(
    folder: Folder,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Say of each job of a sweep whether it is done, running, failed, interrupted or waiting.

    At the end stands the command that does what is left: what is done is not done again.
    """
    with interruptible():
        sweep = _read(folder)
        if as_json:
            write_json_line(_plain(sweep))
        else:
            write_text(_table(sweep))
        return 0 if sweep.complete else 2


def report(
    folder: Folder,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT", help="Where both files go; else DIR."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="METRIC", help="The mean that ranks the jobs; by default iou_oracle, or iou."),
    ] = None,
) -> int:
    """Compare the jobs of a sweep: a table of what varied and what came out, curves, best and worst masks.

    Written are report.html, one file that needs no network, and report.md with the same numbers.
    """
    with interruptible():
        sweep = _read(folder)
        from iem.images import ImageError
        from iem.runner.sweeps.report import write_sweep_report

        try:
            written = write_sweep_report(sweep, output or folder, by=by)
        except (ValueError, ImageError, OSError) as error:
            raise UsageError(str(error)) from error
        write_text("".join(f"{path}\n" for path in written))
        if not sweep.complete:
            say(f"iem sweep report: {_counts(sweep)}; iem sweep status {folder} says more")
        return 0 if sweep.complete else 2


def _read(folder: Path) -> "Sweep":
    from iem.runner.sweeps.jobs import read_sweep

    try:
        return read_sweep(folder)
    except (ValueError, OSError) as error:
        raise UsageError(str(error)) from error


def _plain(sweep: "Sweep") -> dict[str, object]:
    from iem.runner.results import plain
    from iem.runner.sweeps.jobs import STATES

    jobs = [
        {
            "name": job.name,
            "label": label,
            "state": job.state,
            "folder": job.folder,
            "overrides": job.overrides,
            "pictures": job.pictures,
            "total": job.total,
            "host": job.host,
            "process": job.process,
            "error": job.error,
            "means": job.means,
            "unreadable": job.failures,
            "command": job.command,
        }
        for job, label in zip(sweep.jobs, sweep.labels(), strict=True)
    ]
    counts = {state: sweep.count(state) for state in STATES}
    command = None if sweep.plan is None else sweep.plan.command
    found: dict[str, object] = plain(
        {"folder": sweep.folder, "complete": sweep.complete, "counts": counts, "command": command, "jobs": jobs}
    )
    return found


def _table(sweep: "Sweep") -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from iem.images.errors import printable

    stream = io.StringIO()
    # A terminal wraps as it likes; in a file or a pipe one job is one line.
    console = Console(file=stream, force_terminal=sys.stdout.isatty(), width=None if sys.stdout.isatty() else 400)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("job", overflow="fold")
    table.add_column("state")
    table.add_column("pictures", justify="right")
    table.add_column("IoU oracle", justify="right")
    table.add_column("folder", overflow="fold", style="dim")
    table.add_column("", overflow="fold")
    for job, label in zip(sweep.jobs, sweep.labels(), strict=True):
        mean = job.means.get("iou_oracle")
        table.add_row(
            Text(printable(label)),
            Text(job.state, style=_STYLES[job.state]),
            _pictures(job),
            "" if mean is None else f"{mean:.4f}",
            Text("" if job.folder is None else printable(job.name)),
            _remark(job),
        )
    console.print(table)
    console.print(Text(f"\n{_counts(sweep)}", style="bold"))
    if sweep.plan is not None and sweep.plan.jobs is None:
        console.print("The sweeper chooses its jobs as it goes: those to come are not listed.", highlight=False)
    for line in _advice(sweep):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _pictures(job: "Job") -> str:
    if job.folder is None:
        return ""
    return f"{job.pictures}" if job.total is None or job.state == "done" else f"{job.pictures} of {job.total}"


def _remark(job: "Job") -> "Text":
    from rich.text import Text

    from iem.images.errors import printable

    if job.state == "running":
        return Text(f"{job.host}, process {job.process}")
    if job.state == "done" and job.failures:
        return Text(f"{job.failures} could not be read")
    return Text(printable(job.error or ""))


def _counts(sweep: "Sweep") -> str:
    from iem.runner.sweeps.jobs import STATES

    counts = [f"{count} {state}" for state in STATES if (count := sweep.count(state))]
    return f"{len(sweep.jobs)} {'job' if len(sweep.jobs) == 1 else 'jobs'}: {', '.join(counts)}"


def _advice(sweep: "Sweep") -> list[str]:
    """The commands that do what is left."""
    lines: list[str] = []
    left = [job for job in sweep.jobs if job.state not in ("done", "running")]
    if sweep.plan is not None and (left or sweep.plan.jobs is None):
        lines += ["", "To do what is left; what is done is not done again:", f"  {sweep.plan.command}"]
    # A whole sweep takes up again what was merely interrupted; what failed one may want to try alone.
    alone = [job for job in left if job.state == "failed" or sweep.plan is None]
    commands = [job.command for job in alone if job.command is not None]
    if commands:
        lines += ["", "The failed ones alone:" if sweep.plan is not None else "To do what is left:"]
        lines += [f"  {command}" for command in commands[:_MOST_COMMANDS]]
    if len(commands) > _MOST_COMMANDS:
        lines.append(f"  ... and {len(commands) - _MOST_COMMANDS} more (--json lists all)")
    return lines
