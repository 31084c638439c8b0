"""``iem study``: what people say of painted pictures, without knowing who painted them."""

import csv
import io
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iem.cli.interruption import interruptible
from iem.cli.streams import UsageError, say, write_json_line, write_text

if TYPE_CHECKING:  # imports PyTorch, for which --help should not have to wait
    from iem.runner.study_collect import Collected, Statistic

BUILD_EPILOG = """
[bold]Examples[/bold]

  python experiments/mask_generators.py

  iem study build outputs/mask_generators/masks -o study

Two files are written. study.html: one page without any request to outside, to hand out as it is; it does not tell which method made what. key.json: tells it; keep it to yourself until the answers are in, iem study collect needs it.

RUN may be any folder with photos/NAME.png, prompts.json, {"NAME.png": {"text": "green bin"}}, and painted/METHOD/NAME.png.

Exit code 0: all results are in the study; 1: wrong usage; 2: some are missing, and are listed.
"""  # noqa: E501 (a paragraph's lines would be broken where they are here)
COLLECT_EPILOG = """
[bold]Examples[/bold]

  iem study collect answers/ --key study/key.json

  iem study collect anna.json ben.json --key study/key.json --csv table.csv

Q1: removed, yes is 1. Q2: something else altered, yes is 1. Q3: harmony, 0 to 10. Q3 | Q1: harmony where it was removed. Q1 and not Q2: removed, and nothing else altered. Each is a mean over persons of each one's mean, with the standard deviation over persons in brackets.

Exit code 0: all files are counted; 1: wrong usage, or none can be counted; 2: some are not, and are listed.
"""  # noqa: E501
_COLUMNS = {
    "q1": ("Q1 removed", 2),
    "q2": ("Q2 altered", 2),
    "q3": ("Q3 harmony", 2),
    "q3_given_q1": ("Q3 | Q1", 2),
    "q1_and_not_q2": ("Q1 and not Q2", 3),
}
_COMPANIONS = {"iou": ("IoU", 3), "left": ("Left", 3), "outside": ("Outside", 2), "seconds": ("Mask, s", 2)}


def build(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run of experiments/mask_generators.py.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Where to write the study.")],
    seed: Annotated[int, typer.Option(help="Of the order of photographs and results.", min=0)] = 0,
    title: Annotated[str, typer.Option(help="Heads the page.")] = "Was it removed?",
    quality: Annotated[int, typer.Option(help="Of the page's pictures, which are JPEGs.", min=50, max=100)] = 92,
) -> int:
    """Make a questionnaire of a run: one page on which people judge each method's results, blinded and shuffled."""
    with interruptible():
        from iem.images.errors import printable
        from iem.runner.study_build import build_study
        from iem.runner.study_pictures import StudyError

        try:
            study = build_study(run, output, seed=seed, title=title, quality=quality)
        except (StudyError, OSError) as error:
            raise UsageError(str(error)) from error
        say(f"{study.pictures} photographs, {study.results} results")
        for each in study.missing:
            say(f"not in it: {printable(each)}")
        size = study.page.stat().st_size / 1e6
        write_text(f"{study.page} ({size:.1f} MB): hand it out\n{study.key}: keep it to yourself\n")
        return 2 if study.missing else 0


def collect(
    answers: Annotated[
        list[Path], typer.Argument(metavar="ANSWERS...", help="Files that the page saved, or folders of them.")
    ],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The study's key.json.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    as_csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Also write the table there.")] = None,
) -> int:
    """Count people's answers: means and standard deviations per method, and who they are."""
    with interruptible():
        from iem.images import write_atomic
        from iem.images.errors import printable
        from iem.runner.study_collect import collect as collect_answers
        from iem.runner.study_pictures import StudyError

        try:
            found = collect_answers(answers, key)
        except StudyError as error:
            raise UsageError(str(error)) from error
        if as_csv is not None:
            try:
                write_atomic(as_csv, _csv(found).encode())
            except OSError as error:
                raise UsageError(f"--csv: {as_csv} cannot be written: {error.strerror}") from error
        for each in found.problems:
            say(printable(each))
        if not found.persons:
            raise UsageError("ANSWERS: expected the answers of at least one person, found none that can be counted")
        for each in found.notes:
            say(printable(each))
        if as_json:
            write_json_line(found.as_dict())
        else:
            write_text(_table(found))
        return 2 if found.problems else 0


def _table(found: "Collected") -> str:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    persons = f"{found.persons} person{'' if found.persons == 1 else 's'}"
    table = Table(
        box=box.SIMPLE_HEAD,
        title=f"{persons}: mean (sigma over persons)",
        title_style="bold",
        title_justify="left",
    )
    table.add_column("Method")
    for heading, _ in _COLUMNS.values():
        table.add_column(heading, justify="right")
    table.add_column("Answers", justify="right")
    for name in found.methods:
        cells = [_cell(found.table[name][measure], digits) for measure, (_, digits) in _COLUMNS.items()]
        table.add_row(name, *cells, str(found.answers[name]))
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=sys.stdout.isatty(), width=100)
    console.print(table)
    known = [key for key in _COMPANIONS if any(key in found.companions.get(name, {}) for name in found.methods)]
    if known:
        counted = Table(box=box.SIMPLE_HEAD, title="What can be counted", title_style="bold", title_justify="left")
        counted.add_column("Method")
        for each in known:
            counted.add_column(_COMPANIONS[each][0], justify="right")
        for name in found.methods:
            own = found.companions.get(name, {})
            counted.add_row(
                name, *(f"{own[each]:.{_COMPANIONS[each][1]}f}" if each in own else "\N{EN DASH}" for each in known)
            )
        console.print(counted)
        if "left" in known:
            note = (
                "Left: the share of the object that is still to be seen. Outside: mean change of a colour outside the "
                "object, in levels of 255."
            )
            console.print(note, highlight=False)
    return stream.getvalue()


def _cell(statistic: "Statistic", digits: int) -> str:
    if math.isnan(statistic.mean):
        return "\N{EN DASH}"
    sigma = "\N{EN DASH}" if math.isnan(statistic.sigma) else f"{statistic.sigma:.2f}"
    return f"{statistic.mean:.{digits}f} ({sigma})"


def _csv(found: "Collected") -> str:
    known = [key for key in _COMPANIONS if any(key in found.companions.get(name, {}) for name in found.methods)]
    stream = io.StringIO()
    rows = csv.writer(stream, lineterminator="\n")
    heads = [f"{measure}{ending}" for measure in _COLUMNS for ending in ("", "_sigma")]
    rows.writerow(["method", *heads, "answers", "persons", *known])
    for name in found.methods:
        cells: list[Any] = []
        for measure in _COLUMNS:
            statistic = found.table[name][measure]
            cells += ["" if math.isnan(value) else value for value in (statistic.mean, statistic.sigma)]
        own = found.companions.get(name, {})
        rows.writerow([name, *cells, found.answers[name], found.persons, *(own.get(key, "") for key in known)])
    return stream.getvalue()
