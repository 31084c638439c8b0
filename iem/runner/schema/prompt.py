"""The types and ranges of what ``conf/prompt.yaml`` sets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from iem.runner.schema import ranges
from iem.runner.schema.problems import SettingError
from iem.runner.schema.ranges import allowed
from iem.runner.simulated_prompts import KINDS


@dataclass
class Prompting:
    """What ``experiments/prompt.py`` can be told; the values are in ``conf/prompt.yaml``.

    The parts (``Any``) are checked against what their ``_target_`` takes, see ``iem.runner.schema.parts``.
    """

    title: str = allowed()
    prompt: str = allowed(choices=KINDS)
    clicks: int = allowed(low=1, high=50)
    unprompted: bool = allowed()
    grabcut: bool = allowed()
    size: int = allowed(low=8)
    ignore_rule: str = allowed(choices=("exclude", "background"))
    threads: int | str | None = allowed(low=1, choices=("auto",))
    seed: int = allowed(low=0)
    show: int = allowed(low=0)
    name: str | None = allowed(pattern=r"\w[\w.+-]*")
    skip_finished: bool = allowed()
    dataset: Any = MISSING
    segmenter: Any = MISSING


def store() -> None:
    """Make the schema known to Hydra as ``prompt_schema``."""
    ConfigStore.instance().store(name="prompt_schema", node=Prompting)


def check_ranges(settings: Mapping[str, Any]) -> None:
    """Require values that the schema allows, and that go together.

    Raises:
        SettingError: one sentence.

    >>> check_ranges({"click": 3})
    Traceback (most recent call last):
    ...
    iem.runner.schema.problems.SettingError: click: there is no such setting; did you mean clicks?
    """
    ranges.check_ranges(settings, Prompting)
    if settings["clicks"] > 1 and settings["prompt"] != "click":
        raise SettingError(
            f"clicks: expected 1 for a {settings['prompt']}, got {settings['clicks']}; give prompt=click"
        )
    if settings["grabcut"] and settings["prompt"] != "box":
        raise SettingError(
            f"grabcut: expected false for a {settings['prompt']}, got true; it starts from a box: prompt=box"
        )
