"""The types and ranges of what ``conf/remove.yaml`` sets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from iem.checks import check_choice, check_number
from iem.prompts import Text
from iem.runner.remove_run import MEASURES, SAYINGS
from iem.runner.schema import ranges
from iem.runner.schema.problems import SettingError
from iem.runner.schema.ranges import allowed


@dataclass
class Remove:
    """What ``experiments/remove.py`` can be told; the values are in ``conf/remove.yaml``.

    The parts (``Any``) are checked against what their ``_target_`` takes, see ``iem.runner.schema.parts``.
    """

    title: str = allowed()
    name: str | None = allowed(pattern=r"\w[\w.+-]*")
    prompts: list[str] = field(default_factory=list)
    words: str = allowed()
    grows: list[float] = field(default_factory=list)
    feathers: list[float] = field(default_factory=list)
    paste: float | None = allowed(low=0.001, high=0.9)
    rim_blur: float = allowed(low=0)
    size: int = allowed(low=8)
    show: int = allowed(low=0)
    metric: str = allowed(choices=MEASURES[:4])
    device: str = allowed(choices=("auto", "cpu", "cuda"))
    threads: int | str | None = allowed(low=1, choices=("auto",))
    seed: int = allowed(low=0)
    skip_finished: bool = allowed()
    segmenters: Any = None
    painters: Any = MISSING
    dataset: Any = MISSING


def store() -> None:
    """Make the schema known to Hydra as ``remove_schema``."""
    ConfigStore.instance().store(name="remove_schema", node=Remove)


def check_ranges(settings: Mapping[str, Any]) -> None:
    """Require values that the schema allows, and lists whose entries can be used.

    Raises:
        SettingError: one sentence.

    >>> check_ranges({"grow": 3})
    Traceback (most recent call last):
    ...
    iem.runner.schema.problems.SettingError: grow: there is no such setting; did you mean grows?
    """
    ranges.check_ranges(settings, Remove)
    for key in ("painters", "segmenters"):
        for name, part in (settings[key] or {}).items():
            if not re.fullmatch(r"\w[\w.+-]*", name):
                raise SettingError(f"{key}: expected names that can name a file, got {name!r}")
            if not part or not part.get("_target_"):
                raise SettingError(f"{key}.{name}: expected settings with a _target_, got none; choose one")
    if not settings["painters"]:
        raise SettingError("painters: expected at least one, got none; add one as +painter@painters.NAME=CHOICE")
    try:
        for prompt in settings["prompts"]:
            check_choice(prompt, "prompts", tuple(SAYINGS))
        for key in ("grows", "feathers"):
            for value in settings[key]:
                check_number(value, key, low=0, high=1)
        if "text" in settings["prompts"]:
            Text(settings["words"])
    except ValueError as error:
        raise SettingError(str(error).replace("text:", "words:", 1)) from error
    for key in ("prompts", "grows", "feathers"):
        if not settings[key]:
            raise SettingError(f"{key}: expected at least one value, got none")
        if len(set(settings[key])) < len(settings[key]):
            raise SettingError(f"{key}: expected each value once, got {', '.join(map(str, settings[key]))}")
    if settings["metric"] == "psnr" and settings["paste"] is None:
        raise SettingError("metric: psnr is known of objects that were pasted in alone; give paste=0.1, too")
