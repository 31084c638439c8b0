"""The types and ranges of what ``conf/peel.yaml`` sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from iem.runner.schema import ranges
from iem.runner.schema.ranges import allowed


@dataclass
class Peel:
    """What ``experiments/peel.py`` can be told; the values are in ``conf/peel.yaml``.

    The parts (``Any``) are checked against what their ``_target_`` takes, see ``iem.runner.schema.parts``.
    """

    title: str = allowed()
    size: int = allowed(low=8)
    mode: str = allowed(choices=("paint", "split"))
    parts: bool = allowed()
    repaint: bool = allowed()
    joint: bool = allowed()
    min_area: float = allowed(low=0, high=1)
    min_new: float = allowed(low=0, high=1)
    max_rounds: int = allowed(low=1)
    baseline: str | None = allowed(choices=("best", "paper"))
    ignore_rule: str = allowed(choices=("exclude", "background"))
    device: str = allowed(choices=("auto", "cpu", "cuda"))
    threads: int | str | None = allowed(low=1, choices=("auto",))
    seed: int = allowed(low=0)
    photos: str | None = allowed()
    name: str | None = allowed(pattern=r"\w[\w.+-]*")
    metric: str = allowed(choices=("iou", "best_iou", "covering", "ari", "right_number"))
    write_pictures: bool = allowed()
    skip_finished: bool = allowed()
    dataset: Any = MISSING
    finder: Any = MISSING
    painter: Any = MISSING
    test: Any = None
    refiner: Any = None
    grow: Any = None
    tracker: Any = None


def store() -> None:
    """Make the schema known to Hydra as ``peel_schema``."""
    ConfigStore.instance().store(name="peel_schema", node=Peel)


def check_ranges(settings: Mapping[str, Any]) -> None:
    """Require values that the schema allows.

    Raises:
        SettingError: one sentence.

    >>> check_ranges({"rounds": 3})
    Traceback (most recent call last):
    ...
    iem.runner.schema.problems.SettingError: rounds: there is no such setting; did you mean max_rounds?
    """
    ranges.check_ranges(settings, Peel)


def describe(key: str) -> str | None:
    """What the schema expects at a key, in words; None for keys that it leaves to the parts.

    >>> describe("min_area")
    'a number from 0 to 1'
    """
    return ranges.describe(key, Peel)
