"""``iem evaluate``: masks against true masks."""

import enum
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iem.cli.interruption import interruptible
from iem.cli.streams import UsageError, say, write_json_line, write_text

if TYPE_CHECKING:  # imports PyTorch, for which --help should not have to wait
    from iem.metrics.evaluation import Evaluation

EPILOG = """
[bold]Examples[/bold]

  iem evaluate results truth/

  iem evaluate masks/ truth/ --ignore void/ --ignore-rule background

  iem evaluate results dataset/ --json | jq .means.iou_oracle

Exit code 0: every true mask was scored; 1: wrong usage; 2: some could not be scored, and are listed.
"""
_MOST_LISTED = 20
_SCORES = {"iou": "IoU", "miou": "mIoU", "dice": "Dice", "accuracy": "Accuracy"}


class IgnoreRuleName(str, enum.Enum):
    """What happens to pixels of the ignore maps."""

    exclude = "exclude"
    background = "background"


def evaluate(
    predictions: Annotated[
        Path, typer.Argument(metavar="PREDICTIONS", help="Folder of masks, or the OUT of iem segment.")
    ],
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH", help="Folder of true masks, or a data set with masks/ (and ignore/).")
    ],
    ignore: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of maps of the pixels not to score, by the same names.")
    ] = None,
    ignore_rule: Annotated[
        IgnoreRuleName, typer.Option(help="Leave ignored pixels out, or count them as true background.")
    ] = IgnoreRuleName.exclude,
    resize: Annotated[
        bool, typer.Option("--resize", help="Resize predictions of another size instead of rejecting them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, with every picture.")] = False,
) -> int:
    """Score masks against true masks of the same names: IoU, mIoU, Dice and accuracy, averaged over the pictures.

    Each with both rules of polarity: fixed takes a mask as it is; oracle takes, picture by picture, the better of the
    mask and its complement, since without labels nobody says which side is the object.
    """
    with interruptible():
        from iem.metrics.evaluation import evaluate_folders

        try:
            evaluation = evaluate_folders(
                predictions, truth, ignore=ignore, ignore_rule=ignore_rule.value, resize=resize
            )
        except ValueError as error:
            raise UsageError(str(error)) from error
        if as_json:
            write_json_line(evaluation.as_dict())
        else:
            write_text(_table(evaluation))
            _list("without a prediction", evaluation.missing)
            _list("could not be scored", [f"{each.name}: {each.reason}" for each in evaluation.mismatched])
            _list("without a true mask, not scored", evaluation.extra)
        return 0 if evaluation.complete else 2


def _table(evaluation: "Evaluation") -> str:
    import io
    import sys

    from rich import box
    from rich.console import Console
    from rich.table import Table

    scored = len(evaluation.pictures)
    total = scored + len(evaluation.missing) + len(evaluation.mismatched)
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"Mean over {scored} of {total} picture{'' if total == 1 else 's'}",
        title_style="bold",
        title_justify="left",
    )
    table.add_column("score")
    for column in ("fixed polarity", "oracle polarity", "undefined"):
        table.add_column(column, justify="right")
    for score, name in _SCORES.items():
        fixed, oracle = (evaluation.means[f"{score}_{polarity}"] for polarity in ("fixed", "oracle"))
        undefined = max(evaluation.undefined[f"{score}_{polarity}"] for polarity in ("fixed", "oracle"))
        table.add_row(name, _number(fixed), _number(oracle), str(undefined))
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=sys.stdout.isatty(), width=80)
    console.print(table)
    for line in _remarks(evaluation):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return stream.getvalue()


def _remarks(evaluation: "Evaluation") -> list[str]:
    remarks = [
        "fixed: each mask as it is; oracle: the better of it and its complement, for each picture.",
        f"predictions {evaluation.predictions}, truth {evaluation.truth}",
    ]
    if evaluation.ignore is not None:
        rule = "left out" if evaluation.ignore_rule == "exclude" else "counted as true background"
        pixels = sum(each.ignored for each in evaluation.pictures)
        remarks.append(f"ignore {evaluation.ignore}: {pixels} pixels {rule}")
    if any(evaluation.undefined.values()):
        remarks.append("undefined: pictures where the score is 0/0, which are in no mean")
    return remarks


def _number(value: float) -> str:
    return "\N{EN DASH}" if math.isnan(value) else f"{value:.4f}"


def _list(what: str, entries: Sequence[str]) -> None:
    if not entries:
        return
    from iem.images.errors import printable

    say(f"{len(entries)} {what}:")
    for entry in entries[:_MOST_LISTED]:
        say(f"  {printable(entry)}")
    if len(entries) > _MOST_LISTED:
        say(f"  ... and {len(entries) - _MOST_LISTED} more (--json lists all)")
