"""Which settings make a result, and the names of folders that follow from them, as resolvers for Hydra."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from iem.runner.schema.usage import SHARED, unused
from iem.runner.settings import fingerprint

#: Settings that change how a run is shown, watched or carried out, but not what it finds.
OUTSIDE = (
    "hydra",
    "experiment",
    "debug",
    "hparams_search",
    "title",
    "tracker",
    "threads",
    "device",
    "name",
    "watch",
    "write_pictures",
    "metric",
    "profile",
    "skip_finished",
)


def task_settings(config: DictConfig) -> dict[str, Any]:
    """All settings of a task, Hydra's own apart, as plain containers with interpolations resolved."""
    own = {key: value for key, value in config.items_ex(resolve=False) if key != "hydra"}
    return OmegaConf.to_container(OmegaConf.create(own), resolve=True)  # type: ignore[return-value]


def result_settings(config: DictConfig, settings: dict[str, Any] | None = None) -> dict[str, Any]:
    """The settings that a result depends on.

    Args:
        config: of a task.
        settings: its ``task_settings`` if they are known already: resolving them takes milliseconds.

    >>> config = OmegaConf.create({"title": "a", "size": 8, "half": "${size}", "features": {"low": 0}})
    >>> result_settings(config)
    {'size': 8, 'half': 8}
    """
    raw = OmegaConf.to_container(OmegaConf.create({k: v for k, v in config.items_ex(resolve=False) if k != "hydra"}))
    idle = [key for key in unused(raw) if key in SHARED]  # type: ignore[arg-type]
    return {key: value for key, value in (settings or task_settings(config)).items() if key not in (*OUTSIDE, *idle)}


def short_fingerprint(config: DictConfig) -> str:
    """Twelve digits that tell results of different settings apart."""
    return fingerprint(result_settings(config))[:12]


def sweep_name(name: str | None, choices: Mapping[str, Any], overrides: Sequence[str], sweeper: Any) -> str:
    """The same command, the same name: the one given, or the experiment's and a hash of what is swept.

    Args:
        name: the setting; None for the usual one.
        choices: group -> choice.
        overrides: as given, Hydra's own apart.
        sweeper: Hydra's settings of it, whose ``params`` are swept, too.

    >>> sweep_name(None, {"experiment": "ablation_lambda"}, ["experiment=ablation_lambda", "threads=2"], {})
    'ablation_lambda-7d3ba6ac'
    """
    if name:
        return name
    stem = next((choices[group] for group in ("experiment", "hparams_search") if choices.get(group)), "sweep")
    outside = set(OUTSIDE) - {"experiment", "debug", "hparams_search", "metric"}
    swept = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    listed = "\n".join(sorted([*(each for each in overrides if _owner(each) not in outside), *swept]))
    return f"{stem}-{hashlib.sha256(listed.encode()).hexdigest()[:8]}"


def register_resolvers() -> None:
    """Make ``${fingerprint:}``, ``${sha256_of:KEY}`` and ``${sweep_name:...}``, with its arguments, known to OmegaConf.

    The name of a sweep is kept for all of its jobs, whose own overrides are other ones.
    """
    OmegaConf.register_new_resolver("sha256_of", _sha256_of, replace=True)
    OmegaConf.register_new_resolver("fingerprint", _fingerprint, replace=True)
    OmegaConf.register_new_resolver("sweep_name", sweep_name, replace=True, use_cache=True)


def _fingerprint(*, _root_: DictConfig) -> str:
    return short_fingerprint(_root_)


def _sha256_of(key: str, *, _parent_: DictConfig) -> str | None:
    """Of the content of the file that a neighbouring setting names; None if there is none: whoever reads it says so."""
    if OmegaConf.is_missing(_parent_, key):
        return None
    try:
        return hashlib.sha256(Path(str(_parent_[key])).read_bytes()).hexdigest()
    except OSError:
        return None


def _owner(override: str) -> str:
    return override.lstrip("+~").split("=", 1)[0].split(".", 1)[0].split("@", 1)[0]
