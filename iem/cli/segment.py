"""``iem segment``: pictures in, masks, cut-outs and overlays out."""

import enum
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iem.cli.interruption import interruptible
from iem.cli.many_pictures import prepared_folder, work_through
from iem.cli.progress import DEGENERATE, Display, describe_outcome, describe_status, name_of
from iem.cli.streams import UsageError, say, write_bytes

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.runner.batch import Batch
    from iem.runner.inputs import Outcome
    from iem.runner.work import Work

EPILOG = """
[bold]Examples[/bold]

  iem segment photo.jpg -o results

  iem segment holiday/ more/*.png -o results --preset paper --size 256

  cat photo.jpg | iem segment - -o - > mask.png

  iem segment photos/ -o results --json | jq .score

  iem segment photos/ -o results --segnet trained/segnet.safetensors

  iem segment -o results -- -name-with-a-dash.png

Exit code 0: all pictures are done; 1: wrong usage; 2: some pictures failed, the others are done.
"""


class PresetName(str, enum.Enum):
    """The presets, by name, known without importing them."""

    best = "best"
    paper = "paper"


class DeviceName(str, enum.Enum):
    """Where to search."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def segment(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="IN", help="Pictures, folders (with all that is below them), or - for stdin."),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Folder for masks/, cutouts/, overlays/ and records/, each with the inputs' tree; "
            "or - for the mask of one picture, as PNG on stdout.",
        ),
    ],
    preset: Annotated[
        PresetName, typer.Option(help="The strongest learning-free settings, or those of the publication.")
    ] = PresetName.best,
    segnet: Annotated[
        Path | None,
        typer.Option(metavar="CHECKPOINT", help="A network from experiments/train_segnet.py, in place of a preset."),
    ] = None,
    size: Annotated[
        int,
        typer.Option(min=8, metavar="PIXELS", help="Short side at which to search; masks have the picture's size."),
    ] = 128,
    device: Annotated[
        DeviceName, typer.Option(help="Where to search; auto takes CUDA where there is one.")
    ] = DeviceName.auto,
    films: Annotated[bool, typer.Option("--films", help="Also write films/: each mask as it moved.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Segment anew what an earlier run with these settings finished.")
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
    """Find the object in each picture, without labels.

    Pictures that an earlier run finished with the same settings are skipped, so an interrupted run is continued by the
    same command. An input is never overwritten; a bad file is named and the others are done.
    """
    if output == "-" and (as_json or films):
        raise UsageError("with -o - the mask takes stdout, so leave out --json and --films")
    if not max_megapixels >= 1e-6:
        raise UsageError(f"--max-megapixels: expected a number above 0, got {max_megapixels:g}; leave it out for 64")
    source = context.get_parameter_source("preset")
    if segnet is not None and source is not None and source.name == "COMMANDLINE":
        raise UsageError("--segnet takes the place of --preset; give one of them")
    if "-" in inputs and sys.stdin.isatty():
        raise UsageError("- reads a picture from standard input, which is a terminal here; pipe or redirect a file")
    if output == "-" and sys.stdout.isatty():
        raise UsageError("-o - writes a PNG file to standard output, which is a terminal here; redirect it to a file")
    with interruptible():
        from iem.runner.batch import Batch
        from iem.runner.inputs import choose_device
        from iem.runner.work import list_work

        try:
            chosen = choose_device(device.value)
            batch = Batch(
                preset=preset.value,
                segnet=segnet,
                size=size,
                device=chosen,
                films=films,
                overwrite=overwrite,
                max_pixels=int(min(max_megapixels, 1e6) * 1e6),
                allow_truncated=allow_truncated,
            )
        except (ValueError, ImportError) as error:
            raise UsageError(str(error)) from error
        stdin = sys.stdin.buffer if "-" in inputs else None
        if output == "-":
            return _to_stdout(list_work(inputs, stdin=stdin), batch)
        folder = prepared_folder(Path(output), inputs)
        return _to_folder(list_work(inputs, output=folder, stdin=stdin), folder, batch, as_json)


def _to_stdout(works: list["Work"], batch: "Batch") -> int:
    from iem.images import write_mask
    from iem.runner.batch import segment_stream
    from iem.runner.inputs import Outcome, failure

    if len(works) != 1:
        raise UsageError(f"-o - takes one picture, the inputs hold {len(works)}; name a folder instead")
    try:
        solution = segment_stream(works[0], batch)
    except Exception as error:
        say(describe_outcome(Outcome(works[0], "failed", {}, {}, failure(error, works[0]))))
        return 2
    status, steps = str(solution.status[0]), int(solution.steps[0])
    if status in DEGENERATE:
        say(f"{name_of(works[0])}: {describe_status(status, steps)}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "mask.png")
        write_mask(file, solution.mask)
        write_bytes(file.read_bytes())
    return 0


def _to_folder(works: list["Work"], folder: Path, batch: "Batch", as_json: bool) -> int:
    from iem.runner.batch import segment_files

    return work_through(
        works,
        lambda display: segment_files(works, folder, batch, on_step=display.step),
        Display(len(works), quiet=as_json),
        folder=folder,
        as_json=as_json,
        row=_as_row,
    )


def _as_row(outcome: "Outcome") -> dict[str, Any]:
    kept = ("status", "score", "steps", "seconds", "size", "foreground", "notices", "sha256", "settings_sha256")
    files = {kind: str(path) for kind, path in outcome.files.items()}
    return {**{key: outcome.record.get(key) for key in kept}, "files": files}
