"""The types and ranges of what ``conf/segment.yaml`` sets, for Hydra's store of structured configurations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from iem.runner.schema import ranges
from iem.runner.schema.problems import SettingError
from iem.runner.schema.ranges import allowed


@dataclass
class Shard:
    """Which part of a data set a run takes: its pictures ``index::count``."""

    index: int = allowed(low=0)
    count: int = allowed(low=1)


@dataclass
class Segment:
    """What ``experiments/segment.py`` can be told; the values are in ``conf/segment.yaml``.

    The parts (``Any``) are checked against what their ``_target_`` takes, see ``iem.runner.schema.parts``.
    """

    title: str = allowed()
    size: int = allowed(low=8)
    max_steps: int = allowed(low=1)
    batch_size: int = allowed(low=1)
    ignore_rule: str = allowed(choices=("exclude", "background"))
    write_pictures: bool = allowed()
    threads: int | str | None = allowed(low=1, choices=("auto",))
    seed: int = allowed(low=0)
    watch: int = allowed(low=0)
    name: str | None = allowed(pattern=r"\w[\w.+-]*")
    metric: str = allowed(
        choices=tuple(
            f"{name}_{polarity}"
            for name in ("iou", "miou", "dice", "accuracy", "mae", "max_f")
            for polarity in ("oracle", "fixed")
        )
    )
    profile: bool = allowed()
    skip_finished: bool = allowed()
    shard: Shard = field(default_factory=Shard)
    dataset: Any = MISSING
    initialiser: Any = MISSING
    features: Any = MISSING
    inpainter: Any = MISSING
    objective: Any = MISSING
    optimiser: Any = None
    refiner: Any = None
    tracker: Any = None


def store() -> None:
    """Make the schema known to Hydra as ``segment_schema``."""
    ConfigStore.instance().store(name="segment_schema", node=Segment)


def check_ranges(settings: Mapping[str, Any]) -> None:
    """Require values that the schema allows.

    Raises:
        SettingError: one sentence.

    >>> check_ranges({"steps": 0})
    Traceback (most recent call last):
    ...
    iem.runner.schema.problems.SettingError: steps: there is no such setting; did you mean max_steps?
    """
    ranges.check_ranges(settings, Segment)
    shard = settings["shard"]
    if shard["index"] >= shard["count"]:
        raise SettingError(
            f"shard.index: expected a whole number below shard.count, got {shard['index']} of {shard['count']}; "
            "the first part has the index 0"
        )


def describe(key: str) -> str | None:
    """What the schema expects at a key, in words; None for keys that it leaves to the parts.

    >>> describe("shard.count"), describe("threads"), describe("inpainter.sigma")
    ('a whole number of at least 1', 'a whole number of at least 1, auto or null', None)
    """
    return ranges.describe(key, Segment)
