"""Errors of Hydra and OmegaConf, said in one sentence: which setting, what was expected, what came, what to do."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from hydra.errors import ConfigCompositionException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, InterpolationKeyError, OmegaConfBaseException

from iem.runner.schema import peel, segment
from iem.runner.schema.problems import SettingError, did_you_mean

_EXTRAS = {
    "hydra/sweeper/optuna": "optuna",
    "hydra/sweeper/sampler": "optuna",
    "hydra/launcher/joblib": "sweep",
    "hydra/launcher/submitit": "sweep",
    "hydra/launcher/slurm": "sweep",
    "hydra/launcher/ray": "ray",
}


def sentence(error: BaseException, known: Iterable[str] = ()) -> str:
    """One sentence for the user.

    Args:
        error: whatever was raised while a command line was understood, or a run carried out.
        known: the settings that there are, for suggestions.

    >>> sentence(ValueError("size: expected a whole number"))
    'size: expected a whole number'
    """
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, SettingError):
            return str(each)
        if isinstance(each, MissingConfigException):
            return _unknown_choice(each)
        if isinstance(each, OverrideParseException):
            return _unreadable(each)
    for each in reversed(chain):
        if isinstance(each, OmegaConfBaseException):
            return _from_omegaconf(each, known)
    text = " ".join(str(error).split())
    if isinstance(error, ConfigCompositionException):
        return _from_hydra(text, known)
    if isinstance(error, ValueError | OSError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def keys_of(settings: Mapping[str, Any], prefix: str = "") -> list[str]:
    """All settings, by their full names."""
    found: list[str] = []
    for key, value in settings.items():
        found.append(f"{prefix}{key}")
        if isinstance(value, Mapping):
            found += keys_of(value, f"{prefix}{key}.")
    return [key for key in found if not key.rsplit(".", 1)[-1].startswith("_")]


def _chain(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _unknown_choice(error: MissingConfigException) -> str:
    path, options = str(error.missing_cfg_file), [str(each) for each in error.options or ()]
    group, _, choice = path.rpartition("/")
    extra = next((extra for start, extra in _EXTRAS.items() if path.startswith(start)), None)
    if extra and choice not in options:
        return f'{group}={choice}: not installed; pip install "iem[{extra}]"'
    if not group:
        return f"{choice}: expected the name of a configuration file, found none of that name"
    if not options:
        return f"{group}: expected the name of a group of settings, found none of that name"
    got = f"{choice or 'nothing'}{did_you_mean(choice, options)}"
    return f"{group}: expected one of {', '.join(sorted(options))}, got {got}"


def _unreadable(error: OverrideParseException) -> str:
    text = str(error.override)
    if "=" not in text and not text.startswith("~"):
        return f"{text}: expected KEY=VALUE, got no equals sign; give a setting as in size=128"
    return f"{text}: expected KEY=VALUE, got a value that cannot be read; quote it as in 'title=\"a, b\"'"


def _from_omegaconf(error: OmegaConfBaseException, known: Iterable[str]) -> str:
    key = str(error.full_key or error.key or "")
    reason = " ".join(str(error.msg or error).split("\n")[0].split())
    if isinstance(error, ConfigAttributeError | ConfigKeyError) and not isinstance(error, InterpolationKeyError):
        return f"{key}: there is no such setting{_similar(key, known)}"
    words = segment.describe(key) or peel.describe(key)
    if words is not None:
        return f"{key}: expected {words}, got {error.value!r}"
    return f"{key}: {reason}" if key else reason


def _from_hydra(text: str, known: Iterable[str]) -> str:
    group = re.search(r"Could not override '([^']+)'. No match in the defaults list", text)
    if group:
        name = group.group(1).split("@")[0]
        return f"{name}: there is no such group of settings{_similar(name, known)}"
    key = re.search(r"Could not override '([^']+)'", text) or re.search(r"Could not append.*?'([^']+)'", text)
    if key:
        return f"{key.group(1)}: there is no such setting{_similar(key.group(1), known)}"
    return text


def _similar(key: str, known: Iterable[str]) -> str:
    listed = list(known)
    owner, _, _ = key.rpartition(".")
    inner = [each.removeprefix(f"{owner}.") for each in listed if owner and each.startswith(f"{owner}.")]
    if owner in listed and not inner and not key.startswith("hydra"):
        return f"; {owner} has no settings as it is, choose another {owner}"
    here = [each for each in inner if "." not in each]
    if key.startswith("hydra"):
        return "; --hydra-help tells what Hydra takes"
    if here:
        return did_you_mean(key.rpartition(".")[2], here) or f"; {owner} has {', '.join(here)}"
    return did_you_mean(key, listed) or "; --cfg job shows all"
