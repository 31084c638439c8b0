"""From the words of a command line to what takes pictures apart, with all weights at hand before any work."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import torch

from iem.features import CLIP, DINO, Lab, Stack, Texture, Whitening
from iem.finders import IEM, Alone
from iem.initialisers import TokenCut
from iem.interfaces import Finder, Inpainter
from iem.peeling import ShiftTest
from iem.runner.painters import make_painter
from iem.runner.peeler import Peeler

#: What the painters call their weights.
_WEIGHTS_KEYS = ("weights", "checkpoint", "model", "base", "controlnet", "source")


def choose_peeler(
    *,
    finder: str = "iem",
    preset: str = "best",
    features: str | None = None,
    painter: str = "harmonic",
    weights: str | None = None,
    painter_options: Mapping[str, Any] | None = None,
    mode: Literal["paint", "split"] = "paint",
    parts: bool = True,
    min_area: float = 0.01,
    rounds: int = 24,
    alpha: float = 0.05,
    joint: bool = True,
    size: int | None = None,
) -> Peeler:
    """What the options of ``iem peel`` ask for.

    Args:
        finder: "iem" or "tokencut".
        preset: of the finder "iem".
        features: name or folder of the transformer for "tokencut"; None for colour and texture.
        painter: see ``iem peel --help``.
        weights: of a painter that is a network; None for its own.
        painter_options: further keyword arguments of the painter, such as its prompt.
        mode: see ``iem.peeling.peel``.
        parts: see there.
        min_area: see there.
        rounds: at most.
        alpha: false-alarm rate; 1 accepts every region.
        joint: see ``iem.peeling.peel``.
        size: short side at which the finder looks; None for the usual one.

    Raises:
        ValueError: a number out of range, or weights that cannot be used.
        ImportError: a choice needs an extra that is not installed.
    """
    found: Finder
    if finder == "iem":
        found = IEM(preset=preset, size=size or 128)
    elif features is None:  # as conf/finder/tokencut.yaml
        cues = Whitening(Stack([Lab(), Texture(radius=3)]))
        found = Alone(TokenCut(cues, size=size or 128, patch=4, side="frame", position=0.5))
    else:
        found = Alone(TokenCut(DINO(features), size=size or 256))
    return Peeler(
        finder=found,
        test=ShiftTest(alpha=alpha) if alpha < 1 else None,
        painter=choose_painter(painter, weights, painter_options),
        mode=mode,
        parts=parts,
        joint=joint,
        min_area=min_area,
        max_rounds=rounds,
    )


def choose_painter(name: str, weights: str | None = None, options: Mapping[str, Any] | None = None) -> Inpainter:
    """The painter of that name; see ``iem.runner.painters.make_painter``.

    Raises:
        ValueError: it needs weights that are not there; in terms of the command's options.
        ImportError: it needs an extra that is not installed.
    """
    try:
        return make_painter(name, weights, **(options or {}))
    except ValueError as error:
        raise ValueError(_for_command(error)) from error


def load_weights(*parts: Any, device: str = "cpu") -> None:
    """Load all networks that would else be loaded at the first picture, so that none is missing in the middle.

    Args:
        parts: finders and painters.
        device: where they are going to work.

    Raises:
        ValueError: weights that are not there or do not fit; one sentence.
        ImportError: an extra is not installed.
    """
    for part in parts:
        try:
            load_part(part, device)
        except ValueError as error:
            if not isinstance(part, Inpainter):
                raise
            raise ValueError(_for_command(error)) from error


def load_part(part: Any, device: str = "cpu") -> None:
    """Load the networks of one part and of all parts in it.

    Raises:
        ValueError: weights that are not there or do not fit.
        ImportError: an extra is not installed.
    """
    if isinstance(part, Inpainter) and not hasattr(part, "load"):  # a trial finds whether its libraries are there
        dot = torch.zeros(1, 1, 16, 16, device=device)
        dot[..., 8, 8] = 1
        part(torch.full((1, 3, 16, 16), 0.5, device=device), dot)
    for each in _parts_of(part):
        if callable(getattr(each, "load", None)):
            each.load(device)
        elif isinstance(each, DINO | CLIP):
            each(torch.full((1, 3, 32, 32), 0.5, device=device))


def _parts_of(part: Any) -> Iterator[Any]:
    """The part and, within it, whatever is a dataclass."""
    if not dataclasses.is_dataclass(part) or isinstance(part, type):
        return
    yield part
    for each in dataclasses.fields(part):
        yield from _parts_of(getattr(part, each.name, None))


def _for_command(error: ValueError) -> str:
    """The message under the option's name, where it has that of a painter's argument."""
    key, _, words = str(error).partition(": ")
    return f"--weights: {words}" if key in _WEIGHTS_KEYS else str(error)
