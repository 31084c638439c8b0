"""One job of ``experiments/peel.py``: from settings to a run."""

import copy
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from iem.interfaces import RunIdentity
from iem.runner.application import say
from iem.runner.endings import FIRST, WORDS, count_regions
from iem.runner.inputs import choose_device
from iem.runner.naming import result_settings, task_settings
from iem.runner.page_contents import number
from iem.runner.peel_choices import load_part
from iem.runner.peel_measuring import METRICS, Baseline, Row
from iem.runner.peel_report import MEASURES
from iem.runner.peel_run import PeelResult, PeelRun
from iem.runner.peeler import Peeler
from iem.runner.scenes import Labelled, Photographs, Scenes
from iem.runner.schema.command import Job, plain
from iem.runner.schema.parts import Parts
from iem.runner.schema.peel import check_ranges
from iem.runner.schema.problems import SettingError
from iem.runner.schema.usage import check_used, is_random
from iem.runner.settings import fingerprint
from iem.runner.threads import set_threads, share_of_cores, usable_cores
from iem.segmentation import segment

PARTS = ("finder", "refiner", "test", "grow", "painter", "tracker")
WORDING = ("prompt", "added_prompt", "negative_prompt", "seed")  # settings of a painter that need no other weights


def peel_dataset(config: DictConfig, parts: Parts) -> float:
    """Take all scenes apart with the settings of ``conf/peel.yaml``.

    Returns:
        The mean that ``metric`` names, for a search to maximise; the mean number of regions without a truth.
    """
    hydra = HydraConfig.get()
    threads = config.threads
    set_threads(share_of_cores(hydra.launcher, usable_cores()) if threads == "auto" else threads)
    torch.manual_seed(config.seed)
    settings = task_settings(config)
    found = result_settings(config, settings)
    run = PeelRun(
        folder=Path(hydra.runtime.output_dir),
        settings=found,
        peeler=made(settings, parts),
        device=choose_device(config.device),
        ignore_rule=config.ignore_rule,
        baseline=baseline(settings),
        write_pictures=config.write_pictures,
        skip_finished=config.skip_finished,
        title=config.title,
        tracker=parts.make(settings["tracker"], "tracker"),
        identity=identity(settings, found, hydra),
        on_row=lambda row, count: say(f"{row['name']}: {describe(row)}"),
        on_wait=lambda name: say(f"waiting for {name}, which works in {hydra.runtime.output_dir}"),
    )
    result = run(scenes(settings, parts))
    _show(summary(result))
    if result.kept:
        say(f"{result.kept} kept from an earlier run; skip_finished=false peels them anew")
    for failure in result.failures:
        say(f"left out: {failure}")
    _show(f"report: {result.report}")
    return result.means["regions" if settings["photos"] else config.metric]


def made(settings: Mapping[str, Any], parts: Parts) -> Peeler:
    """What takes the scenes apart, with networks of its own: they go with it, when its job is done."""
    found = {key: parts.make(settings[key], key) for key in PARTS if key != "tracker"}
    if settings["mode"] == "split":
        found["painter"] = found["grow"] = None
    return Peeler(
        finder=copy.copy(found["finder"]),
        painter=copy.copy(found["painter"]),
        test=found["test"],
        refiner=found["refiner"],
        grow=found["grow"],
        mode=settings["mode"],
        parts=settings["parts"],
        repaint=settings["repaint"],
        joint=settings["joint"],
        min_area=settings["min_area"],
        min_new=settings["min_new"],
        max_rounds=settings["max_rounds"],
    )


def scenes(settings: Mapping[str, Any], parts: Parts) -> Scenes:
    """The data set, or the photographs that replace it."""
    if settings["photos"] is not None:
        return Photographs(settings["photos"])
    return Labelled(parts.make(settings["dataset"], "dataset"))


def baseline(settings: Mapping[str, Any]) -> Baseline | None:
    """``segment`` with the preset that is asked for, at the size of the run."""
    name, size = settings["baseline"], settings["size"]
    return None if name is None else lambda image: segment(image, name, size=size).mask


def check(job: Job, parts: Parts, given: tuple[str, ...], folder: Path) -> None:
    """Refuse settings that no run can have, pictures and weights that are not there.

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
        if key != "painter" or settings["mode"] == "paint":
            parts.make(settings[key], key)
    for key in ("finder", "painter"):
        if settings[key] is None or not settings[key].get("_target_"):
            raise SettingError(f"{key}: expected settings with a _target_, got none; choose a {key}")
    try:
        choose_device(settings["device"])
        scenes(settings, parts)
    except ValueError as error:
        raise SettingError(str(error)) from error
    _require_weights(settings, parts)


def _require_weights(settings: Mapping[str, Any], parts: Parts) -> None:
    """Load what the first picture would load; jobs that differ in words alone need not each do so."""
    for key in ("finder", "painter") if settings["mode"] == "paint" else ("finder",):
        same = {name: value for name, value in settings[key].items() if name not in WORDING}
        try:
            parts.make({"_target_": "iem.runner.peel_experiment.Loadable", "part": same}, key)
        except SettingError as error:
            where = f"{key}.part"
            raise SettingError(str(error).replace(where, key).replace(f"{key}: ", f"{key}.", 1)) from error


class Loadable:
    """Finds whether the networks of a part can be loaded, and keeps none of them.

    Args:
        part: a finder or a painter.

    Raises:
        ValueError: weights that are not there or do not fit.
        ImportError: an extra is not installed.
    """

    def __init__(self, part: Any) -> None:
        load_part(part)


def note(job: Job, given: tuple[str, ...]) -> str:
    """A seed that is set although nothing is drawn at random."""
    if "seed" in given and not is_random(plain(job.config)):
        return "seed: no part of this run takes it, so every seed gives the same numbers"
    return ""


def identity(settings: dict[str, Any], found: dict[str, Any], hydra: Any) -> RunIdentity:
    """What the run is called wherever it is watched.

    Args:
        settings: all of the task's.
        found: those that its result depends on.
        hydra: Hydra's own.
    """
    folder, choices = Path(hydra.runtime.output_dir), hydra.runtime.choices
    is_sweep = hydra.mode is not None and hydra.mode.name == "MULTIRUN"
    tags = (choices["finder"], choices["painter"], str(choices.get("experiment") or ""))
    return RunIdentity(
        id=fingerprint(found)[:12],
        name=folder.name,
        folder=folder,
        config=settings,
        group=folder.parent.name if is_sweep else settings["name"],
        job_type="peel",
        tags=tuple(dict.fromkeys(filter(None, tags))),
        notes=" ".join(hydra.overrides.task),
    )


def describe(row: Row) -> str:
    """What became of one picture, in words.

    >>> describe({"regions": 2, "reason": "round_limit", "iou": 0.5})
    '2 regions; the rounds ran out; IoU of the first 0.500'
    >>> describe({"regions": 2, "reason": "round_limit", "iou": float("nan"), "ari": 0.9})
    '2 regions; the rounds ran out; ARI 0.900'
    """
    words = f"{count_regions(row['regions'])}; {(WORDS if row['regions'] else FIRST)[row['reason']]}"
    for key in ("iou", "ari"):
        if not math.isnan(number(row.get(key))):
            return f"{words}; {MEASURES[key]} {row[key]:.3f}"
    return words


def summary(result: PeelResult) -> str:
    """The means, one a line; of agreement with the truth where there is one.

    >>> print(summary(PeelResult([], {"regions": 2.5, "seconds": 1.0}, 0, [], Path("x"))))
    regions a picture  2.50
    seconds a picture  1.00
    """
    known = [key for key in METRICS if not math.isnan(result.means.get(key, math.nan))]
    lines = [(MEASURES[key], f"{result.means[key]:.3f}") for key in known]
    lines += [(f"{key} a picture", f"{result.means[key]:.2f}") for key in ("regions", "seconds")]
    width = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{width}}  {value}" for label, value in lines)


def _show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
