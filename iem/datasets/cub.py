"""CUB-200-2011, birds with segmentations, in the official layout and with ReDO's split."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path, PurePosixPath
from typing import final

import numpy as np
import torch

from iem import images
from iem.checks import check_choice, check_number
from iem.datasets.pairs import Pair, Pairs, open_pairs
from iem.datasets.problems import DatasetError, Problem
from iem.datasets.protocol import EvaluationProtocol, get_protocol
from iem.datasets.subset import evenly_spaced
from iem.images.decoding import decoding
from iem.interfaces import Mask, Sample

SPLIT_FILE = "train_val_test_split.txt"
PARTS: Mapping[str, int] = {"train": 0, "val": 1, "test": 2}
SPLITS = (*PARTS, "all")


@final
@dataclass(frozen=True)
class CUB:
    """Caltech-UCSD Birds-200-2011 (Wah et al. 2011): 11,788 photographs with segmentations.

    Layout, as the official archives unpack: ``images.txt`` (lines ``<id> <class>/<file>.jpg``), ``images/<class>/``,
    and ``segmentations/<class>/<file>.png``, which may also lie beside the folder ``CUB_200_2011``.

    Splits are those of ReDO (Chen et al. 2019), which IEM took over: the file ``train_val_test_split.txt`` of
    github.com/mickaelChen/ReDO gives every id 0 (train, 10,000), 1 (val, 788) or 2 (test, 1,000). The official
    ``train_test_split.txt`` is another one and is not used. ``split="all"`` needs no such file.

    The truth, as in ReDO's ``datasets.py``: the first channel of the segmentation, in [0, 1], is greater than 0.5; the
    masks count five annotators, so that is what at least three of them outlined. Grey pictures get three channels.

    Args:
        root: the folder ``CUB_200_2011``, or the one that holds it.
        split: "test", "val", "train" or "all".
        size: pixels of the shorter side; None for the protocol's own, 128 as published.
        limit: no more than this many, evenly spaced.
        protocol: see ``EvaluationProtocol``: "paper", "fixed" or one of your own.
        strict: True to refuse a data set with problems, False to go on without the entries that have one.
        verify: decode every mask when the set is opened; False reads the headers alone.

    Attributes:
        problems: the entries that were left out, sorted by name.

    Raises:
        DatasetError: another layout, no file of the split, or (``strict=True``) any problem.
        ValueError: an unknown split or protocol, a size or limit below 1.
    """

    root: Path | str
    _: KW_ONLY
    split: str = "test"
    size: int | None = None
    limit: int | None = None
    protocol: str | EvaluationProtocol = "paper"
    strict: bool = True
    verify: bool = True
    problems: tuple[Problem, ...] = field(init=False, repr=False)
    _pairs: Pairs = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_choice(self.split, "split", SPLITS)
        for name in ("size", "limit"):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, low=1, integer=True)
        root, masks = find_root(Path(self.root))
        protocol = get_protocol(self.protocol)
        files = read_table(root / "images.txt")
        if self.split != "all":
            parts = read_parts(root / SPLIT_FILE, files, self.split)
            files = {key: file for key, file in files.items() if parts[key] == str(PARTS[self.split])}
        pairs, problems = _pair(root / "images", masks, evenly_spaced(tuple(files.values()), self.limit))
        opened = open_pairs(
            "cub",
            root,
            pairs,
            problems,
            rule=read_truth,
            protocol=protocol,
            size=self.size,
            strict=self.strict,
            verify=self.verify,
            empty=f"expected ids with {PARTS.get(self.split)} in {SPLIT_FILE}",
        )
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "protocol", protocol)
        object.__setattr__(self, "problems", opened.problems)
        object.__setattr__(self, "_pairs", opened)

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names, ``<class>__<file>``, in the order of their ids."""
        return self._pairs.names

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> Sample:
        """The pair at ``index``, decoded now.

        Raises:
            ImageError: a file that cannot be read.
        """
        return self._pairs[index]


def read_truth(path: Path) -> Mask:
    """1 where the first channel of a segmentation, in [0, 1], is greater than 0.5; ``[1, 1, h, w]``.

    Raises:
        ImageError: anything that is wrong with the file.
    """
    with decoding(path, max_pixels=images.DEFAULT_MAX_PIXELS, allow_truncated=False) as decoded:
        picture = decoded.picture
        if picture.mode.startswith("I") or picture.mode == "F":
            raise images.ImageError(path, "expected 8 bits in each channel; get the official segmentations again")
        picture = picture.convert("L") if picture.mode in ("1", "P") else picture
        values = np.asarray(picture.getchannel(0))
    return torch.from_numpy(values > 127)[None, None].float()


def find_root(given: Path) -> tuple[Path, Path]:
    """The folder with ``images.txt``, and that of the segmentations.

    Raises:
        DatasetError: one of them is not there.
    """
    root = given / "CUB_200_2011" if (given / "CUB_200_2011").is_dir() else given
    for wanted in ("images.txt", "images"):
        if not (root / wanted).exists():
            raise DatasetError(
                f"cub: expected images.txt, images and segmentations in {root}, found no {wanted}; "
                "get the data set with: iem data get cub"
            )
    for masks in (root / "segmentations", root.parent / "segmentations"):
        if masks.is_dir():
            return root, masks
    raise DatasetError(
        f"cub: expected the folder segmentations in {root} or beside it, found none; the segmentations are an archive "
        "of their own, get them with: iem data get cub"
    )


def read_table(path: Path) -> dict[str, str]:
    """A text file with an id and a value on each line.

    Raises:
        DatasetError: it cannot be read, or a line is something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"cub: expected a text file {path}, but it cannot be read ({error}); get it again") from None
    table: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        match line.split():
            case []:
                continue
            case [key, value] if key not in table:
                table[key] = value
            case _:
                raise DatasetError(
                    f"cub: expected an id and a value, each id once, on line {number} of {path}, got {line[:80]!r}; "
                    "get the file again"
                )
    return table


def read_parts(path: Path, files: Iterable[str], split: str) -> dict[str, str]:
    """The part, "0", "1" or "2", of every id.

    Raises:
        DatasetError: no such file, or an id without a part.
    """
    if not path.is_file():
        raise DatasetError(
            f"cub: expected {path} with the split {split!r} of ReDO (10,000 train, 788 val, 1,000 test), found no such "
            "file; get it with iem data get cub, or take split=all"
        )
    parts = read_table(path)
    unknown = [key for key in files if parts.get(key) not in {str(part) for part in PARTS.values()}]
    if unknown:
        raise DatasetError(
            f"cub: expected 0, 1 or 2 for every id of images.txt in {path}, got {parts.get(unknown[0])!r} for the id "
            f"{unknown[0]} and {len(unknown) - 1} more without a part; get the file again with: iem data get cub"
        )
    return parts


def _pair(pictures: Path, masks: Path, files: tuple[str, ...]) -> tuple[list[Pair], list[Problem]]:
    there = {folder: _listed(folder) for folder in (pictures, masks)}
    pairs, problems = [], []
    for file in files:
        path = PurePosixPath(file)
        mask = path.with_suffix(".png").as_posix()
        name = "__".join((*path.parent.parts, path.stem))
        if file not in there[pictures]:
            problems.append(Problem(name, f"no picture; expected images/{file}"))
        elif mask not in there[masks]:
            problems.append(Problem(name, f"no mask; expected segmentations/{mask}"))
        else:
            pairs.append(Pair(name, pictures / file, masks / mask))
    return pairs, problems


def _listed(folder: Path) -> set[str]:
    """All files below a folder, by their paths in it: faster than to ask for 10,000 one by one."""
    return {
        PurePosixPath(Path(parent).relative_to(folder).as_posix(), name).as_posix()
        for parent, _, names in os.walk(folder)
        for name in names
    }
