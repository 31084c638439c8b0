"""One job of ``experiments/segment.py``: from settings to a run."""

import contextlib
import cProfile
import pstats
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from iem.interfaces import RunIdentity
from iem.presets import Preset
from iem.runner.application import say
from iem.runner.naming import result_settings, task_settings
from iem.runner.run import run
from iem.runner.schema.command import Job, plain
from iem.runner.schema.parts import Parts
from iem.runner.schema.problems import SettingError
from iem.runner.schema.segment import check_ranges
from iem.runner.schema.usage import check_used, is_random
from iem.runner.settings import fingerprint
from iem.runner.shards import Shard
from iem.runner.table import table
from iem.runner.threads import set_threads, share_of_cores, usable_cores

PARTS = ("features", "inpainter", "initialiser", "objective", "optimiser", "refiner", "tracker", "dataset")


def segment_dataset(config: DictConfig, parts: Parts) -> float:
    """Segment and measure a dataset with the settings of ``conf/segment.yaml``.

    Returns:
        The mean that ``metric`` names, for a search to maximise.
    """
    hydra = HydraConfig.get()
    folder = Path(hydra.runtime.output_dir)
    threads = config.threads
    if threads == "auto":
        threads = share_of_cores(hydra.launcher, usable_cores())
    set_threads(threads)
    random.seed(config.seed)
    np.random.seed(config.seed)  # noqa: NPY002  other people's parts may draw from it
    torch.manual_seed(config.seed)
    settings = task_settings(config)
    found = result_settings(config, settings)
    tracker = parts.make(settings["tracker"], "tracker")
    with _profiled(folder / "profile.txt" if config.profile else None):
        result = run(
            parts.make(settings["dataset"], "dataset"),
            preset(settings, hydra.runtime.choices["preset"], parts),
            folder=folder,
            settings=found,
            size=config.size,
            batch_size=config.batch_size,
            ignore_rule=config.ignore_rule,
            write_pictures=config.write_pictures,
            title=config.title,
            on_row=lambda row, count: say(f"{row['name']}: {row['status']}, {row['steps']} steps"),
            on_wait=lambda name: say(f"waiting for {name}, which works in {folder}"),
            tracker=tracker,
            identity=identity(settings, found, hydra),
            shard=Shard(config.shard.index, config.shard.count),
            watch=config.watch,
            skip_finished=config.skip_finished,
        )
    _show(table(result.rows, result.means))
    if result.kept:
        say(f"{result.kept} kept from an earlier run; skip_finished=false segments them anew")
    for failure in result.failures:
        say(f"left out: {failure}")
    _show(f"report: {result.report}")
    return float(result.means[config.metric])


def preset(settings: dict[str, Any], name: str, parts: Parts) -> Preset:
    """The preset that the settings of its parts make."""
    return Preset(
        name=name,
        initialiser=parts.make(settings["initialiser"], "initialiser"),
        objective=parts.make(settings["objective"], "objective"),
        optimiser=parts.make(settings["optimiser"], "optimiser"),
        max_steps=settings["max_steps"],
        refiner=parts.make(settings["refiner"], "refiner"),
    )


def identity(settings: dict[str, Any], found: dict[str, Any], hydra: Any) -> RunIdentity:
    """What the run is called wherever it is watched.

    Args:
        settings: all of the task's.
        found: those that its result depends on.
        hydra: Hydra's own.
    """
    folder = Path(hydra.runtime.output_dir)
    is_sweep = hydra.mode is not None and hydra.mode.name == "MULTIRUN"
    choices = hydra.runtime.choices
    experiment = str(choices.get("experiment") or "")
    return RunIdentity(
        id=fingerprint(found)[:12],
        name=folder.name,
        folder=folder,
        config=settings,
        group=folder.parent.name if is_sweep else settings["name"],
        job_type="ablation" if experiment.startswith("ablation") else "segment",
        tags=tuple(dict.fromkeys(filter(None, (choices["preset"], choices["dataset"], experiment)))),
        notes=" ".join(hydra.overrides.task),
    )


def check(job: Job, parts: Parts, given: tuple[str, ...], folder: Path) -> None:
    """Refuse settings that no run can have: types, ranges, what nothing uses, what a part does not take.

    Raises:
        SettingError: one sentence.
    """
    check_used(given, plain(job.config), job.choices, folder)
    try:
        settings = task_settings(job.config)
    except OmegaConfBaseException as error:
        raise SettingError(f"{error.full_key}: {str(error.msg).splitlines()[0]}") from error
    check_ranges(settings)
    for key in PARTS:
        parts.make(settings[key], key)
    preset(settings, str(job.choices["preset"]), parts)


def note(job: Job, given: tuple[str, ...]) -> str:
    """A seed that is set although nothing is drawn at random."""
    if "seed" in given and not is_random(plain(job.config)):
        return "seed: no part of this run takes it, so every seed gives the same numbers"
    return ""


@contextlib.contextmanager
def _profiled(path: Path | None) -> Iterator[None]:
    """Write to ``path`` where the time went: in functions of ``iem`` with all that they call, and in any by itself."""
    if path is None:
        yield
        return
    profile = cProfile.Profile()
    with profile:
        yield
    with path.open("w", encoding="utf-8") as file:
        pstats.Stats(profile, stream=file).sort_stats("cumulative").print_stats(r"\biem\b", 40)
        pstats.Stats(profile, stream=file).sort_stats("tottime").print_stats(40)
    say(f"profile: {path}")


def _show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
