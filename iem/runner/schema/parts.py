"""Parts of a run: their settings are held against what their ``_target_`` takes, then they are made, once each."""

import importlib
import inspect
import json
import math
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf

from iem.runner.schema.annotations import expected, fits
from iem.runner.schema.problems import SettingError, did_you_mean

_HYDRA = ("_target_", "_partial_", "_args_", "_convert_", "_recursive_")
_PART = "settings of a part"


class Parts:
    """Makes parts from their settings, and the same part for the same settings, so that a check is not paid for twice.

    A copy that goes to another process starts empty.

    >>> parts = Parts()
    >>> parts.make({"_target_": "iem.initialisers.Square", "inset": 5}, "initialiser")
    Square(inset=5)
    >>> parts.make({"_target_": "iem.initialisers.Square", "insett": 5}, "initialiser")
    Traceback (most recent call last):
    ...
    iem.runner.schema.problems.SettingError: initialiser.insett: ...; did you mean inset?
    """

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"_made": {}}

    def make(self, settings: Mapping[str, Any] | None, key: str) -> Any:
        """What ``settings``, plain containers, describe; None for none.

        Args:
            settings: with ``_target_``.
            key: what the settings are called in messages.

        Raises:
            SettingError: one sentence.
        """
        if not settings:
            return None
        content = json.dumps(settings, sort_keys=True, default=str)
        if content not in self._made:
            check(settings, key)
            self._made[content] = _instantiate(settings, key)
        return self._made[content]


def check(settings: Any, key: str) -> None:
    """Require that every ``_target_`` below ``settings`` exists and takes what it is given.

    Raises:
        SettingError: one sentence.
    """
    for where, value in _leaves(settings, key):
        if isinstance(value, float) and not math.isfinite(value):
            raise SettingError(f"{where}: expected a finite number, got {value}")
        if value == "???":
            raise SettingError(f"{where}: expected a value, got none; give one as {where}=...")
    for where, node in _nodes(settings, key):
        _check_signature(node, where)


def _instantiate(settings: Mapping[str, Any], key: str) -> Any:
    for where, node in _nodes(settings, key):
        if node.get("_partial_"):
            _try_partial(node, where)
    parameters = {where: _parameters(_target(node, where)) for where, node in _nodes(settings, key)}
    # Under its own key, so that Hydra's messages tell the whole way down to the part that failed.
    config = OmegaConf.create({key: dict(settings)})
    try:
        return instantiate(config[key], _convert_="all")  # else nested dataclasses turn back into configuration
    except InstantiationException as error:
        found = re.search(r"full_key: (\S+)", str(error))
        where = found.group(1) if found else key
        raise SettingError(_sentence(where, error.__cause__ or error, parameters.get(where, {}))) from error


def _sentence(where: str, error: BaseException, parameters: Mapping[str, Any]) -> str:
    """What a class says of one of its settings, under the setting's full name."""
    text = " ".join(str(error).split()) if not _is_listing(error) else str(error)
    if isinstance(error, ModuleNotFoundError) and "pip install" not in text:
        return f"{where}: needs the package {error.name}, which is not installed; install it or choose another part"
    named = re.match(r"([a-z_]\w*)(\[.*?\])?: ", text)
    return f"{where}.{text}" if named and named.group(1) in parameters else f"{where}: {text or type(error).__name__}"


def _is_listing(error: BaseException) -> bool:
    """Data sets list their problems, a line each."""
    return type(error).__name__ == "DatasetError"


def _try_partial(node: Mapping[str, Any], where: str) -> None:
    """What checks its arguments only when it is called would do so in the middle of the work: call it now."""
    target = _target(node, where)
    if not (isinstance(target, type) and issubclass(target, torch.optim.Optimizer)):
        return
    arguments = {name: value for name, value in node.items() if name not in _HYDRA}
    for name, value in arguments.items():
        try:
            target([torch.zeros(1, requires_grad=True)], **{name: value})
        except (TypeError, ValueError, RuntimeError) as error:
            reason = str(error).rstrip(".")
            raise SettingError(
                f"{where}.{name}: expected what {target.__name__} takes, got {value!r} ({reason})"
            ) from None


def _check_signature(node: Mapping[str, Any], where: str) -> None:
    target = _target(node, where)
    parameters = _parameters(target)
    if not parameters and _is_opaque(target):
        return
    open_ended = any(each.kind is each.VAR_KEYWORD for each in parameters.values())
    takes = [n for n, each in parameters.items() if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    annotations = _annotations(target)
    given = {name: value for name, value in node.items() if name not in _HYDRA}
    for name, value in given.items():
        if name not in takes and not open_ended:
            remedy = did_you_mean(name, takes) or f"; it takes {', '.join(takes) or 'none'}"
            raise SettingError(f"{where}.{name}: {node['_target_']} has no such setting{remedy}")
        if name in annotations and not fits(value, annotations[name]):
            got = _PART if isinstance(value, Mapping) else repr(value)
            raise SettingError(f"{where}.{name}: expected {expected(annotations[name])}, got {got}")
    if node.get("_partial_") or node.get("_args_"):
        return
    for name in takes:
        if name not in given and parameters[name].default is inspect.Parameter.empty:
            raise SettingError(
                f"{where}.{name}: {node['_target_']} needs this setting; give it as {where}.{name}=VALUE"
            )


def _target(node: Mapping[str, Any], where: str) -> Callable[..., Any]:
    """The class or function of that place; nothing but modules is imported."""
    path = node["_target_"]
    names = str(path).split(".")
    for length in range(len(names) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(names[:length]))
        except ModuleNotFoundError as error:
            if error.name and not ".".join(names[:length]).startswith(error.name):
                raise SettingError(_sentence(where, error, {})) from error
            continue
        for name in names[length:]:
            if not hasattr(found, name):
                raise SettingError(
                    f"{where}._target_: expected the name of a class, got {path}"
                    + did_you_mean(name, [each for each in dir(found) if not each.startswith("_")])
                )
            found = getattr(found, name)
        if callable(found):
            return typing.cast("Callable[..., Any]", found)
    raise SettingError(
        f"{where}._target_: expected the name of a class as in iem.inpainters.GaussianInpainter, got {path}"
    )


def _parameters(target: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return {} if _is_opaque(target) else inspect.signature(target).parameters


def _is_opaque(target: Callable[..., Any]) -> bool:
    """Whether it does not tell its parameters, as compiled functions do not."""
    try:
        inspect.signature(target)
    except (TypeError, ValueError):
        return True
    return False


def _annotations(target: Callable[..., Any]) -> dict[str, Any]:
    source = target.__init__ if isinstance(target, type) else target  # type: ignore[misc]
    try:
        return typing.get_type_hints(source)
    except Exception:  # annotations that name what is imported only while types are checked: nothing to hold against
        return {}


def _nodes(settings: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every mapping with ``_target_``, innermost first, and where it is."""
    for where, entry in _entries(settings, key):
        yield from _nodes(entry, where)
    if isinstance(settings, Mapping) and "_target_" in settings:
        yield key, settings


def _leaves(settings: Any, key: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(settings, Mapping | list):
        yield key, settings
    for where, entry in _entries(settings, key):
        yield from _leaves(entry, where)


def _entries(settings: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(settings, Mapping):
        yield from ((f"{key}.{name}", entry) for name, entry in settings.items())
    elif isinstance(settings, list):
        yield from ((f"{key}[{i}]", entry) for i, entry in enumerate(settings))
