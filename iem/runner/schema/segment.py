"""The types and ranges of what ``conf/segment.yaml`` sets, for Hydra's store of structured configurations."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, get_args

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING

from iem.runner.schema.annotations import expected, fits
from iem.runner.schema.problems import SettingError, did_you_mean


def allowed(**limits: Any) -> Any:
    """A field whose value a YAML gives: numbers from ``low`` on, words of ``choices`` or like ``pattern``."""
    return field(default=MISSING, metadata=limits)


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
    fields_of = {each.name for each in fields(Segment)}
    for key in settings:
        if key not in fields_of:
            raise SettingError(f"{key}: there is no such setting{did_you_mean(key, fields_of)}")
    for key, (annotation, limits) in _leaves(Segment).items():
        owner, _, name = key.rpartition(".")
        holder = settings.get(owner, {}) if owner else settings
        if name not in holder:
            raise SettingError(f"{key}: expected {describe(key)}, got nothing; do not remove it")
        if not _allows(holder[name], annotation, limits):
            raise SettingError(f"{key}: expected {describe(key)}, got {holder[name]!r}")
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
    if key not in _leaves(Segment):
        return None
    annotation, limits = _leaves(Segment)[key]
    words = [_words(each, limits) for each in get_args(annotation) or (annotation,)]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _words(annotation: Any, limits: Mapping[str, Any]) -> str:
    if annotation is int and "low" in limits:
        return f"a whole number of at least {limits['low']}"
    if annotation is str and "choices" in limits:
        choices = limits["choices"]
        return f"one of {', '.join(choices)}" if len(choices) > 1 else str(choices[0])
    if annotation is str and "pattern" in limits:
        return "a word that can name a folder"
    return expected(annotation)


def _allows(value: object, annotation: Any, limits: Mapping[str, Any]) -> bool:
    if not fits(value, annotation):
        return False
    if isinstance(value, str):
        return value in limits.get("choices", (value,)) and bool(re.fullmatch(limits.get("pattern", ".*"), value))
    return not isinstance(value, int) or value >= limits.get("low", value)


def _leaves(schema: type, prefix: str = "") -> dict[str, tuple[Any, Mapping[str, Any]]]:
    """Key -> annotation and limits of every setting that is not a part."""
    found: dict[str, tuple[Any, Mapping[str, Any]]] = {}
    for each in fields(schema):
        if isinstance(each.type, type) and is_dataclass(each.type):
            found |= _leaves(each.type, f"{prefix}{each.name}.")
        elif each.type is not Any:
            found[prefix + each.name] = (each.type, each.metadata)
    return found
