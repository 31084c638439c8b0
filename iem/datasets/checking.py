"""Is a data set on disk whole? Counts, opens everything, and names what is missing or does not fit."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from iem import images
from iem.datasets import cub, flowers, lsun_car, saliency
from iem.datasets.catalogue import CATALOGUE, find_entry
from iem.datasets.image_mask_folder import ImageMaskFolder
from iem.datasets.pairs import reason_against_mask
from iem.datasets.problems import DatasetError, Problem
from iem.datasets.protocol import get_protocol
from iem.interfaces import Dataset

#: What can be checked: the data sets of the catalogue, and folders with images/ and masks/.
NAMES = (*(entry.name for entry in CATALOGUE), "image_mask_folder")

_MOST_THREADS = 8

#: ``(pictures done, pictures in all)``.
OnPicture = Callable[[int, int], None]


@dataclass(frozen=True)
class CheckReport:
    """What a check found.

    Attributes:
        name: the data set.
        root: where it lies.
        expected: pictures that the whole set has, None where nobody can say.
        usable: pictures with a mask of their size that can be read.
        splits: pictures of each split that is defined, usable or not; empty for a set without splits.
        problems: what is missing or does not fit, sorted by name.
        notes: what is true of the set as it was published, or cannot be otherwise: nothing to mend.
        quick: whether only names and headers were looked at.
    """

    name: str
    root: str
    expected: int | None
    usable: int
    splits: Mapping[str, int]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    quick: bool

    @property
    def whole(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.problems and (self.expected is None or self.usable >= self.expected)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "whole": self.whole}


def check(name: str, root: Path, *, quick: bool = False, on_picture: OnPicture | None = None) -> CheckReport:
    """Look at a data set on disk.

    Args:
        name: one of ``NAMES``.
        root: where it lies.
        quick: names and headers alone; otherwise every picture and mask is decoded.
        on_picture: shown the progress.

    Raises:
        DatasetError: it has another layout, or not one usable pair.
        ValueError: an unknown name.
    """
    if name not in NAMES:
        raise ValueError(f"data set: expected one of {', '.join(NAMES)}, got {name!r}")
    dataset, splits, notes = _open(name, root)
    problems = list(getattr(dataset, "problems", ()))
    usable = len(dataset)
    if not quick:
        found, empty = _decode(dataset, on_picture)
        problems += found
        usable -= len(found)
        if empty:
            notes.append(
                f"{len(empty)} mask{'' if len(empty) == 1 else 's'} all background or all foreground, such as "
                f"{empty[0]}: kept by protocol=paper, a problem for the others"
            )
    uncounted = ("image_mask_folder", "lsun_car")  # of LSUN, as many as have a mask
    expected = None if name in uncounted else find_entry(name).pictures
    problems.sort(key=lambda problem: problem.name)
    return CheckReport(name, str(root), expected, usable, splits, tuple(problems), tuple(notes), quick)


def count_pictures(name: str, root: Path) -> int | None:
    """How many pictures of a data set lie in a folder, by their names alone; None where there is no such data set."""
    try:
        if name == "flowers":
            return sum(1 for each in (flowers.find_root(root) / "jpg").iterdir() if each.suffix == ".jpg")
        if name == "cub":
            pictures = cub.find_root(root)[0] / "images"
            return sum(each.endswith(".jpg") for _, _, names in os.walk(pictures) for each in names)
        if name == "lsun_car":
            return lsun_car.count_keys(lsun_car.find_environment(root))
        pictures = saliency.find_folders(root, name)[1]
        return sum(1 for each in pictures.iterdir() if each.suffix == ".jpg")
    except (DatasetError, OSError, ModuleNotFoundError):
        return None


def _open(name: str, root: Path) -> tuple[Dataset, dict[str, int], list[str]]:
    """The whole data set at its own size, how many pictures each split has, and what to know."""
    if name == "flowers":
        dataset = flowers.Flowers(root, split="all", protocol="square", strict=False, verify=False)
        return dataset, *_flower_splits(flowers.find_root(root))
    if name == "cub":
        birds = cub.CUB(root, split="all", protocol="square", strict=False, verify=False)
        return birds, *_bird_splits(cub.find_root(root)[0])
    if name == "lsun_car":
        cars = lsun_car.LsunCar(root, protocol="square", strict=False, verify=False)
        without = len(cars.without_mask)
        notes = [f"{without} of the first {len(cars) + without} pictures have no mask"] if without else []
        return cars, {}, notes
    if name == "image_mask_folder":
        return ImageMaskFolder(root, strict=False), {}, []
    return saliency.Saliency(root, name=name, protocol="square", strict=False, verify=False), {}, []


def _flower_splits(root: Path) -> tuple[dict[str, int], list[str]]:
    if not (root / "setid.mat").is_file():
        return {}, ["no setid.mat: only split=all can be used; get it with iem data get flowers"]
    return {split: len(flowers.read_numbers(root / "setid.mat", split)) for split in flowers.PARTS}, []


def _bird_splits(root: Path) -> tuple[dict[str, int], list[str]]:
    path = root / cub.SPLIT_FILE
    if not path.is_file():
        return {}, [f"no {cub.SPLIT_FILE}: only split=all can be used; get it with iem data get cub"]
    parts = list(cub.read_parts(path, cub.read_table(root / "images.txt"), "all").values())
    return {split: parts.count(str(part)) for split, part in cub.PARTS.items()}, []


def _decode(dataset: Dataset, on_picture: OnPicture | None) -> tuple[list[Problem], list[str]]:
    """Samples that cannot be read, and those whose mask has one value."""
    square = get_protocol("square")

    def look(index: int) -> tuple[str | None, bool]:
        try:
            sample = dataset[index]
        except (images.ImageError, DatasetError) as error:
            return (
                f"{Path(error.path).name}: {error.reason}" if isinstance(error, images.ImageError) else str(error)
            ), False
        return None, reason_against_mask(sample.truth, square, None) is not None

    problems, empty = [], []
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        for done, (name, (reason, flat)) in enumerate(
            zip(dataset.names, pool.map(look, range(len(dataset))), strict=True), start=1
        ):
            if reason is not None:
                problems.append(Problem(name, reason))
            elif flat:
                empty.append(name)
            if on_picture is not None:
                on_picture(done, len(dataset))
    return problems, empty
