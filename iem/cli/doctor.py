"""``iem doctor``: versions, devices, what is installed, and a self-test."""

import dataclasses
import io
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from iem.cli.interruption import interruptible
from iem.cli.streams import write_json_line, write_text

if TYPE_CHECKING:
    from iem.runner.doctor import Finding

EPILOG = """
[bold]Examples[/bold]

  iem doctor

  iem doctor --json | jq '.PyTorch'

Exit code 0: all is well; 2: something that iem needs is missing or does not work.
"""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Say what is installed and whether it works; put the answer into a bug report."""
    with interruptible():
        from iem.runner.doctor import diagnose

        sections = diagnose()
        troubles = [each for findings in sections.values() for each in findings if not each.good]
        if as_json:
            plain = {name: [_plain(each) for each in findings] for name, findings in sections.items()}
            write_json_line({"well": not troubles, **plain})
        else:
            write_text(_table(sections, troubles))
        return 2 if troubles else 0


def _plain(finding: "Finding") -> dict[str, object]:
    return {**dataclasses.asdict(finding), "advice": "" if finding.good else finding.advice}


def _table(sections: dict[str, list["Finding"]], troubles: list["Finding"]) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    # a terminal wraps as it likes; in a file or a bug report one finding is one line
    console = Console(file=stream, force_terminal=sys.stdout.isatty(), width=None if sys.stdout.isatty() else 400)
    table = Table(box=None, show_header=False, pad_edge=False)
    for style in (None, None, "dim"):
        table.add_column(style=style, overflow="fold")
    for title, findings in sections.items():
        table.add_row(Text(title, style="bold"))
        for finding in findings:
            mark, style = ("", "") if finding.good else ("!", "bold red")
            advice = "" if finding.good else finding.advice
            table.add_row(Text(f"{mark:1} {finding.name}", style=style), Text(finding.value, style=style), advice)
    console.print(table)
    end = "All is well." if not troubles else f"{len(troubles)} to look at, marked with !"
    console.print(Text(end, style="bold green" if not troubles else "bold red"))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
