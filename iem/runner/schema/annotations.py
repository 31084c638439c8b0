"""Which values an annotation allows, and the words for it."""

import collections.abc
import math
import os
import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

Words = str
_NUMBERS: Mapping[object, Words] = {int: "a whole number", float: "a finite number"}
_PLAIN: Mapping[object, Words] = {bool: "true or false", str: "text", **_NUMBERS}


def fits(value: object, annotation: Any) -> bool:
    """Whether a plain value, as YAML gives it, can stand for what ``annotation`` says.

    A mapping with ``_target_`` stands for whatever it makes. An annotation that says nothing of plain values, such as
    a protocol, is fitted by such a mapping alone.

    >>> fits(3, float), fits(3.5, int), fits(True, int), fits(float("nan"), float)
    (True, False, False, False)
    >>> fits([1.0, 4.0], collections.abc.Sequence[float]), fits("free", Literal["open", "closed"])
    (True, False)
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is Any or isinstance(annotation, str):
        return True
    if annotation is None or annotation is type(None):
        return value is None
    if origin is Literal:
        return value in inner
    if origin in (Union, types.UnionType):
        return any(fits(value, each) for each in inner)
    if isinstance(value, Mapping) and "_target_" in value:
        return annotation not in _PLAIN
    if annotation in _PLAIN:
        return _is_plain(value, annotation)
    kind = origin or annotation
    if kind is collections.abc.Callable or not isinstance(kind, type):
        return kind is not collections.abc.Callable
    if issubclass(kind, os.PathLike):
        return isinstance(value, str)
    if issubclass(kind, collections.abc.Mapping):
        return isinstance(value, Mapping) and (len(inner) < 2 or all(fits(each, inner[1]) for each in value.values()))
    if issubclass(kind, collections.abc.Iterable) and not getattr(kind, "_is_protocol", False):
        return isinstance(value, list | tuple) and all(map(fits, value, _elements(inner, len(value), kind)))
    return False


def expected(annotation: Any) -> Words:
    """What ``annotation`` asks for, in words.

    >>> expected(int | None), expected(Literal["open", "closed"]), expected(collections.abc.Sequence[float])
    ('a whole number or null', 'one of open, closed', 'a list, each entry a finite number')
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is None or annotation is type(None):
        return "null"
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}" if len(inner) > 1 else str(inner[0])
    if origin in (Union, types.UnionType):
        named = [each for each in inner if not getattr(each, "__module__", "").startswith("torch")]
        return " or ".join(dict.fromkeys(expected(each) for each in named or inner))
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    kind = origin or annotation
    if isinstance(kind, type) and issubclass(kind, os.PathLike):
        return "a path"
    if isinstance(kind, type) and issubclass(kind, collections.abc.Mapping):
        return "a mapping"
    if isinstance(kind, type) and issubclass(kind, collections.abc.Iterable) and not _is_part(kind):
        entries = dict.fromkeys(expected(each) for each in inner if each is not Ellipsis and each is not Any)
        return "a list" + (f", each entry {' or '.join(entries)}" if entries else "")
    return f"settings with a _target_ ({getattr(kind, '__name__', kind)})"


def _is_part(kind: type) -> bool:
    return bool(getattr(kind, "_is_protocol", False)) or kind.__module__.startswith("torch")


def _is_plain(value: object, annotation: object) -> bool:
    if annotation in (int, float):
        number = isinstance(value, int if annotation is int else int | float) and not isinstance(value, bool)
        return number and math.isfinite(value)  # type: ignore[arg-type]
    return isinstance(value, annotation)  # type: ignore[arg-type]


def _elements(inner: tuple[Any, ...], count: int, kind: type) -> tuple[Any, ...]:
    """The annotation of each entry of a list of that length."""
    if not inner:
        return (Any,) * count
    if kind is tuple and Ellipsis not in inner:
        return inner if len(inner) == count else (type(None),) * count if count else inner
    return (inner[0],) * count
