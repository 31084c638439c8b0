"""Pictures and masks in files: looked at when a data set is opened, decoded one pair at a time."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from PIL import Image

from iem import images
from iem.datasets.problems import DatasetError, Problem, list_problems
from iem.datasets.protocol import EvaluationProtocol
from iem.images.decoding import decoding
from iem.images.sources import Source
from iem.interfaces import Image as Picture
from iem.interfaces import Mask, Sample

_ORIENTATION = 0x0112
_ON_ITS_SIDE = (5, 6, 7, 8)
_MOST_THREADS = 8

#: How a data set reads the truth from a file: 1 = object, ``[1, 1, h, w]``.
TruthRule = Callable[[Path], Mask]


@dataclass(frozen=True)
class Pair:
    """The files of one sample."""

    name: str
    picture: Path
    mask: Path
    ignore: Path | None = None


@final
@dataclass(frozen=True)
class Pairs:
    """Pairs that were looked at and can be read; the inside of every data set that lies in files.

    Attributes:
        pairs: the files, in the order of the data set.
        rule: how a mask becomes the truth.
        protocol: how both become what is searched and scored.
        size: pixels of the shorter side; None for the protocol's own.
        problems: the entries that were left out, sorted by name.
    """

    pairs: tuple[Pair, ...]
    rule: TruthRule
    protocol: EvaluationProtocol
    size: int | None
    problems: tuple[Problem, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names, in order."""
        return tuple(pair.name for pair in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """The pair at ``index``, decoded now.

        Raises:
            ImageError: a file that cannot be read, or was replaced by one of another size since the set was opened.
        """
        pair = self.pairs[index]
        image = read_picture(pair.picture, self.protocol)
        truth = self.rule(pair.mask)
        ignore = None if pair.ignore is None else read_ignore(pair.ignore)
        for path, mask in ((pair.mask, truth), (pair.ignore, ignore)):
            if path is not None and mask is not None and mask.shape[2:] != image.shape[2:]:
                raise images.ImageError(path, "expected the size of its picture; it was replaced, open the set anew")
        return Sample(
            name=pair.name,
            image=self.protocol.fit(image, self.size),
            truth=self.protocol.fit_mask(truth, self.size),
            ignore=None if ignore is None else self.protocol.fit_mask(ignore, self.size),
        )


def open_pairs(
    title: str,
    root: Path,
    pairs: Sequence[Pair],
    problems: Sequence[Problem],
    *,
    rule: TruthRule,
    protocol: EvaluationProtocol,
    size: int | None,
    strict: bool,
    verify: bool = True,
    empty: str = "put pictures into images/, masks into masks/",
) -> Pairs:
    """Look at every pair and keep those that can be used.

    Args:
        title: the data set, as errors call it.
        root: what paths in errors are relative to.
        pairs: the candidates.
        problems: what is wrong with others already.
        rule: how a mask becomes the truth.
        protocol: how both become what is searched and scored.
        size: pixels of the shorter side; None for the protocol's own.
        strict: whether any problem is an error.
        verify: decode every mask; otherwise only the headers of both files are read.
        empty: what to do where there is no pair and no problem.

    Raises:
        DatasetError: no usable pair, or (``strict=True``) any problem; the message lists them.
    """

    def reason(pair: Pair) -> str | None:
        return reason_against(pair, root, rule=rule, protocol=protocol, size=size, verify=verify)

    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        reasons = list(pool.map(reason, pairs))
    kept = tuple(pair for pair, why in zip(pairs, reasons, strict=True) if why is None)
    found = [*problems, *(Problem(p.name, why) for p, why in zip(pairs, reasons, strict=True) if why is not None)]
    refuse(title, root, len(kept), found, strict=strict, empty=empty)
    return Pairs(kept, rule, protocol, size, tuple(sorted(found, key=lambda problem: problem.name)))


def refuse(
    title: str, root: Path, kept: int, problems: Sequence[Problem], *, strict: bool, empty: str, what: str = "pair"
) -> None:
    """Raise ``DatasetError`` if nothing is left, or if anything is wrong with ``strict=True``."""
    problems = sorted(problems, key=lambda problem: problem.name)
    if not kept:
        found = f":\n{list_problems(problems)}" if problems else f"; {empty}"
        raise DatasetError(f"{title}: no usable pair of picture and mask in {root}{found}", problems)
    if problems and strict:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise DatasetError(
            f"{title}: {count} in {root}:\n{list_problems(problems)}\n"
            f"Mend them, or go on with the {kept} {what}s that are fine by strict=False.",
            problems,
        )


def reason_against(
    pair: Pair, root: Path, *, rule: TruthRule, protocol: EvaluationProtocol, size: int | None, verify: bool = True
) -> str | None:
    """Why a pair cannot be used, in one clause; None if it can."""
    truth: Mask | None = None
    try:
        expected = None if verify else header_size(pair.mask)
        if expected is None:
            truth = rule(pair.mask)
            expected = (int(truth.shape[2]), int(truth.shape[3]))
        for path in (pair.picture, *([] if pair.ignore is None else [pair.ignore])):
            if header_size(path) == expected:
                continue
            height, width = images.read(path).image.shape[2:]  # some headers do not tell which side is up
            if (height, width) != expected:
                return (
                    f"{place(path, root)} is {width} x {height} pixels, its mask "
                    f"{expected[1]} x {expected[0]}; give both the same size"
                )
    except images.ImageError as error:
        return f"{place(Path(error.path), root)} cannot be read: {error.reason}"
    return None if truth is None or protocol.keeps_empty else reason_against_mask(truth, protocol, size)


def reason_against_mask(truth: Mask, protocol: EvaluationProtocol, size: int | None) -> str | None:
    """Why nothing can be measured against a mask; None if something can."""
    where = ""
    if truth.min() != truth.max():
        fitted = protocol.fit_mask(truth, size)
        where = " in the square that is scored" if fitted.shape != truth.shape else ""
        truth = fitted
    if truth.min() == truth.max():
        side = "foreground" if truth.min() == 1 else "background"
        return f"the mask is all {side}{where}; nothing can be measured"
    return None


def read_picture(source: Source, protocol: EvaluationProtocol) -> Picture:
    """A picture's colours, as stored or in sRGB, as the protocol wants them."""
    if not protocol.stored_values:
        return images.read(source).image
    with decoding(source, max_pixels=images.DEFAULT_MAX_PIXELS, allow_truncated=False) as decoded:
        if decoded.picture.mode not in ("L", "RGB"):  # deep or transparent pictures are none of the publication's
            return images.read(source).image
        values = np.array(decoded.picture.convert("RGB"))
    return torch.from_numpy(values).permute(2, 0, 1)[None].contiguous().float() / 255


def read_ignore(path: Path) -> Mask:
    """1 wherever a map is not black."""
    return (images.read(path).image.amax(dim=1, keepdim=True) > 0).float()


def header_size(path: Path) -> tuple[int, int] | None:
    """Height and width of the upright picture from its header, None where the decoder has to be asked."""
    try:
        with Image.open(path, formats=images.FORMATS) as picture:
            width, height = picture.size
            # Pillow decodes a whole PNG to look for EXIF data behind the pixels
            told = "exif" in picture.info or picture.format != "PNG"
            turned = told and picture.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
            if turned and picture.format == "TIFF":  # some versions of Pillow have turned it already
                return None
    except Exception:  # whatever is wrong with the file, iem.images finds the words for it
        return None
    return (width, height) if turned else (height, width)


def place(path: Path, root: Path) -> str:
    """Where a file lies in its data set."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
