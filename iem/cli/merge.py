"""``iem merge``: shards of one run joined into its result."""

from pathlib import Path
from typing import Annotated

import typer

from iem.cli.interruption import interruptible
from iem.cli.streams import UsageError, say, write_json_line, write_text

EPILOG = """
[bold]Examples[/bold]

  python experiments/segment.py -m hydra/launcher=slurm shard.count=8 'shard.index=range(8)' name=whole

  iem merge outputs/sweeps/whole -o outputs/segment/whole

  iem merge shard-0 shard-1 shard-2 -o whole

Exit code 0: merged; 1: the shards do not make a whole, and nothing was written; 2: merged, but some pictures could
not be read.
"""


def merge(
    shards: Annotated[
        list[Path], typer.Argument(metavar="SHARDS...", help="Folders of finished shards, or of a sweep over them.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT", help="Folder for the whole result.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> int:
    """Join the shards of one run into the result that the whole run would have had.

    Rows are in the data set's order, means are of all pictures, and pictures are linked, not copied, where possible.
    """
    with interruptible():
        from iem.images import ImageError
        from iem.runner.results import plain
        from iem.runner.sweeps.merging import merge as join
        from iem.runner.table import table

        try:
            result = join(shards, output)
        except (ValueError, ImageError, OSError) as error:
            raise UsageError(str(error)) from error
        if as_json:
            write_json_line(plain({"folder": output, "means": result.means, "failures": result.failures}))
        else:
            write_text(f"{table(result.rows, result.means)}\nreport: {result.report}\n")
        for failure in result.failures:
            say(f"left out: {failure}")
        return 2 if result.failures else 0
