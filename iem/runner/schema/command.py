"""What a command line asks for: its jobs, each with its whole configuration, before any of them runs."""

import copy
import importlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from iem.runner.schema.experiments import check_program
from iem.runner.schema.problems import SettingError

_OF_SWEEPS = ("hydra/launcher", "hydra.launcher", "hydra/sweeper", "hydra.sweeper", "hydra.sweep")
_EXTRAS = {"joblib": "sweep", "submitit": "sweep", "ray": "ray", "optuna": "optuna"}
_ENGINES = {"sweep": "submitit", "ray": "ray", "optuna": "optuna"}


@dataclass(frozen=True)
class Job:
    """One configuration that a command asks for.

    Attributes:
        overrides: as given, one value each.
        config: the task's settings.
        choices: group -> choice.
    """

    overrides: tuple[str, ...]
    config: DictConfig
    choices: dict[str, str | None]


@dataclass(frozen=True)
class Command:
    """A command line, understood.

    Attributes:
        config: composed from all that has one value, with Hydra's own settings.
        is_sweep: whether it asks for a multirun.
        given: keys that the command line or the sweep sets.
        jobs: that it asks for. A sweeper that chooses its values as it goes gets each value that it may choose, one
            by one: the ends of an interval, every entry of a list.
    """

    config: DictConfig
    is_sweep: bool
    given: tuple[str, ...]
    jobs: Iterable[Job]


def understand(overrides: Sequence[str], *, folder: Path, name: str, multirun: bool, extra: Path | None) -> Command:
    """Parse and compose, without a trace on disk.

    Args:
        overrides: as on the command line.
        folder: of the configuration.
        name: of its top file.
        multirun: whether the command line says so; the configuration may, too.
        extra: a folder of more configuration (``--config-dir``).

    Raises:
        SettingError: one sentence. Other errors are Hydra's and OmegaConf's, see ``sentence``.
    """
    composer = _Composer(folder, name, (f"hydra.searchpath=[file://{extra.resolve()}]",) if extra else ())
    parsed = _parse(overrides)
    _check_duplicates(parsed)
    _check_groups(parsed, folder)
    for each in parsed:
        if each.key_or_group == "experiment" and isinstance(each.value(), str):
            check_program(str(each.value()), folder, name)
    config = composer.compose(tuple(_text(each) for each in parsed if not each.is_sweep_override()))
    is_sweep = multirun or config.hydra.mode == RunMode.MULTIRUN
    swept = [each for each in parsed if each.is_sweep_override()]
    if swept and not is_sweep:
        key, value = swept[0].get_key_element(), swept[0].get_value_string()
        raise SettingError(f"{key}: expected one value, got {value}; add -m to run each of them, or put it in quotes")
    for each in parsed:
        if each.key_or_group.startswith(_OF_SWEEPS) and not is_sweep:
            raise SettingError(f"{each.key_or_group}: only a sweep uses it; add -m, or leave it out")
    with open_dict(config):
        config.hydra.overrides.task = [each.input_line for each in parsed if not each.is_hydra_override()]
    if not is_sweep:
        job = _job(tuple(overrides), config)
        return Command(config, False, _keys(parsed), [job])
    params = plain(config.hydra.sweeper.get("params") or OmegaConf.create({}))
    planned = {each.get_key_element(): each for each in _parse([f"{key}={value}" for key, value in params.items()])}
    asked = [each for each in parsed if not each.is_hydra_override()]
    swept = list({**planned, **{each.get_key_element(): each for each in asked}}.values())
    values = {each.get_key_element(): _values(each) for each in swept}
    _check_installed(config)
    hydra = [_text(each) for each in parsed if each.is_hydra_override()]
    exhaustive = str(config.hydra.sweeper.get("_target_", "")).endswith("BasicSweeper")
    combinations = itertools.product(*values.values()) if exhaustive else _one_by_one(list(values.values()))
    jobs = (composer.job((*hydra, *combination)) for combination in combinations)
    return Command(config, True, _keys(swept), jobs)


def plain(config: DictConfig) -> dict[str, Any]:
    """As plain containers, interpolations not resolved."""
    return OmegaConf.to_container(config)  # type: ignore[return-value]


class _Composer:
    """Composes configurations; those that differ in values alone are composed once and changed."""

    def __init__(self, folder: Path, name: str, always: tuple[str, ...]) -> None:
        self._folder, self._name, self._always = folder, name, always
        self._bases: dict[tuple[str, ...], Job] = {}
        self._groups: set[str] = set()

    def compose(self, overrides: tuple[str, ...]) -> DictConfig:
        with initialize_config_dir(str(self._folder), version_base="1.3"):
            config = compose(self._name, [*overrides, *self._always], return_hydra_config=True)
        self._groups |= set(config.hydra.runtime.choices)
        return config

    def job(self, overrides: tuple[str, ...]) -> Job:
        parsed = _parse(overrides)
        values = [each for each in parsed if self._sets_a_value(each)]
        rest = tuple(_text(each) for each in parsed if each not in values)
        if rest not in self._bases:
            self._bases[rest] = _job(rest, self.compose(rest))
        base = self._bases[rest]
        config = copy.deepcopy(base.config)
        for each in values:
            OmegaConf.update(config, each.key_or_group, each.value(), merge=True)
        return replace(base, overrides=overrides, config=config)

    def _sets_a_value(self, override: Override) -> bool:
        """Whether it changes a value and nothing else: not a group, nothing added or removed, nothing of Hydra's."""
        if override.is_add() or override.is_force_add() or override.is_delete() or override.is_hydra_override():
            return False
        is_group = override.key_or_group in self._groups or (self._folder / override.key_or_group).is_dir()
        return isinstance(override.value(), dict) or (override.package is None and not is_group)


def _job(overrides: tuple[str, ...], composed: DictConfig) -> Job:
    choices = dict(composed.hydra.runtime.choices)
    config = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    OmegaConf.set_struct(config, True)
    return Job(overrides, config, choices)


def _parse(overrides: Iterable[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(overrides))


def _text(override: Override) -> str:
    return str(override.input_line)


def _keys(overrides: Iterable[Override]) -> tuple[str, ...]:
    return tuple(each.key_or_group for each in overrides if not each.is_hydra_override())


def _check_duplicates(overrides: Sequence[Override]) -> None:
    first: dict[tuple[str, str | None], Override] = {}
    for each in overrides:
        key = (each.key_or_group, each.package)
        if key in first:
            raise SettingError(
                f"{each.key_or_group}: expected it once, got {first[key].input_line} and {each.input_line}; keep one"
            )
        first[key] = each


def _check_groups(overrides: Sequence[Override], folder: Path) -> None:
    for each in overrides:
        choices = sorted(path.stem for path in (folder / each.key_or_group).glob("*.yaml"))
        if choices and not each.is_delete() and (each.value() is None or isinstance(each.value(), int | float)):
            raise SettingError(
                f"{each.key_or_group}: expected one of {', '.join(choices)}, got {each.get_value_string()}"
            )


def _check_installed(config: DictConfig) -> None:
    """Require the packages of the launcher and the sweeper."""
    for role in ("launcher", "sweeper"):
        target = str(config.hydra[role].get("_target_", ""))
        package = target.split(".")[1] if target.startswith("hydra_plugins.") else ""
        extra = next((extra for word, extra in _EXTRAS.items() if word in package), None)
        if extra is None:
            continue
        try:
            importlib.import_module(target.rpartition(".")[0])
            importlib.import_module(_ENGINES[extra])
        except ImportError as error:
            raise SettingError(
                f'hydra/{role}: needs the package {error.name}, which is not installed; pip install "iem[{extra}]"'
            ) from error


def _values(override: Override) -> list[str]:
    """The override with each of its values."""
    key = override.get_key_element()
    if not override.is_sweep_override():
        return [_text(override)]
    value: Any = override.value()
    if isinstance(value, IntervalSweep):
        found = [f"{key}={value.start}", f"{key}={value.end}"]
    else:
        found = [f"{key}={each}" for each in override.sweep_string_iterator()]
    if not found:
        raise SettingError(f"{key}: expected at least one value to sweep over, got {override.get_value_string()}")
    return found


def _one_by_one(values: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Each value in turn, with the first of the others."""
    first = tuple(each[0] for each in values)
    yield first
    for position, entries in enumerate(values):
        for entry in entries[1:]:
            yield (*first[:position], entry, *first[position + 1 :])
