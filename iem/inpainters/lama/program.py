"""LaMa as a TorchScript program, ``forward(image, mask) -> image``."""

import io
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from iem.interfaces import Image, Mask

_PROBE = 64  #: side of the picture that a program is tried on, in pixels


class LamaProgram:
    """A TorchScript program that fills holes, tried once on a small picture. It computes in 32 bits.

    Args:
        program: ``(image, mask) -> image``, all in [0, 1], sides a multiple of 8.

    Raises:
        ValueError: it does not do so; the end of a sentence.
    """

    grid = 8

    def __init__(self, program: torch.jit.ScriptModule) -> None:
        self._program = program.eval()
        for weight in self._program.parameters():
            weight.requires_grad_(False)
        self._composites = _keeps_known_pixels(self._program)

    def __call__(self, image: Image, hole: Mask) -> Image:
        """The picture with its hole filled; see ``LamaNetwork.forward``."""
        single = image.float()
        answer: Tensor = self._program(single, hole.float()).to(image.dtype)
        if self._composites:
            return answer + (image - single.to(image.dtype)) * (1 - hole)  # what rounding took from known pixels
        return image * (1 - hole) + answer * hole

    def to(self, device: torch.device) -> "LamaProgram":
        """A copy on that device."""
        moved = object.__new__(LamaProgram)
        moved.__setstate__(self.__getstate__(), device)
        return moved

    def __getstate__(self) -> dict[str, Any]:
        return {"program": self._program.save_to_buffer(), "composites": self._composites}

    def __setstate__(self, state: Mapping[str, Any], device: torch.device | None = None) -> None:
        self._program = _load(io.BytesIO(state["program"]), device or torch.device("cpu"))
        self._composites = state["composites"]


def is_program(path: Path) -> bool:
    """Whether a file is a TorchScript archive: a zip with code in it."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def read_program(path: Path) -> LamaProgram:
    """The program in a TorchScript archive.

    Raises:
        ValueError: it cannot be read, or is another one; the end of a sentence.
    """
    try:
        with path.open("rb") as file:
            program = _load(io.BytesIO(file.read()), torch.device("cpu"))
    except Exception as error:  # the reader has errors of many kinds
        raise ValueError("is truncated or altered") from error
    return LamaProgram(program)


def _load(file: io.BytesIO, device: torch.device) -> torch.jit.ScriptModule:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TorchScript being superseded
        program: torch.jit.ScriptModule = torch.jit.load(file, map_location=device)
    return program


def _keeps_known_pixels(program: torch.jit.ScriptModule) -> bool:
    """Whether the answer is the picture itself where the hole is 0.

    Raises:
        ValueError: it is no picture at all.
    """
    image = torch.linspace(0, 1, 3 * _PROBE * _PROBE).reshape(1, 3, _PROBE, _PROBE)
    hole = torch.zeros(1, 1, _PROBE, _PROBE)
    hole[..., _PROBE // 4 : _PROBE // 2, _PROBE // 4 : _PROBE // 2] = 1
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = program(image, hole)
    except Exception as error:  # whatever another program says of two arguments
        raise ValueError("does not take an image and a mask") from error
    if not isinstance(answer, Tensor) or answer.shape != image.shape or not bool(answer.isfinite().all()):
        raise ValueError("does not return a picture for an image and a mask")
    if answer.min() < -0.01 or answer.max() > 1.01:
        raise ValueError("does not return a picture in [0, 1] for an image and a mask")
    known = (hole == 0).expand_as(image)
    return bool((answer == image)[known].all())
