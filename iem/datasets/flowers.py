"""Oxford Flowers-102 with its segmentations, in the official layout."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, final

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

#: ReDO swaps the official parts: it trains on the largest, ``tstid``, and tests on ``trnid``.
PARTS: Mapping[str, str] = {"train": "tstid", "val": "valid", "test": "trnid"}
SPLITS = (*PARTS, "all")

_MOST = 99_999


@final
@dataclass(frozen=True)
class Flowers:
    """Oxford Flowers-102 (Nilsback & Zisserman 2008): 8,189 photographs with segmentations.

    Layout, as the official archives unpack: ``jpg/image_%05d.jpg``, ``segmim/segmim_%05d.jpg`` and ``setid.mat``.

    Splits are those of ReDO (Chen et al. 2019), which IEM took over and which swap the official ones: ``test`` is the
    official ``trnid`` (1,020), ``val`` is ``valid`` (1,020), ``train`` is ``tstid`` (6,149), each in the file's order.

    The truth, bit for bit as in ReDO and IEM (github.com/mickaelChen/ReDO and github.com/lolemacs/iem-code,
    ``datasets.py``): in the segmented picture, a pixel is background iff R = 0 or G = 0 or B = 254. These pictures are
    JPEG files, so the rule misses some pixels of the blue background and takes a few of dark petals; both are kept for
    the sake of comparison. The segmentations were made by an algorithm, so 100 % is not the ceiling.

    Args:
        root: the folder that holds ``jpg/`` and ``segmim/``, or ``flowers-102/`` with them.
        split: "test", "val", "train", or "all" pictures that are there, which needs no ``setid.mat``.
        size: pixels of the shorter side; None for the protocol's own, 128 as published.
        limit: no more than this many, evenly spaced.
        protocol: see ``EvaluationProtocol``: "paper", "fixed" or one of your own.
        strict: True to refuse a data set with problems, False to go on without the entries that have one.
        verify: decode every mask when the set is opened; False reads the headers alone.

    Attributes:
        problems: the entries that were left out, sorted by name.

    Raises:
        DatasetError: another layout, no ``setid.mat`` for a split, or (``strict=True``) any problem.
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
        root, protocol = find_root(Path(self.root)), get_protocol(self.protocol)
        numbers = _all_numbers(root) if self.split == "all" else read_numbers(root / "setid.mat", self.split)
        pairs, problems = _pair(root, evenly_spaced(numbers, self.limit))
        opened = open_pairs(
            "flowers",
            root,
            pairs,
            problems,
            rule=read_truth,
            protocol=protocol,
            size=self.size,
            strict=self.strict,
            verify=self.verify,
            empty="unpack 102flowers.tgz and 102segmentations.tgz there",
        )
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "protocol", protocol)
        object.__setattr__(self, "problems", opened.problems)
        object.__setattr__(self, "_pairs", opened)

    @property
    def names(self) -> tuple[str, ...]:
        """The samples' names, such as ``image_00001``, in order."""
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
    """The foreground of a segmented picture: 1 except where R = 0 or G = 0 or B = 254; ``[1, 1, h, w]``.

    Raises:
        ImageError: anything that is wrong with the file.
    """
    with decoding(path, max_pixels=images.DEFAULT_MAX_PIXELS, allow_truncated=False) as decoded:
        values = np.asarray(decoded.picture.convert("RGB"))
    background = (values[..., 0] == 0) | (values[..., 1] == 0) | (values[..., 2] == 254)
    return torch.from_numpy(~background)[None, None].float()


def find_root(given: Path) -> Path:
    """The folder with ``jpg/`` and ``segmim/``.

    Raises:
        DatasetError: there is none.
    """
    for root in (given, given / "flowers-102"):
        if (root / "jpg").is_dir() and (root / "segmim").is_dir():
            return root
    missing = "jpg" if not (given / "jpg").is_dir() else "segmim"
    raise DatasetError(
        f"flowers: expected the folders jpg and segmim in {given}, found no folder {missing}; "
        "get the data set with: iem data get flowers"
    )


def _all_numbers(root: Path) -> list[int]:
    stems = [path.stem.rpartition("_") for path in (root / "jpg").glob("image_*.jpg")]
    return sorted(int(number) for _, _, number in stems if number.isdecimal())


def read_numbers(path: Path, split: str) -> list[int]:
    """The numbers of a split's pictures, in the order of ``setid.mat``.

    Raises:
        DatasetError: no such file, or it is damaged.
    """
    if not path.is_file():
        raise DatasetError(
            f"flowers: expected {path} with the numbers of the split {split!r}, found no such file; get it with "
            "iem data get flowers, or take split=all"
        )
    from scipy.io import loadmat  # slow to import, and split=all goes without

    key = PARTS[split]
    try:
        content: Mapping[str, Any] = loadmat(path)
        numbers = np.asarray(content[key]).astype(np.int64).ravel().tolist()
    except Exception as error:  # scipy raises whatever its parser stumbles over
        words = f"no list {key!r}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise DatasetError(
            f"flowers: expected the list {key!r} in {path}, but the file is damaged ({words or type(error).__name__}); "
            "remove it and get it again with: iem data get flowers"
        ) from error
    wrong = [number for number in numbers if not 1 <= number <= _MOST]
    if wrong or not numbers or len(set(numbers)) < len(numbers):
        raise DatasetError(
            f"flowers: expected different numbers from 1 to {_MOST} under {key!r} in {path}, "
            f"got {wrong[:3] or 'repeated ones or none'}; remove it and get it again with: iem data get flowers"
        )
    return [int(number) for number in numbers]


def _pair(root: Path, numbers: tuple[int, ...]) -> tuple[list[Pair], list[Problem]]:
    there = {folder: {path.name for path in (root / folder).iterdir()} for folder in ("jpg", "segmim")}
    pairs, problems = [], []
    for number in numbers:
        name, truth = f"image_{number:05}", f"segmim_{number:05}"
        if f"{name}.jpg" not in there["jpg"]:
            problems.append(Problem(name, f"no picture; expected jpg/{name}.jpg"))
        elif f"{truth}.jpg" not in there["segmim"]:
            problems.append(Problem(name, f"no mask; expected segmim/{truth}.jpg"))
        else:
            pairs.append(Pair(name, root / "jpg" / f"{name}.jpg", root / "segmim" / f"{truth}.jpg"))
    return pairs, problems
