"""``iem evaluate-painting``: painted pictures against their originals."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iem.cli.interruption import interruptible
from iem.cli.streams import UsageError, say, write_json_line, write_text

if TYPE_CHECKING:  # imports PyTorch, for which --help should not have to wait
    from torch import Tensor

    from iem.interfaces import Image
    from iem.metrics.fid import Features
    from iem.metrics.painting_evaluation import PaintingEvaluation

EPILOG = """
[bold]Examples[/bold]

  iem evaluate-painting painted/ originals/ --holes holes/

  iem evaluate-painting painted/ originals/ --holes holes/ --json | jq .means.psnr

  iem evaluate-painting painted/ originals/ --features inception.py:features

Exit code 0: every original was scored; 1: wrong usage; 2: some could not be scored, and are listed.
"""
_MOST_LISTED = 20
_SCORES = {
    "psnr": ("PSNR", "dB, larger is better", ".2f"),
    "ssim": ("SSIM", "at most 1, larger is better", ".4f"),
    "l1": ("L1", "0 to 1, smaller is better", ".4f"),
    "boundary": ("Boundary error", "0 to 1, smaller is better", ".4f"),
}


def evaluate_painting(
    painted: Annotated[Path, typer.Argument(metavar="PAINTED", help="Folder of painted pictures.")],
    truth: Annotated[
        Path, typer.Argument(metavar="TRUTH", help="Folder of the originals, or a data set with images/.")
    ],
    holes: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of masks by the same names, white where it was painted; without, whole pictures are scored.",
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.py:NAME",
            help="Also the Frechet distance (FID): a function in a file of yours that takes pictures as float[b, 3, h, "
            "w] in [0, 1] and returns float[b, d]. More pictures than features are needed.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout, with every picture.")] = False,
) -> int:
    """Score painted pictures against the originals of the same names, inside their holes: PSNR, SSIM, L1, boundary.

    All are averaged over the pictures. The boundary error is that of the step from a hole's pixels to their neighbours
    outside: how much of a seam there is that the original does not have.
    """
    with interruptible():
        from iem.metrics.painting_evaluation import evaluate_paintings

        try:
            evaluation = evaluate_paintings(
                painted, truth, holes=holes, features=None if features is None else _load(features)
            )
        except ValueError as error:
            raise UsageError(str(error)) from error
        if as_json:
            write_json_line(evaluation.as_dict())
        else:
            write_text(_table(evaluation))
            _list("without a painted picture", evaluation.missing)
            _list("could not be scored", [f"{each.name}: {each.reason}" for each in evaluation.mismatched])
            _list("without an original, not scored", evaluation.extra)
        return 0 if evaluation.complete else 2


def _load(place: str) -> "Features":
    """The user's function, from the user's file."""
    import importlib.util

    file, _, name = place.rpartition(":")
    if not file or not name.isidentifier():
        raise UsageError(f"--features: expected FILE.py:NAME, got {place}")
    if not Path(file).is_file():
        raise UsageError(f"--features: expected a file, found no {file}")
    spec = importlib.util.spec_from_file_location("features_of_the_user", file)
    if spec is None or spec.loader is None:
        raise UsageError(f"--features: expected a file of Python, got {file}")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"--features: {file} cannot be run: {type(error).__name__}: {error}") from error
    found: Features | None = getattr(module, name, None)
    if not callable(found):
        raise UsageError(f"--features: expected a function {name} in {file}, found none")

    def guarded(image: "Image") -> "Tensor":
        try:
            return found(image)
        except Exception as error:
            size = f"{image.shape[3]} x {image.shape[2]}"
            raise UsageError(
                f"--features: {name} failed on a picture of {size}: {type(error).__name__}: {error}"
            ) from error

    return guarded


def _table(evaluation: "PaintingEvaluation") -> str:
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
    for column in ("mean", "undefined"):
        table.add_column(column, justify="right")
    table.add_column("")
    for score, (name, meaning, form) in _SCORES.items():
        if score == "boundary" and evaluation.holes is None:
            continue
        mean = _number(evaluation.means[score], form)
        table.add_row(name, mean, str(evaluation.undefined[score]), meaning)
    if evaluation.frechet is not None:
        table.add_row("Frechet distance", f"{evaluation.frechet:.4g}", "", "two sets, smaller is better")
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=sys.stdout.isatty(), width=80)
    console.print(table)
    for line in _remarks(evaluation):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return stream.getvalue()


def _remarks(evaluation: "PaintingEvaluation") -> list[str]:
    if evaluation.holes is None:
        where = "scored: whole pictures; --holes DIR scores what was painted alone"
    else:
        shares = [each.hole for each in evaluation.pictures]
        mean = f", {100 * math.fsum(shares) / len(shares):.1f} % of the picture on average" if shares else ""
        where = f"scored: the holes of {evaluation.holes}{mean}"
    remarks = [where, f"painted {evaluation.painted}, truth {evaluation.truth}"]
    if evaluation.perfect:
        remarks.append(f"{evaluation.perfect} painted without any difference: an infinite PSNR, which is in no mean")
    if evaluation.holes is not None and any(evaluation.undefined.values()):
        remarks.append("undefined: without a hole, with nothing but a hole, or too small for SSIM; in no mean")
    return remarks


def _number(value: float, form: str) -> str:
    return "\N{EN DASH}" if math.isnan(value) else format(value, form)


def _list(what: str, entries: Sequence[str]) -> None:
    if not entries:
        return
    from iem.images.errors import printable

    say(f"{len(entries)} {what}:")
    for entry in entries[:_MOST_LISTED]:
        say(f"  {printable(entry)}")
    if len(entries) > _MOST_LISTED:
        say(f"  ... and {len(entries) - _MOST_LISTED} more (--json lists all)")
