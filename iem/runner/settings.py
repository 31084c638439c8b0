"""Settings as plain data, and their fingerprint: what tells whether a result was made with the same ones."""

import dataclasses
import enum
import functools
import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import torch

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


def describe(settings: object) -> dict[str, Any]:
    """A preset, or any dataclass of settings, as nested plain containers, ready for JSON and YAML.

    A dataclass becomes its fields and, under ``"class"``, where it is defined; a function its place; a partial function
    its place and arguments.

    Raises:
        TypeError: something in it has no lasting description, such as a lambda or a tensor.

    >>> from iem.initialisers import Square
    >>> describe(Square(inset=5))
    {'class': 'iem.initialisers.square.Square', 'inset': 5}
    """
    if not dataclasses.is_dataclass(settings) or isinstance(settings, type):
        raise TypeError(
            f"settings: expected a dataclass, got {type(settings).__name__}; give a preset or a part of one"
        )
    plain = _plain(settings, "settings")
    assert isinstance(plain, dict)
    return plain


def fingerprint(settings: Mapping[str, Any]) -> str:
    """The sha256 of settings, 64 hexadecimal digits: the same in every run and on every machine.

    The order of the keys does not count, nor whether a whole number is written as 5 or 5.0.

    Raises:
        TypeError: something in it has no lasting description.

    >>> fingerprint({"sigma": 5, "size": 128}) == fingerprint({"size": 128.0, "sigma": 5.0})
    True
    """
    canonical = json.dumps(_canonical(_plain(settings, "settings")), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _plain(value: object, where: str) -> Plain:
    if isinstance(value, enum.Enum):
        return _plain(value.value, where)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON knows neither infinity nor NaN
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(entry, f"{where}.{key}") for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, f"{where}[{i}]") for i, entry in enumerate(value)]
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, torch.dtype | torch.device):
        return str(value)
    if isinstance(value, functools.partial):
        named = {"arguments": list(value.args), **value.keywords}
        return {"class": _place(value.func, where), **_entries(named, where)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value) if f.init}
        return {"class": _place(type(value), where), **_entries(fields, where)}
    return _place(value, where)


def _entries(named: Mapping[str, object], where: str) -> dict[str, Plain]:
    return {name: _plain(entry, f"{where}.{name}") for name, entry in named.items()}


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{where}: expected names as keys, got {key!r}; use strings")
    return key


def _place(value: object, where: str) -> str:
    """``module.name`` of a class or function."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or "<" in name:
        raise TypeError(
            f"{where}: expected a value that can be described, got {value!r}; "
            "use numbers, strings, dataclasses, or functions defined in a module"
        )
    return f"{module}.{name}"


def _canonical(value: Plain) -> Plain:
    if isinstance(value, dict):
        return {key: _canonical(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_canonical(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
