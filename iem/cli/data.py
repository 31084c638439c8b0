"""``iem data``: which data sets there are, getting them, checking them, making masks for LSUN Car."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from iem.cli.data_display import TRUST, describe, file_bar, picture_bar, table_of, words_of
from iem.cli.interruption import interruptible
from iem.cli.streams import UsageError, say, write_json_line, write_text

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.datasets.catalogue import CatalogueEntry

LIST_EPILOG = """
[bold]Examples[/bold]

  iem data list

  iem data list --root /scratch/data --json | jq .name
"""
GET_EPILOG = """
[bold]Examples[/bold]

  iem data get flowers

  iem data get cub -o /scratch/data/cub --accept-licence

Exit code 0: the data set is there; 1: wrong usage, or the licence was not accepted; 2: the download failed.
The same command goes on where an interrupted one was.
"""
CHECK_EPILOG = """
[bold]Examples[/bold]

  iem data check flowers

  iem data check ecssd /scratch/ecssd --quick

  iem data check image_mask_folder my_pictures/ --json

Exit code 0: whole; 1: wrong usage; 2: something is missing or does not fit, and is named.
"""
MASKS_EPILOG = """
[bold]Examples[/bold]

  iem data masks lsun_car data/lsun_car --detector facebook/mask2former-swin-tiny-coco-instance

  iem data masks lsun_car data/lsun_car --detector my_package.my_module:find_objects --number 1000

Exit code 0: every picture was looked at; 1: wrong usage; 2: some pictures could not be read.
The same command goes on where an interrupted one was.
"""
_HELP_ROOT = "Folder of all data sets; $IEM_DATA, or data/, if left out."

Root = Annotated[Path | None, typer.Option("--root", metavar="DIR", help=_HELP_ROOT)]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]


def list_datasets(root: Root = None, as_json: AsJson = False) -> int:
    """Show the data sets of the literature: size, licence, origin, and what is on this disk."""
    with interruptible():
        from iem.datasets.catalogue import CATALOGUE
        from iem.datasets.checking import count_pictures

        parent = _data_folder(root)
        rows = []
        for entry in CATALOGUE:
            found = count_pictures(entry.name, parent / entry.name)
            rows.append((entry, found))
            if as_json:
                write_json_line(
                    {
                        "name": entry.name,
                        "title": entry.title,
                        "pictures": entry.pictures,
                        "bytes": entry.size,
                        "licence": entry.licence,
                        "homepage": entry.homepage,
                        "note": entry.note,
                        "folder": str(parent / entry.name),
                        "on_disk": found,
                    }
                )
        if not as_json:
            write_text(table_of(rows, parent))
        return 0


def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As iem data list calls it.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder for it; $IEM_DATA/NAME or data/NAME.")
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to what its publishers say, without being asked.")
    ] = False,
    accept_changed: Annotated[
        bool, typer.Option("--accept-changed", help="Take a file although its sum is not the expected one.")
    ] = False,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Leave the archives in DIR/.downloads.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Download a data set: its licence first, then its files, with their sums checked, and unpack it.

    An interrupted download goes on where it was; what is there is not fetched again.
    """
    with interruptible():
        from iem.datasets.download import DownloadError
        from iem.datasets.download import get as download

        entry = _entry(name)
        folder = output if output is not None else _data_folder(None) / entry.name
        describe(entry, folder)
        _agree(entry, accept_licence)
        with ExitStack() as stack:
            show = file_bar(stack)
            try:
                got = download(
                    entry, folder, accept_changed=accept_changed, keep_archives=keep_archives, on_progress=show
                )
            except (DownloadError, ModuleNotFoundError) as error:
                failure = str(error)
            else:
                failure = ""
        if failure:
            say(f"iem: {failure}")
            return 2
        for each in got:
            say(f"{each.file.name}: sha256 {each.sha256}, {TRUST[each.trust].format(who=each.file.sum_from)}")
        if as_json:
            files = [{"file": each.file.name, "sha256": each.sha256, "trust": each.trust} for each in got]
            write_json_line({"name": entry.name, "folder": str(folder), "files": files})
        say(f"{entry.name} is in {folder}; look at it with: iem data check {entry.name} {folder}")
        return 0


def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As iem data list calls it, or image_mask_folder.")],
    root: Annotated[
        Path | None, typer.Argument(metavar="ROOT", help="Where it lies; $IEM_DATA/NAME or data/NAME if left out.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Names and headers alone; nothing is decoded.")] = False,
    as_json: AsJson = False,
) -> int:
    """Count a data set, open every picture and mask, and name what is missing or does not fit."""
    with interruptible():
        from iem.datasets.checking import NAMES
        from iem.datasets.checking import check as look
        from iem.datasets.problems import DatasetError

        known = name.lower().replace("-", "_")
        if known not in NAMES:
            raise UsageError(f"expected one of {', '.join(NAMES)}, got {name!r}")
        folder = root if root is not None else _data_folder(None) / known
        failure, report = "", None
        with ExitStack() as stack:
            try:
                report = look(known, folder, quick=quick, on_picture=picture_bar(stack, "opening"))
            except (DatasetError, ModuleNotFoundError) as error:
                failure = str(error)
        if report is None:
            if as_json:
                write_json_line({"name": known, "root": str(folder), "whole": False, "error": failure})
            say(f"iem: {failure}")
            return 2
        if as_json:
            write_json_line(report.as_dict())
        else:
            write_text(words_of(report))
        return 0 if report.whole else 2


def masks(
    name: Annotated[str, typer.Argument(metavar="NAME", help="lsun_car, the set that has no masks of its own.")],
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="The folder that holds its LMDB environment.")],
    detector: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="The instance segmenter: package.module:function, a folder with a checkpoint of transformers, or its "
            "name on the Hugging Face hub.",
        ),
    ],
    number: Annotated[int, typer.Option(min=1, help="How many pictures, from the start of the environment.")] = 10_000,
    folder: Annotated[Path | None, typer.Option("--masks", metavar="DIR", help="Where to; ROOT/masks.")] = None,
    labels: Annotated[list[str] | None, typer.Option("--label", help="Class names that count; car.")] = None,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="Least confidence.")] = 0.5,
    min_area: Annotated[float, typer.Option(min=0, max=1, help="Least share of the picture.")] = 0.02,
    device: Annotated[str, typer.Option(help="Where a checkpoint computes: cpu, cuda, cuda:1.")] = "cpu",
    as_json: AsJson = False,
) -> int:
    """Make the masks of LSUN Car: in each picture the largest car that an instance segmenter finds.

    Of the instances with a wanted label, enough confidence and enough area, the largest. Which one the publication took
    is not known. Masks that are there are kept.
    """
    if name.lower().replace("-", "_") != "lsun_car":
        raise UsageError(f"only lsun_car needs masks to be made, got {name!r}")
    with interruptible():
        from iem.datasets.car_masks import CarRule, make_masks
        from iem.datasets.detectors import load_detector
        from iem.datasets.problems import DatasetError
        from iem.images import ImageError

        counts = {"written": 0, "without car": 0, "there already": 0, "failed": 0}
        with ExitStack() as stack:
            try:
                rule = CarRule(tuple(labels or ["car"]), min_score, min_area)
                found = load_detector(detector, device=device)
                made = make_masks(root, found, described=detector, folder=folder, number=number, rule=rule)
                show = picture_bar(stack, "detecting")
                for done, each in enumerate(made, start=1):
                    counts[each.outcome] += 1
                    show(done, number)
                    if each.error is not None:
                        say(f"{each.key}: {each.error}")
            except (DatasetError, ModuleNotFoundError, ValueError, ImageError, RuntimeError) as error:
                raise UsageError(" ".join(str(error).split())) from error
        target = folder if folder is not None else root / "masks"
        if as_json:
            write_json_line({"folder": str(target), **{key.replace(" ", "_"): value for key, value in counts.items()}})
        say(f"{', '.join(f'{value} {key}' for key, value in counts.items() if value)}; masks in {target}")
        return 2 if counts["failed"] else 0


def _data_folder(root: Path | None) -> Path:
    return root if root is not None else Path(os.environ.get("IEM_DATA") or "data")


def _entry(name: str) -> "CatalogueEntry":
    from iem.datasets.catalogue import find_entry

    try:
        return find_entry(name)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _agree(entry: "CatalogueEntry", accepted: bool) -> None:
    if accepted:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"{entry.name}: read the licence above and agree to it with --accept-licence")
    if not typer.confirm("Do you agree, and download it?", default=False, err=True):
        raise UsageError(f"{entry.name}: nothing was downloaded, since the licence was not accepted")
