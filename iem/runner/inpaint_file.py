"""From the bytes of a picture and of its mask to those of the painted picture."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iem.checks import check_choice, check_number
from iem.images import DEFAULT_MAX_PIXELS, ImageError
from iem.images.originals import Original, read_original
from iem.images.retouching import ENDINGS, lossless_format, retouched
from iem.interfaces import Inpainter
from iem.runner.inpaint_masks import Masks, read_hole
from iem.runner.inpaint_picture import paint
from iem.runner.settings import describe
from iem.runner.work import Work
from iem.weights import digest

OnStep = Callable[[Work, str], None]

FORMATS = ("auto", "same", *(each.lower() for each in ENDINGS))


@dataclass(eq=False)
class StepTeller:
    """Passes on how far a painter is to whoever listens at the moment, since painters are given it when they are made.

    Attributes:
        listener: called with (step, of how many).
    """

    listener: Callable[[int, int], None] | None = field(default=None, init=False)

    def __call__(self, step: int, steps: int) -> None:
        """A painter has done so many of its steps."""
        if self.listener is not None:
            self.listener(step, steps)


@dataclass(frozen=True)
class InpaintBatch:
    """How to paint a batch of files.

    Attributes:
        painter: what paints.
        masks: what is to be painted.
        invert: paint what the masks leave black instead.
        resize_mask: bring masks of another size to their picture's.
        grow: pixels by which the holes are grown.
        feather: pixels over which the paint fades out around that.
        margin: pixels around each hole that the painter sees at least; None: the whole picture.
        device: where to paint, "cpu" or what else PyTorch knows.
        format: "auto" (the file's own, unless that loses detail), "same", or one of ``ENDINGS``.
        from_nothing: whether the painter can paint a picture of which nothing is known.
        overwrite: do anew what is finished already, and replace files that no earlier run wrote.
        max_pixels: refuse larger pictures.
        allow_truncated: use the part of a damaged file that is there.
        teller: what the painter tells its steps to, if it does.
    """

    painter: Inpainter
    masks: Masks
    invert: bool = False
    resize_mask: bool = False
    grow: int = 0
    feather: int = 0
    margin: int | None = None
    device: str = "cpu"
    format: str = "auto"
    from_nothing: bool = False
    overwrite: bool = False
    max_pixels: int = DEFAULT_MAX_PIXELS
    allow_truncated: bool = False
    teller: StepTeller = field(default_factory=StepTeller)

    def __post_init__(self) -> None:
        check_choice(self.format, "format", FORMATS)
        check_number(self.grow, "grow", low=0, integer=True)
        check_number(self.feather, "feather", low=0, integer=True)
        check_number(self.max_pixels, "max_pixels", low=1, integer=True)

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides what the paint looks like."""
        names = ("invert", "resize_mask", "grow", "feather", "margin", "format")
        return {"painter": describe_painter(self.painter), **{name: getattr(self, name) for name in names}}


def describe_painter(painter: Inpainter) -> dict[str, Any]:
    """Its settings, without whom it tells its steps; of a network that they only name, the sum of its file, too."""
    settings = {name: value for name, value in describe(painter).items() if name != "on_step"}
    source = getattr(painter, "source", None)
    if isinstance(source, str | Path) and Path(source).is_file():
        settings["source_sha256"] = digest(Path(source))
    return settings


@dataclass(frozen=True)
class Painted:
    """One painted picture.

    Attributes:
        data: the file.
        format: its kind, one of ``ENDINGS``.
        original: the picture as it was.
        share: of its pixels that were painted.
        notices: what the user should know.
    """

    data: bytes
    format: str
    original: Original
    share: float
    notices: tuple[str, ...]


def inpaint_bytes(
    data: bytes, mask: bytes, work: Work, mask_path: Path, batch: InpaintBatch, on_step: OnStep | None = None
) -> Painted:
    """Paint one picture in memory.

    Raises:
        ImageError: a picture or mask that cannot be used.
    """
    original = read_original(data, max_pixels=batch.max_pixels, allow_truncated=batch.allow_truncated, name=work.name)
    image, alpha = original.image, original.alpha
    size = (int(image.shape[2]), int(image.shape[3]))
    hole = read_hole(mask, mask_path, size, invert=batch.invert, resize=batch.resize_mask, max_pixels=batch.max_pixels)
    if bool(hole.all()) and not batch.from_nothing:
        raise ImageError(
            mask_path, "the mask covers the whole picture, so that nothing is left to paint from; or give --invert"
        )
    format_ = format_of(batch.format, original)

    def tell(words: str) -> None:
        if on_step is not None:
            on_step(work, words)

    def on_window(number: int, count: int) -> None:
        which = f"hole {number} of {count}" if count > 1 else "painting"
        tell(which)
        batch.teller.listener = lambda step, steps: tell(f"{which}, step {step} of {steps}")

    try:
        painting = paint(
            image,
            hole,
            batch.painter,
            alpha=alpha,
            grow=batch.grow,
            feather=batch.feather,
            margin=batch.margin,
            device=batch.device,
            on_window=on_window,
        )
    finally:
        batch.teller.listener = None
    file = retouched(original, painting.image, painting.weight, alpha=painting.alpha, format_=format_)
    share = float((painting.weight > 0).double().mean())
    notices = original.notices if share else (*original.notices, "the mask is empty: nothing was painted")
    return Painted(file, format_, original, share, notices)


def format_of(name: str, original: Original) -> str:
    """The kind of file to write for a format's name.

    Raises:
        ImageError: "same", of a kind that cannot be written.
    """
    if name == "auto":
        return lossless_format(original)
    if name != "same":
        return name.upper()
    if original.format not in ENDINGS:
        raise ImageError(original.path, f"{original.format} cannot be written; leave out --format same, or give png")
    return original.format
