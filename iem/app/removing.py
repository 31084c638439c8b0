"""The job that paints the kept objects away."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, final

import torch

from iem.app.cores import cores
from iem.app.jobs import Cancelled, Job
from iem.app.limits import Limits
from iem.app.pngs import OneMask, read_png_mask
from iem.app.refusals import Refused
from iem.app.session import Session
from iem.app.states import Kept, Outcome
from iem.images import ImageError
from iem.images.originals import Original, read_original
from iem.images.retouching import retouched
from iem.interfaces import Inpainter
from iem.removal import united
from iem.runner.inpaint_file import StepTeller
from iem.runner.inpaint_picture import Painting, paint
from iem.runner.painters import PainterName, kind_of, make_painter

#: Painters whose paint depends on the hole's surroundings alone: they need not see the rest, and are much faster so.
_NEAR = (PainterName.harmonic, PainterName.biharmonic, PainterName.telea, PainterName.navier_stokes)
_MARGIN = 16


@final
@dataclass
class Painters:
    """Painters that were made, of which the last is kept: networks are large. For one thread."""

    name: str = ""
    painter: Inpainter | None = None
    teller: StepTeller = field(default_factory=StepTeller)

    def get(self, name: str) -> Inpainter:
        """The painter of that name; it tells its steps to ``teller``, if it has any."""
        if self.painter is None or self.name != name:
            options: dict[str, Any] = {"on_step": self.teller} if kind_of(name).tells_steps else {}
            self.painter, self.name = make_painter(name, **options), name
        return self.painter


def remove(
    session: Session,
    objects: tuple[Kept, ...],
    *,
    painter: str,
    grow: int,
    feather: int,
    painters: Painters,
    limits: Limits,
) -> Callable[[Job], None]:
    """The job that paints ``objects`` away: grown by ``grow`` pixels, with an edge that fades over ``feather`` more."""

    def work(job: Job) -> None:
        started = time.perf_counter()
        job.tell(0, 0, "reading the photo")
        original = _read(session, limits)
        hole = _hole(objects)
        if bool(hole.all()):
            raise Refused(422, "the objects cover the whole photo, so that nothing is left to paint from; shrink them")
        job.tell(0, 0, "painting")
        painting = _painted(original, hole, painters, painter, grow, feather, job)
        job.check()
        file = session.new_file()
        try:
            data = retouched(original, painting.image, painting.weight, alpha=painting.alpha)
            file.write_bytes(data)
        except OSError as error:
            if session.is_closed:
                raise Cancelled from error
            raise Refused(507, f"the result cannot be stored ({error.strerror}); free some space") from error
        seconds = time.perf_counter() - started
        outcome = Outcome(file, painter, grow, feather, seconds, tuple(each.id for each in objects))
        job.message = ""
        session.change(lambda state: replace(state, result=outcome))

    return work


def _hole(objects: tuple[Kept, ...]) -> OneMask:
    """All pixels of which one of the objects holds at least half."""
    return united((read_png_mask(each.png) >= 0.5).float() for each in objects)


def _read(session: Session, limits: Limits) -> Original:
    """The photo in its file's own numbers; where a PNG cannot hold them (32 bits), as it is shown."""
    try:
        original = read_original(session.photo.original, max_pixels=limits.max_pixels, name=session.photo.name)
        if original.samples.dtype.name in ("uint8", "uint16"):
            return original
        return read_original(session.photo.upright, max_pixels=limits.max_pixels, name=session.photo.name)
    except ImageError:
        if session.is_closed:
            raise Cancelled from None
        raise


def _painted(
    original: Original, hole: OneMask, painters: Painters, name: str, grow: int, feather: int, job: Job
) -> Painting:
    def on_window(number: int, count: int) -> None:
        job.tell(number - 1, count, "painting")

        def on_step(step: int, steps: int) -> None:
            job.tell((number - 1) * steps + step, count * steps, "painting")

        painters.teller.listener = on_step

    try:
        with torch.no_grad(), cores(network=kind_of(name).takes_weights):
            return paint(
                original.image,
                hole,
                painters.get(name),
                alpha=original.alpha,
                grow=grow,
                feather=feather,
                margin=_MARGIN if name in _NEAR else None,
                on_window=on_window,
            )
    finally:
        painters.teller.listener = None
