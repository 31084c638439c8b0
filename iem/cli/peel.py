"""``iem peel``: pictures in, trees of regions out."""

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iem.cli.interruption import interruptible
from iem.cli.many_pictures import prepared_folder, work_through
from iem.cli.painter_options import (
    Guidance,
    NegativePrompt,
    Painter,
    Prompt,
    RefineSteps,
    Seed,
    Steps,
    Weights,
    chosen_options,
    say_notice,
)
from iem.cli.progress import Display
from iem.cli.segment import DeviceName, PresetName
from iem.cli.streams import UsageError
from iem.runner.painters import OPTIONS, PainterName

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.runner.inputs import Outcome

EPILOG = """
[bold]Examples[/bold]

  iem peel photo.jpg -o scenes

  iem peel holiday/ more/*.png -o scenes --no-parts --min-area 0.03

  iem peel photo.jpg -o scenes --finder tokencut --features facebook/dino-vits16

  iem peel room.jpg -o scenes --painter lama

  iem peel photos/ -o scenes --json | jq '.regions | length'

Each picture gets a folder. labels.png: the number of every pixel's region, 0 for what is left of the scene. regions/: a mask of each region's own pixels; no two overlap. cutouts/: each region with all that lies in it. tree.json: parents, areas, boxes, scores. overview.jpg, film.webp: to look at. rounds/: what was seen, found and painted in each round.

Exit code 0: all pictures are done, also those in which no region was found; 1: wrong usage; 2: some pictures failed, the others are done.
"""  # noqa: E501 (a paragraph's lines would be broken where they are here)


class FinderName(str, enum.Enum):
    """What proposes regions."""

    iem = "iem"
    tokencut = "tokencut"


class ModeName(enum.Enum):
    """How to go on after a region is found."""

    paint = "paint"
    split = "split"


def peel(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IN", help="Pictures, folders (with all that is below them), or - for stdin."),
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="OUT", help="Folder for the results, with the inputs' tree."),
    ],
    finder: Annotated[
        FinderName, typer.Option(help="What proposes regions: a search, or TokenCut's normalised cut.")
    ] = FinderName.iem,
    preset: Annotated[
        PresetName, typer.Option(help="With --finder iem: the settings of the search.")
    ] = PresetName.best,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With --finder tokencut: a DINO, DINOv2 or DINOv3, by its name on the Hugging Face hub or its folder; "
            "without, colour and texture, which need no weights.",
        ),
    ] = None,
    painter: Painter = PainterName.harmonic,
    weights: Weights = None,
    prompt: Prompt = None,
    negative_prompt: NegativePrompt = None,
    steps: Steps = None,
    guidance: Guidance = None,
    seed: Seed = None,
    refine_steps: RefineSteps = None,
    mode: Annotated[
        ModeName,
        typer.Option(help="Paint each region away and look again, or divide the largest region again and again."),
    ] = ModeName.paint,
    parts: Annotated[bool, typer.Option("--parts/--no-parts", help="Look inside each region for its parts.")] = True,
    min_area: Annotated[
        float, typer.Option(min=0.0, max=1.0, metavar="SHARE", help="The least area of a region, of the picture's.")
    ] = 0.01,
    rounds: Annotated[
        int, typer.Option(min=1, metavar="N", help="Rounds at most; each finds one region or none.")
    ] = 24,
    alpha: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=1.0,
            metavar="RATE",
            help="False-alarm rate: a region is accepted if at most this share of chance's scores as well; 1 for all.",
        ),
    ] = 0.05,
    joint: Annotated[bool, typer.Option("--joint/--no-joint", help="In the end, move all boundaries together.")] = True,
    size: Annotated[
        int | None,
        typer.Option(
            min=8,
            metavar="PIXELS",
            help="Short side at which to search; regions have the picture's size. By default 128, with --features 256.",
        ),
    ] = None,
    device: Annotated[
        DeviceName, typer.Option(help="Where to search; auto takes CUDA where there is one.")
    ] = DeviceName.auto,
    films: Annotated[
        bool, typer.Option("--films/--no-films", help="Write film.webp: the regions as they were found.")
    ] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Peel anew what an earlier run with these settings finished.")
    ] = False,
    max_megapixels: Annotated[
        float, typer.Option(metavar="N", help="Refuse pictures with more than N million pixels.")
    ] = 64.0,
    allow_truncated: Annotated[
        bool, typer.Option("--allow-truncated", help="Use the part that is there of a file that ends early.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="On stdout, a JSON line per picture and one that sums up.")
    ] = False,
) -> int:
    """Take each picture apart into a tree of regions, without labels.

    The most independent region is found, painted away, and the picture looked at again, until nothing significant is
    left; then each region is searched for parts. Pictures that an earlier run finished with the same settings are
    skipped, so an interrupted run is continued by the same command. An input is never overwritten; a bad file is named
    and the others are done.
    """
    given = {
        name for name in context.params if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    }
    _refuse_idle(given, finder, mode)
    painter_options = chosen_options(painter, weights, context.params)
    if output == "-":
        raise UsageError("-o - has no room for a tree of regions, which takes many files; name a folder")
    if not max_megapixels >= 1e-6:
        raise UsageError(f"--max-megapixels: expected a number above 0, got {max_megapixels:g}; leave it out for 64")
    for name, value in (("--min-area", min_area), ("--alpha", alpha)):
        if value != value:
            raise UsageError(f"{name}: expected a number from 0 to 1, got nan; leave it out for the usual one")
    if "-" in inputs and sys.stdin.isatty():
        raise UsageError("- reads a picture from standard input, which is a terminal here; pipe or redirect a file")
    with interruptible():
        from iem.runner.inputs import choose_device
        from iem.runner.peel_batch import PeelBatch, peel_files
        from iem.runner.peel_choices import choose_peeler, load_weights
        from iem.runner.work import list_work

        try:
            chosen = choose_device(device.value)
            peeler = choose_peeler(
                finder=finder.value,
                preset=preset.value,
                features=features,
                painter=painter.value,
                weights=weights,
                painter_options=painter_options,
                mode=mode.value,
                parts=parts,
                min_area=min_area,
                rounds=rounds,
                alpha=alpha,
                joint=joint,
                size=size,
            )
            load_weights(peeler.finder, peeler.painter, device=chosen)
            batch = PeelBatch(
                peeler=peeler,
                device=chosen,
                films=films,
                overwrite=overwrite,
                max_pixels=int(min(max_megapixels, 1e6) * 1e6),
                allow_truncated=allow_truncated,
            )
        except (ValueError, ImportError) as error:
            raise UsageError(str(error)) from error
        say_notice(peeler.painter)
        folder = prepared_folder(Path(output), inputs)
        works = list_work(inputs, output=folder, stdin=sys.stdin.buffer if "-" in inputs else None)
        return work_through(
            works,
            lambda display: peel_files(
                works, folder, batch, on_round=lambda work, tried: display.tell(f"round {tried.number}")
            ),
            Display(len(works), quiet=as_json, describe=_describe, is_empty=lambda record: len(record["regions"]) < 2),
            folder=folder,
            as_json=as_json,
            row=_as_row,
            done="peeled",
            found=_sum_up,
        )


def _refuse_idle(given: set[str], finder: FinderName, mode: ModeName) -> None:
    """An option that changes nothing is a mistake."""
    if "preset" in given and finder is not FinderName.iem:
        raise UsageError(f"--preset is for --finder iem, {finder.value} does not search; leave one of them out")
    if "features" in given and finder is not FinderName.tokencut:
        raise UsageError("--features is for --finder tokencut; give that, or leave it out")
    if mode is ModeName.split:
        for name in ("painter", "weights", *OPTIONS):
            if name in given:
                words = f"--{name.replace('_', '-')}"
                raise UsageError(f"{words}: nothing is painted with --mode split; leave one of them out")
        if "parts" in given:
            raise UsageError("--parts and --no-parts are for --mode paint, since splitting looks inside every region")


def _describe(outcome: "Outcome") -> str:
    from iem.runner.endings import describe_peeling

    record = outcome.record
    notices = "".join(f"; {notice}" for notice in record["notices"])
    return f"{describe_peeling(record)}, {record['seconds']:.2f} s{notices}"


def _sum_up(outcomes: list["Outcome"]) -> str:
    from iem.runner.endings import describe_peelings

    return describe_peelings(outcome.record for outcome in outcomes)


def _as_row(outcome: "Outcome") -> dict[str, Any]:
    kept = ("reason", "regions", "rounds", "seconds", "size", "notices", "sha256", "settings_sha256")
    files = {name: str(path) for name, path in outcome.files.items()}
    return {**{key: outcome.record.get(key) for key in kept}, "files": files}
