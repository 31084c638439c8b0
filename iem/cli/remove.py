"""``iem remove``: pictures and words about what should vanish in, pictures without it out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from iem.cli.inpaint import FormatName
from iem.cli.inpaint_target import chosen_format, names_file
from iem.cli.interruption import interruptible
from iem.cli.many_pictures import prepared_folder, work_through
from iem.cli.painter_options import (
    Guidance,
    NegativePrompt,
    Prompt,
    RefineSteps,
    Seed,
    Steps,
    Weights,
    say_notice,
)
from iem.cli.painters_side_by_side import made, painter_names, painter_options
from iem.cli.progress import Display, name_of
from iem.cli.segment import DeviceName
from iem.cli.streams import UsageError, say, write_bytes
from iem.runner.painters import PainterName
from iem.runner.segmenters import SegmenterName

if TYPE_CHECKING:  # these import PyTorch, for which --help should not have to wait
    from iem.runner.inputs import Outcome
    from iem.runner.remove_picture import RemoveBatch
    from iem.runner.work import Work

EPILOG = """
[bold]Examples[/bold]

  iem remove photo.jpg -o cleaned --click 320,210

  iem remove photo.jpg -o cleaned --click 320,210 --click 340,260 --not-click 400,300

  iem remove photo.jpg -o cleaned --box 20,30,180,200 --box 400,60,520,190

  iem remove photo.jpg -o cleaned --object "box 20,30,180,200; not 90,40" --object "click 460,120"

  iem remove photo.jpg -o cleaned --text "the red car" --painter lama,harmonic

  iem remove photo.jpg -o photo_cleaned.png --mask mask.png --grow 12

  iem remove holiday/ -o cleaned --auto

  iem remove photo.jpg -o cleaned --interactive

Pixels count from 0,0 at the upper left corner of the upright picture. Clicks and strokes are about one object; every box and every text is an object of its own; --object says more. What is found is grown and feathered; pixels beyond that have the same values in the result, and size, depth, colour profile and EXIF data are kept. A shadow or a reflection is an object like others: point at it, or --grow over it.

Each picture gets a folder. result.png, or one for each painter and comparison.jpg; hole.png: what was painted; objects/: the mask of each object; overlay.jpg: to look at; removal.json. JPEG loses detail with every saving, so its results are PNG unless --format same asks for JPEG.

Exit code 0: all pictures are done; 1: wrong usage; 2: some pictures failed, the others are done.
"""  # noqa: E501 (a paragraph's lines would be broken where they are here)


def remove(
    context: typer.Context,
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="PHOTO", help="Pictures, folders (with all that is below them), or - for stdin."),
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
    click: Annotated[
        list[str] | None, typer.Option("--click", metavar="X,Y", help="A pixel of the object; again for more of it.")
    ] = None,
    not_click: Annotated[
        list[str] | None, typer.Option("--not-click", metavar="X,Y", help="A pixel that is not of the object.")
    ] = None,
    box: Annotated[
        list[str] | None,
        typer.Option("--box", metavar="L,T,R,B", help="A box around an object; again for another object."),
    ] = None,
    scribble: Annotated[
        list[str] | None,
        typer.Option("--scribble", metavar='"X,Y X,Y ..."', help="A stroke over the object; again for more of it."),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option("--text", metavar="WORDS", help="What the object is; needs a network, such as clipseg."),
    ] = None,
    objects: Annotated[
        list[str] | None,
        typer.Option(
            "--object",
            metavar='"KIND WORDS; ..."',
            help="An object, where there are several: click X,Y, not X,Y, box L,T,R,B, scribble X,Y X,Y ... or text "
            "WORDS, parted by semicolons.",
        ),
    ] = None,
    mask: Annotated[
        str | None,
        typer.Option(
            "--mask",
            "-m",
            metavar="FILE|DIR",
            help="What to remove, in white: one mask for all pictures of its size, or a folder with one of each "
            "picture's name.",
        ),
    ] = None,
    auto: Annotated[bool, typer.Option("--auto", help="What stands out most, as iem peel finds it.")] = False,
    regions: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="With --auto: so many things at most, by default 1.")
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive", "-i", help="Show what is found and ask: keep, discard, next mask, another, done."
        ),
    ] = False,
    segmenter: Annotated[
        SegmenterName | None,
        typer.Option(
            metavar="NAME",
            help="What finds objects: iem, which needs no weights, sam, sam_hq, mask2former, or by words clipseg, "
            "grounded_sam, segclip, diffedit. By default iem; for --text whichever of those by words is ready.",
        ),
    ] = None,
    segmenter_weights: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|NAME", help="Of the segmenter, in place of its usual ones: a folder, or of iem models list."
        ),
    ] = None,
    candidate: Annotated[
        int, typer.Option(min=1, metavar="N", help="Which of the masks that a segmenter proposes; 1 is the best.")
    ] = 1,
    painter: Annotated[
        str,
        typer.Option(
            metavar="NAME[,NAME]",
            help="What paints; several are held side by side: harmonic, biharmonic, telea, navier_stokes, nearest, "
            "mean or gaussian; with weights (iem models list) deepfill, lama, stable_diffusion, controlnet or repaint; "
            "mat and external run a network of yours. iem doctor says which are ready.",
        ),
    ] = PainterName.harmonic.value,
    weights: Weights = None,
    prompt: Prompt = None,
    negative_prompt: NegativePrompt = None,
    steps: Steps = None,
    guidance: Guidance = None,
    seed: Seed = None,
    refine_steps: RefineSteps = None,
    grow: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="PIXELS", help="Grow what was found, by default by 1 % of the picture's shorter side."
        ),
    ] = None,
    feather: Annotated[
        int | None,
        typer.Option(min=0, metavar="PIXELS", help="Let the paint fade out around that, by default over half as much."),
    ] = None,
    file_format: Annotated[
        FormatName,
        typer.Option(
            "--format", help="Of the results; auto is the picture's own, or PNG where that would lose detail (JPEG)."
        ),
    ] = FormatName.auto,
    device: Annotated[
        DeviceName, typer.Option(help="Where to search and paint; auto takes CUDA where there is one.")
    ] = DeviceName.auto,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do anew what is finished, and replace files that are there.")
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
    """Take things out of pictures: say what, by a click, a box, a stroke, words or a mask, and it is painted over.

    Pictures that an earlier run finished in the same way are skipped, so an interrupted run is continued by the same
    command. Neither pictures nor masks are ever overwritten; a bad file is named and the others are done.
    """
    given = {"click": click or [], "not": not_click or [], "box": box or [], "scribble": scribble or []}
    pointed = any(given.values()) or bool(text) or bool(objects)
    _check(inputs, output, max_megapixels, interactive=interactive, as_json=as_json)
    if auto and pointed:
        raise UsageError("--auto finds things by itself; leave it out, or what points at them")
    if regions is not None and not auto:
        raise UsageError("--regions is for --auto; give that, too, or leave it out")
    if not (auto or pointed or mask or interactive):
        raise UsageError("say what to remove by --click, --box, --scribble, --text, --mask, --auto or --interactive")
    if mask == "-":
        raise UsageError("--mask - is not possible, since standard input holds a picture; give a file")
    if segmenter is None and segmenter_weights is not None:
        raise UsageError("--segmenter-weights: of which segmenter? Give --segmenter, too")
    if segmenter is not None and not (pointed or interactive):
        raise UsageError(f"--segmenter: nothing is pointed at that {segmenter.value} could find; leave it out")
    if candidate > 1 and (not pointed or interactive):
        raise UsageError("--candidate is for what is pointed at, without --interactive; leave it out")
    names = painter_names(painter)
    options = painter_options(names, weights, context.params)
    with interruptible():
        from iem.runner.inpaint_masks import find_masks, without_masks
        from iem.runner.inputs import choose_device
        from iem.runner.remove_dialogue import Dialogue
        from iem.runner.remove_objects import ObjectFinder
        from iem.runner.remove_picture import RemoveBatch
        from iem.runner.remove_request import requested
        from iem.runner.work import list_work

        try:
            requests = requested({**given, "text": text or []}, objects or [])
            masks = None if mask is None else find_masks(mask)
            chosen = choose_device(device.value)
            finder = ObjectFinder(None if segmenter is None else segmenter.value, segmenter_weights, chosen)
            for request in requests:
                finder.load(request)
            painters = tuple(made(name, weights, options[name], chosen) for name in names)
            batch = RemoveBatch(
                painters=painters,
                finder=finder,
                requests=requests,
                auto=(regions or 1) if auto else 0,
                masks=masks,
                candidate=candidate,
                grow=grow,
                feather=feather,
                device=chosen,
                format=chosen_format(file_format.value, output),
                overwrite=overwrite,
                max_pixels=int(min(max_megapixels, 1e6) * 1e6),
                allow_truncated=allow_truncated,
                choose=Dialogue(_ask, say, requests, auto) if interactive else None,
            )
        except (ValueError, ImportError) as error:
            raise UsageError(str(error)) from error
        for each in painters:
            say_notice(each.inpainter)
        stdin = sys.stdin.buffer if "-" in inputs else None
        folder = None if output == "-" or names_file(output) else prepared_folder(Path(output), inputs)
        works = list_work(inputs, output=folder, stdin=stdin)
        works = works if masks is None else without_masks(works, masks, inputs)
        if folder is not None:
            return _to_folder(works, folder, batch, as_json)
        _check_single(works, output, batch)
        return _to_stdout(works[0], batch) if output == "-" else _to_file(works[0], Path(output), batch, as_json)


def _check(inputs: list[str], output: str, max_megapixels: float, *, interactive: bool, as_json: bool) -> None:
    """What can be wrong before anything is read."""
    if not max_megapixels >= 1e-6:
        raise UsageError(f"--max-megapixels: expected a number above 0, got {max_megapixels:g}; leave it out for 64")
    if "-" in inputs and interactive:
        raise UsageError("with --interactive standard input holds your answers, not a picture; give a file")
    if "-" in inputs and sys.stdin.isatty():
        raise UsageError("- reads a picture from standard input, which is a terminal here; pipe or redirect a file")
    if output == "-" and as_json:
        raise UsageError("with -o - the picture takes stdout, so leave out --json")
    if output == "-" and sys.stdout.isatty():
        raise UsageError("-o - writes a picture to standard output, which is a terminal here; redirect it to a file")
    if interactive and (output == "-" or names_file(output)):
        raise UsageError("with --interactive there are previews to look at; let -o name a folder")


def _ask(question: str) -> str:
    """A question on stderr, an answer from stdin."""
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not answer:
        say("")
        raise EOFError
    if not sys.stdin.isatty():
        say(answer.rstrip("\n"))
    return answer


def _check_single(works: list["Work"], output: str, batch: "RemoveBatch") -> None:
    target = "-o -" if output == "-" else f"-o {output}, a file,"
    if len(works) != 1:
        raise UsageError(f"{target} takes one picture, the inputs hold {len(works)}; name a folder instead")
    if len(batch.painters) > 1:
        raise UsageError(f"{target} takes one result, {len(batch.painters)} painters make more; name a folder instead")


def _to_stdout(work: "Work", batch: "RemoveBatch") -> int:
    from iem.runner.inputs import failure
    from iem.runner.remove_batch import remove_stream

    try:
        removed = remove_stream(work, batch)
    except Exception as error:
        say(f"{name_of(work)}: failed: {failure(error, work, 'paint')}")
        return 2
    for notice in removed.notices:
        say(f"{name_of(work)}: {notice}")
    write_bytes(next(iter(removed.results.values())))
    return 0


def _to_file(work: "Work", path: Path, batch: "RemoveBatch", as_json: bool) -> int:
    from iem.images.errors import printable
    from iem.runner.remove_batch import remove_to_file

    if path.exists() and not batch.overwrite:
        raise UsageError(f"-o: {printable(str(path))} is there already; --overwrite replaces it")
    return work_through(
        [work],
        lambda display: remove_to_file(work, path, batch, on_step=lambda _, words: display.tell(words)),
        _display(1, as_json),
        folder=path,
        as_json=as_json,
        row=_as_row,
        done="done",
    )


def _to_folder(works: list["Work"], folder: Path, batch: "RemoveBatch", as_json: bool) -> int:
    from iem.runner.remove_batch import remove_files

    asked = batch.choose is not None
    return work_through(
        works,
        lambda display: remove_files(works, folder, batch, on_step=lambda _, words: display.tell(words)),
        _display(len(works), as_json, still=asked),
        folder=folder,
        as_json=as_json,
        row=_as_row,
        done="done",
    )


class _Still(Display):
    """Without a bar, which would run through the questions."""

    def __enter__(self) -> "_Still":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def begin(self, work: "Work") -> None:
        """Say nothing: the questions begin with the name."""


def _display(total: int, quiet: bool, *, still: bool = False) -> Display:
    kind = _Still if still else Display
    return kind(total, quiet=quiet, describe=_describe, is_empty=lambda record: not record["painted"])


def _describe(outcome: "Outcome") -> str:
    record = outcome.record
    if record.get("left"):
        return "left as it is"
    count = len(record["objects"])
    notices = "".join(f"; {notice}" for notice in record["notices"])
    what = f"{count} object{'' if count == 1 else 's'} removed"
    return f"{what}, {100 * record['painted']:.1f} % painted, {record['seconds']:.2f} s{notices}"


def _as_row(outcome: "Outcome") -> dict[str, Any]:
    kept = ("objects", "painted", "grow", "feather", "painters", "format", "size", "seconds", "notices", "sha256")
    files = {kind: str(path) for kind, path in outcome.files.items()}
    left = {"left": True} if outcome.record.get("left") else {}
    return {**left, **{key: outcome.record.get(key) for key in (*kept, "settings_sha256")}, "files": files}
