"""LSUN Car: photographs in an LMDB environment, masks in a folder beside it."""

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, final

from iem import images
from iem.checks import check_number
from iem.datasets.pairs import read_picture, reason_against_mask, refuse
from iem.datasets.problems import DatasetError, Problem
from iem.datasets.protocol import EvaluationProtocol, get_protocol
from iem.datasets.subset import evenly_spaced
from iem.interfaces import Sample

if TYPE_CHECKING:
    import lmdb

#: Where the environment may lie in the given folder: as car.zip unpacks, or under the names that others give it.
ENVIRONMENTS = ("", "car", "car_lmdb", "lsun_car", "car_train_lmdb")

_KEY = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,199}")
_DATA = "data.mdb"
_ONE_AT_A_TIME = threading.Lock()  # a process may not open an environment twice


@final
@dataclass(frozen=True)
class LsunCar:
    """LSUN Car (Yu et al. 2015): the first of 5,520,756 photographs whose masks an instance segmenter made.

    Layout: an LMDB environment (a folder with ``data.mdb``, such as ``car/`` out of the official ``car.zip``) whose
    keys name the pictures and whose values are WebP or JPEG files, and ``masks/<key>.png`` beside it.

    LSUN has no masks. IEM's are from a Mask R-CNN (project page of Savarese et al., CVPR 2021); which pictures, how
    many, and which settings is not published, so no number here is exactly comparable with the published ones. Ours are
    made by ``iem data masks lsun_car ROOT --detector ...``, with the rule that ``iem.datasets.car_masks`` states.

    The truth: white in the mask is the car. A picture without a mask is left out and listed in ``without_mask``: the
    segmenter found no car in it, or has not been there yet.

    Args:
        root: the folder that holds the environment, or the environment itself.
        number: how many pictures to take from the start of the environment, in the order of their keys.
        masks: the folder of the masks; None for ``masks/`` in ``root``.
        size: pixels of the shorter side; None for the protocol's own, 128 as published for the other sets.
        limit: of those with a mask, no more than this many, evenly spaced.
        protocol: see ``EvaluationProtocol``: "paper", "fixed" or one of your own.
        strict: True to refuse a data set with problems, False to go on without the entries that have one.
        verify: decode every picture's mask when the set is opened.

    Attributes:
        problems: the entries that were left out because something is wrong with them, sorted by name.
        without_mask: names of the pictures among the first ``number`` that have no mask.

    Raises:
        DatasetError: no environment, no mask, or (``strict=True``) any problem.
        ModuleNotFoundError: the extra ``data`` is not installed.
        ValueError: an unknown protocol, a number, size or limit below 1.
    """

    root: Path | str
    _: KW_ONLY
    number: int = 10_000
    masks: Path | str | None = None
    size: int | None = None
    limit: int | None = None
    protocol: str | EvaluationProtocol = "paper"
    strict: bool = True
    verify: bool = True
    problems: tuple[Problem, ...] = field(init=False, repr=False)
    without_mask: tuple[str, ...] = field(init=False, repr=False)
    _environment: Path = field(init=False, repr=False)
    _names: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("number", "size", "limit"):
            if getattr(self, name) is not None:
                check_number(getattr(self, name), name, low=1, integer=True)
        protocol = get_protocol(self.protocol)
        root = Path(self.root)
        environment = find_environment(root)
        masks = Path(self.masks) if self.masks is not None else root / "masks"
        found = {path.stem for path in masks.glob("*.png")} if masks.is_dir() else set()
        if not found:
            raise DatasetError(
                f"lsun_car: expected masks/<key>.png in {masks}, found none; make them with: "
                f"iem data masks lsun_car {root} --detector SEGMENTER"
            )
        keys = list_keys(environment, self.number)
        names = evenly_spaced([key for key in keys if key in found], self.limit)
        problems = self._problems(names, masks, protocol) if self.verify else []
        bad = {problem.name for problem in problems}
        kept = tuple(name for name in names if name not in bad)
        refuse(
            "lsun_car",
            root,
            len(kept),
            problems,
            strict=self.strict,
            empty=f"none of the first {self.number} keys has a mask; the masks are of another environment",
            what="picture",
        )
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "masks", masks)
        object.__setattr__(self, "protocol", protocol)
        object.__setattr__(self, "problems", tuple(problems))
        object.__setattr__(self, "without_mask", tuple(key for key in keys if key not in found))
        object.__setattr__(self, "_environment", environment)
        object.__setattr__(self, "_names", kept)

    @property
    def names(self) -> tuple[str, ...]:
        """The pictures' keys, in order."""
        return self._names

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        """The picture at ``index`` and its mask, decoded now.

        Raises:
            ImageError: either cannot be read, or the mask has another size.
        """
        name, protocol = self._names[index], get_protocol(self.protocol)
        image = read_picture(read_value(self._environment, name), protocol)
        path = Path(self.masks or "") / f"{name}.png"
        truth = images.read_mask(path, size=(image.shape[2], image.shape[3]))
        return Sample(name=name, image=protocol.fit(image, self.size), truth=protocol.fit_mask(truth, self.size))

    def _problems(self, names: Sequence[str], masks: Path, protocol: EvaluationProtocol) -> list[Problem]:
        problems = []
        for name in names:
            try:
                truth = images.read_mask(masks / f"{name}.png")
            except images.ImageError as error:
                problems.append(Problem(name, f"masks/{name}.png cannot be read: {error.reason}"))
                continue
            reason = None if protocol.keeps_empty else reason_against_mask(truth, protocol, self.size)
            if reason is not None:
                problems.append(Problem(name, reason))
        return problems


def find_environment(root: Path) -> Path:
    """The folder with the environment's file.

    Raises:
        DatasetError: there is none.
    """
    for name in ENVIRONMENTS:
        if (root / name / _DATA).is_file():
            return root / name
    raise DatasetError(
        f"lsun_car: expected an LMDB environment (a folder with {_DATA}, such as car) in {root}, found none; "
        "get it with iem data get lsun_car (173 GB), or give the folder that car.zip was unpacked to"
    )


def list_keys(environment: Path, number: int | None = None) -> list[str]:
    """The first keys of an environment, in its order; all of them for None.

    Raises:
        DatasetError: the environment is damaged or empty, or a key is not fit to be a file's name.
    """
    keys: list[str] = []
    with _open(environment) as transaction:
        for key in transaction.cursor().iternext(keys=True, values=False):
            name = bytes(key).decode("ascii", "backslashreplace")
            if _KEY.fullmatch(name) is None:
                raise DatasetError(
                    f"lsun_car: expected keys of letters and digits in {environment}, got {name[:60]!r}; "
                    "this is another kind of environment"
                )
            keys.append(name)
            if number is not None and len(keys) == number:
                break
    if not keys:
        raise DatasetError(f"lsun_car: expected pictures in {environment}, found none; get the data set again")
    return keys


def count_keys(environment: Path) -> int:
    """How many pictures an environment holds.

    Raises:
        DatasetError: the environment is damaged.
    """
    with _open(environment) as transaction:
        return int(transaction.stat()["entries"])


def read_value(environment: Path, key: str) -> bytes:
    """The picture file stored under a key.

    Raises:
        DatasetError: the environment is damaged, or has no such key any more.
    """
    with _open(environment) as transaction:
        value = transaction.get(key.encode())
    if value is None:
        raise DatasetError(f"lsun_car: expected the key {key} in {environment}, found none; open the set anew")
    return bytes(value)


@contextmanager
def _open(environment: Path) -> "Iterator[lmdb.Transaction]":
    """A transaction that reads. Opened for each use, so that data sets can be copied to other processes and threads."""
    module = _import_lmdb()
    with _ONE_AT_A_TIME:
        try:
            with (
                module.open(
                    os.fspath(environment), readonly=True, lock=False, readahead=False, max_readers=1
                ) as opened,
                opened.begin() as transaction,
            ):
                yield transaction
        except module.Error as error:
            raise DatasetError(
                f"lsun_car: expected an LMDB environment in {environment}, but it cannot be read ({error}); "
                "it is damaged or not whole, get it again"
            ) from error


def _import_lmdb() -> ModuleType:
    try:
        import lmdb
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("lsun_car: LSUN needs lmdb; install it with: pip install 'iem[data]'") from error
    module: ModuleType = lmdb
    return module
