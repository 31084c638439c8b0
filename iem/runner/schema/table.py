"""The types of what ``conf/table.yaml`` sets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from iem.checks import check_choice, check_number
from iem.runner.schema.problems import SettingError

_WORD = r"\w[\w.+-]*"


@dataclass
class Table:
    """What ``experiments/table.py`` can be told; the values are in ``conf/table.yaml``."""

    title: str = MISSING
    name: str = MISSING
    data: dict[str, Any] = field(default_factory=dict)
    methods: list[str] = field(default_factory=list)
    students: list[str] = field(default_factory=list)
    segnet: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    size: int = MISSING
    train_size: int = MISSING
    batch_size: int = MISSING
    ignore_rule: str = MISSING
    seed: int = MISSING
    threads: int | None = MISSING
    training_threads: Any = MISSING
    samples: int = MISSING
    photographs: int = MISSING
    skip_finished: bool = MISSING


def store() -> None:
    """Make the schema known to Hydra as ``table_schema``. Data sets and labels have names of their own."""
    node = OmegaConf.structured(Table)
    for key in ("data", "labels"):
        OmegaConf.set_struct(node[key], False)
    ConfigStore.instance().store(name="table_schema", node=node)


def check_table(settings: Mapping[str, Any]) -> None:
    """Require settings that a table can be made with.

    Raises:
        SettingError: one sentence.

    >>> check_table({"data": {}})
    Traceback (most recent call last):
    ...
    iem.runner.schema.problems.SettingError: data: expected at least one dataset, got none; give data.NAME=FOLDER
    """
    if not settings["data"]:
        raise SettingError("data: expected at least one dataset, got none; give data.NAME=FOLDER")
    for key, value in settings["data"].items():
        if not re.fullmatch(_WORD, key):
            raise SettingError(f"data: expected names that can name a folder, got {key!r}")
        if not isinstance(value, str) and not (isinstance(value, Mapping) and "_target_" in value):
            raise SettingError(f"data.{key}: expected a folder or settings with a _target_, got {value!r}")
    if not re.fullmatch(_WORD, settings["name"]):
        raise SettingError(f"name: expected a word that can name a folder, got {settings['name']!r}")
    if not settings["methods"] and not settings["students"]:
        raise SettingError("methods: expected at least one preset, got none; give methods=[paper]")
    for key in ("methods", "students"):
        if len(set(settings[key])) < len(settings[key]):
            raise SettingError(f"{key}: expected each preset once, got {', '.join(settings[key])}")
    threads = settings["training_threads"]
    try:
        for key, low in (
            ("size", 8),
            ("train_size", 8),
            ("batch_size", 1),
            ("seed", 0),
            ("samples", 100),
            ("photographs", 0),
        ):
            check_number(settings[key], key, low=low, integer=True)
        for key, value in (("threads", settings["threads"]), ("training_threads", threads)):
            if value is not None and not (key == "training_threads" and value == "auto"):
                check_number(value, key, low=1, integer=True)
        check_choice(settings["ignore_rule"], "ignore_rule", ("exclude", "background"))
    except ValueError as error:
        raise SettingError(str(error)) from error
