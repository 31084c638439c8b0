"""Types and ranges of settings: what a schema's fields allow, and the words for it."""

import re
from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any, get_args

from omegaconf import MISSING

from iem.runner.schema.annotations import expected, fits
from iem.runner.schema.problems import SettingError, did_you_mean


def allowed(**limits: Any) -> Any:
    """A field whose value a YAML gives: numbers from ``low`` to ``high``, words of ``choices`` or like ``pattern``."""
    return field(default=MISSING, metadata=limits)


def check_ranges(settings: Mapping[str, Any], schema: type) -> None:
    """Require values that the schema allows.

    Args:
        settings: plain containers.
        schema: a dataclass with fields made by ``allowed``; those of type ``Any`` are parts and not looked at.

    Raises:
        SettingError: one sentence.
    """
    fields_of = {each.name for each in fields(schema)}
    for key in settings:
        if key not in fields_of:
            raise SettingError(f"{key}: there is no such setting{did_you_mean(key, fields_of)}")
    for key, (annotation, limits) in _leaves(schema).items():
        owner, _, name = key.rpartition(".")
        holder = settings.get(owner, {}) if owner else settings
        if name not in holder:
            raise SettingError(f"{key}: expected {describe(key, schema)}, got nothing; do not remove it")
        if not _allows(holder[name], annotation, limits):
            raise SettingError(f"{key}: expected {describe(key, schema)}, got {holder[name]!r}")


def describe(key: str, schema: type) -> str | None:
    """What the schema expects at a key, in words; None for keys that it leaves to the parts."""
    leaves = _leaves(schema)
    if key not in leaves:
        return None
    annotation, limits = leaves[key]
    words = [_words(each, limits) for each in get_args(annotation) or (annotation,)]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _words(annotation: Any, limits: Mapping[str, Any]) -> str:
    if annotation in (int, float) and "low" in limits:
        kind = "a whole number" if annotation is int else "a number"
        return (
            f"{kind} from {limits['low']} to {limits['high']}"
            if "high" in limits
            else (f"{kind} of at least {limits['low']}")
        )
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
    if not isinstance(value, int | float):
        return True
    return bool(limits.get("low", value) <= value <= limits.get("high", value))


def _leaves(schema: type, prefix: str = "") -> dict[str, tuple[Any, Mapping[str, Any]]]:
    """Key -> annotation and limits of every setting that is not a part."""
    found: dict[str, tuple[Any, Mapping[str, Any]]] = {}
    for each in fields(schema):
        if isinstance(each.type, type) and is_dataclass(each.type):
            found |= _leaves(each.type, f"{prefix}{each.name}.")
        elif each.type is not Any:
            found[prefix + each.name] = (each.type, each.metadata)
    return found
