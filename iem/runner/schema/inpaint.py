"""The types and ranges of what ``conf/inpaint.yaml`` sets."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from iem.checks import check_choice, check_number
from iem.datasets.damage import KINDS
from iem.runner.schema import ranges
from iem.runner.schema.problems import SettingError, did_you_mean
from iem.runner.schema.ranges import allowed


@dataclass
class Inpaint:
    """What ``experiments/inpaint.py`` can be told; the values are in ``conf/inpaint.yaml``.

    The parts (``Any``) are checked against what their ``_target_`` takes, see ``iem.runner.schema.parts``.
    """

    title: str = allowed()
    name: str = allowed(pattern=r"\w[\w.+-]*")
    only: list[str] | None = None
    kinds: list[str] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    rim_blurs: list[float] = field(default_factory=list)
    grows: list[float] = field(default_factory=list)
    edge_blurs: list[float] = field(default_factory=list)
    margin: int | None = allowed(low=0)
    most_hole: dict[str, int] = field(default_factory=dict)
    show: int = allowed(low=0)
    memory: bool = allowed()
    metric: str = allowed(choices=("psnr", "ssim"))
    device: str = allowed(choices=("auto", "cpu", "cuda"))
    threads: int | str | None = allowed(low=1, choices=("auto",))
    seed: int = allowed(low=0)
    skip_finished: bool = allowed()
    painters: Any = MISSING
    dataset: Any = MISSING
    tracker: Any = None


def store() -> None:
    """Make the schema known to Hydra as ``inpaint_schema``."""
    ConfigStore.instance().store(name="inpaint_schema", node=Inpaint)


def check_ranges(settings: Mapping[str, Any]) -> None:
    """Require values that the schema allows, and lists whose entries can be used.

    Raises:
        SettingError: one sentence.

    >>> check_ranges({"share": 3})
    Traceback (most recent call last):
    ...
    iem.runner.schema.problems.SettingError: share: there is no such setting; did you mean shares?
    """
    ranges.check_ranges(settings, Inpaint)
    painters = settings["painters"] or {}
    for name in painters:
        if not re.fullmatch(r"\w[\w.+-]*", name):
            raise SettingError(f"painters: expected names that can name a file, got {name!r}")
    if not painters:
        raise SettingError("painters: expected at least one, got none; add one as +painter@painters.NAME=CHOICE")
    for key in ("only", "most_hole"):
        for name in settings[key] or ():
            if name not in painters:
                raise SettingError(f"{key}: there is no painter {name}{did_you_mean(name, painters)}")
    if settings["only"] == []:
        raise SettingError("only: expected names of painters, got none; null tries them all")
    limits = {"shares": 1.0, "rim_blurs": math.inf, "grows": math.inf, "edge_blurs": math.inf}
    try:
        for kind in settings["kinds"]:
            check_choice(kind, "kinds", KINDS)
        for key, high in limits.items():
            for value in settings[key]:
                check_number(value, key, low=0, high=high)
        for name, most in settings["most_hole"].items():
            check_number(most, f"most_hole.{name}", low=1, integer=True)
    except ValueError as error:
        raise SettingError(str(error)) from error
    for key in ("kinds", *limits):
        if not settings[key]:
            raise SettingError(f"{key}: expected at least one value, got none")
        if len(set(settings[key])) < len(settings[key]):
            raise SettingError(f"{key}: expected each value once, got {', '.join(map(str, settings[key]))}")
    if 0 in settings["shares"]:
        raise SettingError("shares: expected numbers above 0, got 0; a hole has at least one pixel")
