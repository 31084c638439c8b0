"""Picture files of a command: read once, decoded within limits, never overwritten, and what is wrong said in words."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import torch

from iem.checks import check_choice
from iem.images import ImageError, Picture, read
from iem.images.errors import printable
from iem.images.sources import label, take
from iem.runner.work import Work

Identity = tuple[int, int]


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
        work: the picture.
        kind: "skipped" if an earlier run had finished it.
        record: what is known of the result: the JSON file beside it; empty if it failed.
        files: kind -> file, such as ``"mask"``; empty if it failed.
        error: why it failed.
    """

    work: Work
    kind: Literal["done", "skipped", "failed"]
    record: Mapping[str, Any]
    files: Mapping[str, Path]
    error: str | None = None


def choose_device(name: str) -> str:
    """The device called "cpu" or "cuda"; "auto" is CUDA where there is one.

    Raises:
        ValueError: another name, or CUDA where there is none.

    >>> choose_device("cpu")
    'cpu'
    """
    check_choice(name, "device", ("auto", "cpu", "cuda"))
    available = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device: expected a CUDA device, but PyTorch finds none; use cpu, or see iem doctor")
    return "cuda" if available else "cpu"


def failure(error: Exception, work: Work, verb: str = "segment") -> str:
    """Why a picture failed, in one clause that does not repeat its name."""
    if isinstance(error, ImageError):
        return error.reason if error.path in (work.name, label(work.source)) else str(error)
    words = " ".join(str(error).split())[:300]
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "not enough memory" in words:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return f"not enough memory to {verb} it; search at a smaller size, on another device, or reduce the picture"
    return f"{type(error).__name__}: {words}"


def read_bytes(work: Work, max_pixels: int) -> bytes:
    """The whole file, read once, so that the record's checksum is that of the picture that was looked at.

    Raises:
        ImageError: it cannot be read, or is larger than any picture of so many pixels.
    """
    if work.error is not None:
        raise work.error
    return take(work.source, max_bytes=8 * max_pixels + (16 << 20))


def decode(data: bytes, work: Work, *, max_pixels: int, allow_truncated: bool) -> Picture:
    """The picture of a file that ``read_bytes`` read.

    Raises:
        ImageError: anything that is wrong with it.
    """
    return read(_NamedBytes(data, work.name), max_pixels=max_pixels, allow_truncated=allow_truncated)


def identities(works: Sequence[Work]) -> dict[Identity, str]:
    """What the input files are -> what the user calls them."""
    return {found: work.name for work in works if (found := _identity(work.source)) is not None}


def refuse_inputs(paths: Iterable[Path], inputs: Mapping[Identity, str]) -> None:
    """Require that none of the files to be written is an input, however either is spelled or linked.

    Raises:
        ImageError: one is.
    """
    for path in paths:
        if (name := inputs.get(_identity(path) or (-1, -1))) is not None:
            raise ImageError(path, f"this would overwrite the input {printable(name)}; choose another output folder")


def is_finished(record: Mapping[str, Any], key: Mapping[str, Any], files: Mapping[str, Path]) -> bool:
    """Whether a record was made from the same bytes with the same settings, and its files still have their sizes.

    Args:
        record: with ``files``, kind -> bytes.
        key: with ``sha256`` and ``settings_sha256``.
        files: kind -> file.
    """
    sizes = record.get("files")
    if not isinstance(sizes, dict) or any(record.get(each) != key[each] for each in ("sha256", "settings_sha256")):
        return False
    return all(_size(path) == sizes.get(kind, -1) for kind, path in files.items())


class _NamedBytes(io.BytesIO):
    """Bytes that remember their file's name, by whose ending camera raw files are told from other TIFFs."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _identity(source: Path | BinaryIO) -> Identity | None:
    """What a file is, however it is spelled or linked; None if it is not there."""
    if not isinstance(source, Path):
        return None
    try:
        status = source.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
