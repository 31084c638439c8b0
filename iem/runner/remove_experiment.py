"""One job of ``experiments/remove.py``: from settings to ways of removal side by side."""

import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from iem.images import write_atomic
from iem.interfaces import Dataset
from iem.runner.application import say
from iem.runner.inputs import choose_device
from iem.runner.naming import result_settings, task_settings
from iem.runner.peel_choices import load_part
from iem.runner.provenance import Provenance
from iem.runner.remove_report import as_markdown, write_report, write_sheet, write_table
from iem.runner.remove_run import SAYINGS, RemoveRun, means
from iem.runner.results import write_json
from iem.runner.schema.command import Job, plain
from iem.runner.schema.parts import Parts
from iem.runner.schema.problems import SettingError
from iem.runner.schema.remove import check_ranges
from iem.runner.schema.usage import check_used
from iem.runner.threads import set_threads, share_of_cores, usable_cores
from iem.runner.versions import versions


def remove_dataset(config: DictConfig, parts: Parts) -> float:
    """Remove the objects of a dataset with the settings of ``conf/remove.yaml``, and write tables, pictures and a page.

    Returns:
        The mean of ``metric`` over all ways, for a search to maximise.
    """
    hydra, provenance = HydraConfig.get(), Provenance()
    folder = Path(hydra.runtime.output_dir)
    set_threads(share_of_cores(hydra.launcher, usable_cores()) if config.threads == "auto" else config.threads)
    torch.manual_seed(config.seed)
    settings = task_settings(config)
    run = made(settings, parts, folder)
    for part in (*run.segmenters.values(), *run.painters.values()):
        load_part(part, run.device)  # nothing is timed with what is loaded once
    dataset: Dataset = parts.make(settings["dataset"], "dataset")
    rows = run(dataset)
    for failure in run.failures:
        say(f"left out: {failure}")
    if not rows:
        raise ValueError(f"dataset: expected pictures with an object, got none that could be used of {len(dataset)}")
    found = means(rows)
    write_table(folder / "table.csv", found)
    write_atomic(folder / "table.md", f"# {settings['title']}\n\n{as_markdown(found)}".encode())
    sheet = folder / "sheet.png"
    names = list(dict.fromkeys(row["name"] for row in rows))
    shown = write_sheet(sheet, run, dataset, names, settings["show"]) if settings["show"] else 0
    write_report(
        folder / "report.html",
        title=settings["title"],
        means=found,
        settings=settings,
        sheet=sheet if shown else None,
        failures=run.failures,
    )
    used = result_settings(config, settings)
    write_json(
        folder / "result.json",
        {
            "means": {way.describe(): values for way, values in found.items()},
            "rows": rows,
            "failures": run.failures,
            "settings": used,
            "versions": versions(),
            "provenance": provenance.describe({**used, "device": run.device}, [{"name": name} for name in names]),
        },
    )
    sys.stdout.write(f"{as_markdown(found)}report: {folder / 'report.html'}\n")
    values = [each[settings["metric"]] for each in found.values() if each[settings["metric"]] is not None]
    return math.fsum(values) / len(values) if values else math.nan


def made(settings: Mapping[str, Any], parts: Parts, folder: Path) -> RemoveRun:
    """The run that settings describe."""
    return RemoveRun(
        folder=folder,
        segmenters={
            name: parts.make(each, f"segmenters.{name}") for name, each in (settings["segmenters"] or {}).items()
        },
        painters={name: parts.make(each, f"painters.{name}") for name, each in settings["painters"].items()},
        prompts=tuple(settings["prompts"]),
        words=settings["words"],
        grows=tuple(settings["grows"]),
        feathers=tuple(settings["feathers"]),
        paste=settings["paste"],
        rim_blur=settings["rim_blur"],
        seed=settings["seed"],
        device=choose_device(settings["device"]),
        skip_finished=settings["skip_finished"],
        on_picture=lambda name, done, count: say(f"{name}: {done} of {count} pictures"),
        on_wait=lambda name: say(f"waiting for {name}, which works in {folder}"),
    )


def check(job: Job, parts: Parts, given: tuple[str, ...], folder: Path) -> None:
    """Refuse settings that no run can have, prompts that nothing answers, and weights that are not there.

    Raises:
        SettingError: one sentence.
    """
    check_used(given, plain(job.config), job.choices, folder)
    try:
        settings = task_settings(job.config)
    except OmegaConfBaseException as error:
        raise SettingError(f"{error.full_key}: {str(error.msg).splitlines()[0]}") from error
    check_ranges(settings)
    try:
        choose_device(settings["device"])
    except ValueError as error:
        raise SettingError(str(error)) from error
    parts.make(settings["dataset"], "dataset")
    run = made(settings, parts, Path())
    for prompt in run.prompts:
        if not any(prompt == each for each, _ in run.sources):
            raise SettingError(
                f"prompts: none of the segmenters {', '.join(run.segmenters) or '(there is none)'} answers {prompt}; "
                f"add one as +segmenter@segmenters.NAME=CHOICE{', such as clipseg' if prompt == 'text' else ''}"
            )
    for name, segmenter in run.segmenters.items():
        asked = [prompt for prompt in run.prompts if prompt != "truth"]
        if asked and not any(SAYINGS[prompt] in segmenter.answers for prompt in asked):
            raise SettingError(
                f"segmenters.{name}: answers none of the prompts {', '.join(asked)}; leave it out by "
                f"~segmenter@segmenters.{name}"
            )
    for group, found in (("segmenters", run.segmenters), ("painters", run.painters)):
        for name, part in found.items():
            try:
                load_part(part, "cpu")
            except (ValueError, ImportError) as error:
                raise SettingError(f"{group}.{name}: {error}") from error
