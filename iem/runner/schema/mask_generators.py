"""The types and ranges of what ``conf/mask_generators.yaml`` sets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from iem.runner.schema import ranges
from iem.runner.schema.problems import SettingError, did_you_mean
from iem.runner.schema.ranges import allowed

GIVEN = ("text", "click", "box", "all")


@dataclass
class MaskGenerators:
    """What ``experiments/mask_generators.py`` can be told; the values are in ``conf/mask_generators.yaml``.

    The parts (``Any``) are checked against what their ``_target_`` takes, see ``iem.runner.schema.parts``.
    """

    title: str = allowed()
    name: str = allowed(pattern=r"\w[\w.+-]*")
    pairs: str | None = None
    only: list[str] | None = None
    given: dict[str, str] = field(default_factory=dict)
    size: int = allowed(low=16)
    grow: int | None = allowed(low=0)
    feather: int | None = allowed(low=0)
    memory: bool = allowed()
    unready: str = allowed(choices=("leave_out", "refuse"))
    show: int = allowed(low=0)
    device: str = allowed(choices=("auto", "cpu", "cuda"))
    threads: int | str | None = allowed(low=1, choices=("auto",))
    seed: int = allowed(low=0)
    skip_finished: bool = allowed()
    segmenters: Any = MISSING
    painter: Any = MISSING


def store() -> None:
    """Make the schema known to Hydra as ``mask_generators_schema``."""
    ConfigStore.instance().store(name="mask_generators_schema", node=MaskGenerators)


def check_ranges(settings: Mapping[str, Any]) -> None:
    """Require values that the schema allows, and names of segmenters that there are.

    Raises:
        SettingError: one sentence.

    >>> check_ranges({"pair": 3})
    Traceback (most recent call last):
    ...
    iem.runner.schema.problems.SettingError: pair: there is no such setting; did you mean pairs?
    """
    ranges.check_ranges(settings, MaskGenerators)
    segmenters = settings["segmenters"] or {}
    if not segmenters:
        raise SettingError("segmenters: expected at least one, got none; add one as +segmenter@segmenters.NAME=CHOICE")
    for name in segmenters:
        if not re.fullmatch(r"\w[\w.+-]*", name):
            raise SettingError(f"segmenters: expected names that can name a folder, got {name!r}")
    for name in settings["only"] or ():
        if name not in segmenters:
            raise SettingError(f"only: there is no segmenter {name}{did_you_mean(name, segmenters)}")
    if settings["only"] == []:
        raise SettingError("only: expected names of segmenters, got none; null tries them all")
    for name, kind in settings["given"].items():
        if kind not in GIVEN:
            raise SettingError(f"given.{name}: expected one of {', '.join(GIVEN)}, got {kind!r}")
