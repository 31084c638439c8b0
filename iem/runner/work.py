"""Which pictures a command means, and where the results of each go."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO

from iem.images import ImageError, list_pictures


@dataclass(frozen=True)
class Work:
    """One picture to segment.

    Attributes:
        name: how the user knows it: the path as given, or "-".
        source: the file, or a stream open in binary mode.
        place: of its results in each folder of ``Products``, without ending.
        error: why it cannot be read; None if it seems fine.
    """

    name: str
    source: Path | BinaryIO
    place: PurePath
    error: ImageError | None = None


def list_work(inputs: Sequence[str], *, output: Path | None = None, stdin: BinaryIO | None = None) -> list[Work]:
    """The pictures that the inputs mean: files, folders with all that is below them, and "-" for ``stdin``.

    Args:
        inputs: paths, or "-".
        output: a folder not to look into.
        stdin: open in binary mode; needed for "-".
    """
    listed = list_pictures([each for each in inputs if each != "-"], exclude=output)
    works = [Work(os.fspath(each.path), each.path, each.output("", ""), each.error) for each in listed]
    if "-" in inputs:
        if stdin is None:
            raise ValueError('stdin: expected a binary file for the input "-", got None; give sys.stdin.buffer')
        taken = {work.place.as_posix().casefold() for work in works}
        place = next(name for i in range(len(works) + 1) if (name := f"stdin{i or ''}") not in taken)
        works.insert(0, Work("-", stdin, PurePath(place)))
    return works
