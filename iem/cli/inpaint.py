"""``iem inpaint``: pictures and masks in, pictures with the masked part painted out."""

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iem.cli.inpaint_target import chosen_format, names_file
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
from iem.cli.progress import Display, name_of
from iem.cli.segment import DeviceName
from iem.cli.streams import UsageError, say, write_bytes
from iem.runner.painters import PainterName, kind_of

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.runner.inpaint_file import InpaintBatch
    from iem.runner.inputs import Outcome
    from iem.runner.work import Work

EPILOG = """
[bold]Examples[/bold]

  iem inpaint photo.jpg --mask mask.png -o painted

  iem inpaint photo.jpg --mask mask.png -o photo_painted.png --grow 4 --feather 4

  iem inpaint photos/ --mask masks/ -o painted --painter lama

  iem inpaint room.jpg --mask mask.png -o painted --painter stable_diffusion --prompt "a wooden floor"

  iem inpaint erased.png --mask erased.png --invert -o painted

  cat photo.png | iem inpaint - --mask mask.png -o - > painted.png

White is painted, black stays: pixels outside the hole have the same values in the result, and size, depth, colour profile and EXIF data are kept. JPEG loses detail with every saving, so its results are PNG unless --format same asks for JPEG. A folder of masks has a mask for each picture, of its name or of its name and _mask.

Exit code 0: all pictures are done; 1: wrong usage; 2: some pictures failed, the others are done.
"""  # noqa: E501 (a paragraph's lines would be broken where they are here)

_MARGIN = 128


class FormatName(str, enum.Enum):
    """Kinds of files that can be written."""

    auto = "auto"
    same = "same"
    png = "png"
    jpeg = "jpeg"
    webp = "webp"
    tiff = "tiff"
    bmp = "bmp"


def inpaint(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="PHOTO", help="Pictures, folders (with all that is below them), or - for stdin."),
    ],
    mask: Annotated[
        str,
        typer.Option(
            "--mask",
            "-m",
            metavar="FILE|DIR",
            help="What to paint, in white: one mask for all pictures of its size, or a folder with one of each "
            "picture's name. Of a file with transparency, its opacity is the mask.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Folder for the results, with the inputs' tree; or, of one picture, a file, or - for stdout.",
        ),
    ],
    painter: Painter = PainterName.harmonic,
    weights: Weights = None,
    prompt: Prompt = None,
    negative_prompt: NegativePrompt = None,
    steps: Steps = None,
    guidance: Guidance = None,
    seed: Seed = None,
    refine_steps: RefineSteps = None,
    invert: Annotated[bool, typer.Option("--invert", help="Paint what the mask leaves black or transparent.")] = False,
    resize_mask: Annotated[
        bool, typer.Option("--resize-mask", help="Stretch a mask of another size to its picture.")
    ] = False,
    grow: Annotated[
        int, typer.Option(min=0, metavar="PIXELS", help="Grow the hole, for masks that hug their object.")
    ] = 0,
    feather: Annotated[
        int, typer.Option(min=0, metavar="PIXELS", help="Let the paint fade out around the (grown) hole.")
    ] = 0,
    margin: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="PIXELS",
            help="With networks: how much of the picture they see around each hole, and half of its longer side at "
            f"least. By default {_MARGIN}; more than the picture has for all of it.",
        ),
    ] = None,
    file_format: Annotated[
        FormatName,
        typer.Option(
            "--format", help="Of the results; auto is the picture's own, or PNG where that would lose detail (JPEG)."
        ),
    ] = FormatName.auto,
    device: Annotated[
        DeviceName, typer.Option(help="Where to paint; auto takes CUDA where there is one.")
    ] = DeviceName.auto,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Paint anew what is finished, and replace files that are there.")
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
    """Paint what a mask covers, from what is around it.

    Pictures that an earlier run finished with the same mask and settings are skipped, so an interrupted run is
    continued by the same command. Neither pictures nor masks are ever overwritten; a bad file is named and the others
    are done.
    """
    options = chosen_options(painter, weights, context.params)
    _check(inputs, mask, output, painter, margin, max_megapixels, as_json)
    with interruptible():
        from iem.runner.inpaint_file import InpaintBatch, StepTeller
        from iem.runner.inpaint_masks import find_masks, without_masks
        from iem.runner.inputs import choose_device
        from iem.runner.peel_choices import choose_painter, load_weights
        from iem.runner.work import list_work

        kind, teller = kind_of(painter.value), StepTeller()
        try:
            masks = find_masks(mask)
            chosen = choose_device(device.value)
            told = {"on_step": teller} if kind.tells_steps else {}
            made = choose_painter(painter.value, weights, {**options, **told})
            load_weights(made, device=chosen)
            batch = InpaintBatch(
                painter=made,
                masks=masks,
                invert=invert,
                resize_mask=resize_mask,
                grow=grow,
                feather=feather,
                margin=(_MARGIN if margin is None else margin) if kind.takes_weights else None,
                device=chosen,
                format=chosen_format(file_format.value, output),
                from_nothing="seed" in kind.options,
                overwrite=overwrite,
                max_pixels=int(min(max_megapixels, 1e6) * 1e6),
                allow_truncated=allow_truncated,
                teller=teller,
            )
        except (ValueError, ImportError) as error:
            raise UsageError(str(error)) from error
        say_notice(made)
        stdin = sys.stdin.buffer if "-" in inputs else None
        if output == "-" or names_file(output):
            works = without_masks(list_work(inputs, stdin=stdin), masks, inputs)
            if len(works) != 1:
                target = "-o -" if output == "-" else f"-o {output}, a file,"
                raise UsageError(f"{target} takes one picture, the inputs hold {len(works)}; name a folder instead")
            return _to_stdout(works[0], batch) if output == "-" else _to_file(works[0], Path(output), batch, as_json)
        folder = prepared_folder(Path(output), inputs)
        works = without_masks(list_work(inputs, output=folder, stdin=stdin), masks, inputs)
        return _to_folder(works, folder, batch, as_json)


def _check(
    inputs: list[str],
    mask: str,
    output: str,
    painter: PainterName,
    margin: int | None,
    max_megapixels: float,
    as_json: bool,
) -> None:
    """What can be wrong before anything is read."""
    if not max_megapixels >= 1e-6:
        raise UsageError(f"--max-megapixels: expected a number above 0, got {max_megapixels:g}; leave it out for 64")
    if mask == "-":
        raise UsageError("--mask - is not possible, since standard input holds a picture; give a file")
    if margin is not None and not kind_of(painter.value).takes_weights:
        raise UsageError(f"--margin: the painter {painter.value} is no network and sees all; leave it out")
    if "-" in inputs and sys.stdin.isatty():
        raise UsageError("- reads a picture from standard input, which is a terminal here; pipe or redirect a file")
    if output == "-" and as_json:
        raise UsageError("with -o - the picture takes stdout, so leave out --json")
    if output == "-" and sys.stdout.isatty():
        raise UsageError("-o - writes a picture to standard output, which is a terminal here; redirect it to a file")


def _to_stdout(work: "Work", batch: "InpaintBatch") -> int:
    from iem.runner.inpaint_batch import inpaint_stream
    from iem.runner.inputs import failure

    try:
        painted = inpaint_stream(work, batch)
    except Exception as error:
        say(f"{name_of(work)}: failed: {failure(error, work, 'paint')}")
        return 2
    for notice in painted.notices:
        say(f"{name_of(work)}: {notice}")
    write_bytes(painted.data)
    return 0


def _to_file(work: "Work", path: Path, batch: "InpaintBatch", as_json: bool) -> int:
    from iem.images.errors import printable
    from iem.runner.inpaint_batch import inpaint_to_file

    if path.exists() and not batch.overwrite:
        raise UsageError(f"-o: {printable(str(path))} is there already; --overwrite replaces it")
    return work_through(
        [work],
        lambda display: inpaint_to_file(work, path, batch, on_step=lambda _, words: display.tell(words)),
        _display(1, as_json),
        folder=path,
        as_json=as_json,
        row=_as_row,
        done="painted",
    )


def _to_folder(works: list["Work"], folder: Path, batch: "InpaintBatch", as_json: bool) -> int:
    from iem.runner.inpaint_batch import inpaint_files

    return work_through(
        works,
        lambda display: inpaint_files(works, folder, batch, on_step=lambda _, words: display.tell(words)),
        _display(len(works), as_json),
        folder=folder,
        as_json=as_json,
        row=_as_row,
        done="painted",
        found=lambda outcomes: _say_changed(outcomes) if batch.format == "auto" else "",
    )


def _display(total: int, quiet: bool) -> Display:
    return Display(total, quiet=quiet, describe=_describe, is_empty=lambda record: not record["painted"])


def _describe(outcome: "Outcome") -> str:
    record = outcome.record
    notices = "".join(f"; {notice}" for notice in record["notices"])
    return f"{100 * record['painted']:.1f} % painted, {record['seconds']:.2f} s{notices}"


def _say_changed(outcomes: list["Outcome"]) -> str:
    """Why some results are not of their picture's kind."""
    records = [outcome.record for outcome in outcomes]
    changed = sorted({each["input_format"] for each in records if each["format"] != each["input_format"]})
    if not changed:
        return ""
    written = sorted({each["format"] for each in records if each["format"] != each["input_format"]})
    return f"{', '.join(changed)} written as {', '.join(written)}, to lose nothing (--format same keeps JPEG)"


def _as_row(outcome: "Outcome") -> dict[str, Any]:
    kept = ("mask", "painted", "format", "size", "seconds", "notices", "sha256", "mask_sha256", "settings_sha256")
    files = {kind: str(path) for kind, path in outcome.files.items()}
    return {**{key: outcome.record.get(key) for key in kept}, "files": files}
