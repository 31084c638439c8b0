"""Masks for LSUN Car, made by an instance segmenter: one PNG a picture, resumable at any moment."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

from iem import images
from iem.checks import check_number
from iem.datasets.detectors import Detector, Instance
from iem.datasets.lsun_car import find_environment, list_keys, read_value
from iem.datasets.problems import DatasetError
from iem.interfaces import Mask

#: Beside the masks: the rule they were made by, and the pictures without a car.
SETTINGS = "made_by.json"
WITHOUT_CAR = "without_car.txt"


@final
@dataclass(frozen=True)
class CarRule:
    """Which of a segmenter's instances is the car of a picture.

    Of the instances with a wanted label, a score of at least ``min_score`` and an area of at least ``min_area`` of the
    picture, the largest; of equally large ones the most confident. The publication says only that its masks are from a
    Mask R-CNN; one car a picture, the largest, is our choice, since the method finds one region.

    Args:
        labels: class names that count, in the segmenter's words.
        min_score: least confidence, in [0, 1].
        min_area: least share of the picture, in [0, 1].

    >>> import torch
    >>> small, large = torch.zeros(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    >>> small[..., :2, :2] = 1
    >>> found = [Instance("car", 0.99, small), Instance("car", 0.6, large), Instance("bus", 0.9, large)]
    >>> CarRule()(found).sum()
    tensor(16.)
    """

    labels: tuple[str, ...] = ("car",)
    min_score: float = 0.5
    min_area: float = 0.02

    def __post_init__(self) -> None:
        check_number(self.min_score, "min_score", low=0, high=1)
        check_number(self.min_area, "min_area", low=0, high=1)
        if not self.labels:
            raise ValueError("labels: expected at least one class name, got none")

    def __call__(self, instances: Sequence[Instance]) -> Mask | None:
        """The car's mask, None if there is no car."""
        wanted = [
            each
            for each in instances
            if each.label in self.labels
            and each.score >= self.min_score
            and float(each.mask.mean()) >= self.min_area
            and bool(each.mask.any())
        ]
        return max(wanted, key=lambda each: (float(each.mask.sum()), each.score)).mask if wanted else None


@dataclass(frozen=True)
class MadeMask:
    """What became of one picture: ``"written"``, ``"without car"``, ``"there already"`` or ``"failed"`` (and why)."""

    key: str
    outcome: str
    error: str | None = None


def make_masks(
    root: Path,
    detector: Detector,
    *,
    described: str,
    folder: Path | None = None,
    number: int = 10_000,
    rule: CarRule | None = None,
) -> Iterator[MadeMask]:
    """Make the masks of the first ``number`` pictures; those that are there are kept, so it can be stopped any time.

    Args:
        root: holds the environment.
        detector: finds instances, see ``load_detector``.
        described: its name, kept beside the masks with the rule.
        folder: where to write ``<key>.png``; None for ``masks/`` in ``root``.
        number: how many pictures, from the start of the environment.
        rule: which instance is the car.

    Yields:
        One entry a picture, in order.

    Raises:
        DatasetError: no environment, or the folder holds masks that another segmenter or rule made.
        ImageError: a mask cannot be written.
    """
    rule = rule or CarRule()
    check_number(number, "number", low=1, integer=True)
    folder = root / "masks" if folder is None else folder
    environment = find_environment(root)
    keys = list_keys(environment, number)
    _claim(folder, {"detector": described, **asdict(rule)})
    images.remove_stale(folder)
    done = {path.stem for path in folder.glob("*.png")}
    without = _read_without(folder / WITHOUT_CAR)
    for key in keys:
        if key in done or key in without:
            yield MadeMask(key, "there already")
            continue
        try:
            mask = rule(detector(images.read(read_value(environment, key)).image))
        except images.ImageError as error:
            yield MadeMask(key, "failed", error.reason)
            continue
        if mask is None:
            with (folder / WITHOUT_CAR).open("a", encoding="ascii") as file:
                file.write(f"{key}\n")
            yield MadeMask(key, "without car")
        else:
            images.write_mask(folder / f"{key}.png", mask)
            yield MadeMask(key, "written")


def _claim(folder: Path, settings: dict[str, object]) -> None:
    """Keep the settings beside the masks; refuse to mix masks of two."""
    path = folder / SETTINGS
    text = json.dumps(settings, indent=2) + "\n"
    if path.is_file():
        if path.read_text(encoding="utf-8") != text:
            raise DatasetError(
                f"lsun_car: expected the masks in {folder} to be made by {json.dumps(settings)}, but {SETTINGS} there "
                "says otherwise; write to another folder with --masks, or remove that one"
            )
    elif any(folder.glob("*.png")):
        raise DatasetError(
            f"lsun_car: expected no masks of unknown origin in {folder}, found some without {SETTINGS}; "
            "write to another folder with --masks"
        )
    else:
        images.write_atomic(path, text.encode())


def _read_without(path: Path) -> set[str]:
    """Keys without a car. A line that a kill cut short names no key, so that picture is simply done again."""
    return set(path.read_text(encoding="ascii").splitlines()) if path.is_file() else set()
