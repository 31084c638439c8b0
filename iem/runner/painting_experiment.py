"""One job of ``experiments/inpaint.py``: from settings to painters side by side."""

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from iem.images import read, write_atomic
from iem.interfaces import RunIdentity
from iem.runner.application import say
from iem.runner.inputs import choose_device
from iem.runner.measuring import Row
from iem.runner.naming import OUTSIDE, task_settings
from iem.runner.painting_cases import cases
from iem.runner.painting_report import write_painting_report, write_sheet
from iem.runner.painting_run import Painter, PaintingResult, PaintingRun
from iem.runner.painting_table import PaintingTable, as_markdown, as_plain, as_text, side_by_side, write_csv
from iem.runner.peel_choices import load_part
from iem.runner.provenance import Provenance
from iem.runner.results import write_json
from iem.runner.schema.command import Job, plain
from iem.runner.schema.inpaint import check_ranges
from iem.runner.schema.parts import Parts
from iem.runner.schema.problems import SettingError
from iem.runner.schema.usage import check_used
from iem.runner.settings import fingerprint
from iem.runner.threads import set_threads, share_of_cores, usable_cores
from iem.runner.versions import versions

WORDING = ("prompt", "added_prompt", "negative_prompt", "seed")  # settings of a painter that need no other weights


def try_painters(config: DictConfig, parts: Parts) -> float:
    """Try all painters with the settings of ``conf/inpaint.yaml``, and write tables, pictures and a page.

    Returns:
        The mean of ``metric`` over all that was painted, for a search to maximise.
    """
    hydra, provenance = HydraConfig.get(), Provenance()
    threads = config.threads
    set_threads(share_of_cores(hydra.launcher, usable_cores()) if threads == "auto" else threads)
    torch.manual_seed(config.seed)
    settings = task_settings(config)
    run = made(settings, parts, Path(hydra.runtime.output_dir), identity(settings, hydra))
    for painter in run.painters:
        load_part(painter.inpainter, run.device)  # the first painting is not timed with what is loaded once
    dataset = parts.make(settings["dataset"], "dataset")
    result = run(dataset)
    table = side_by_side(result.rows, run.cases, memory=result.memory, margin=run.margin, pictures=len(dataset))
    mean = _mean(result, config.metric)
    _write(run, result, table, settings, provenance, run.chosen(dataset), mean)
    _show(as_text(table).rstrip())
    if result.kept:
        say(f"{result.kept} paintings kept from an earlier run; skip_finished=false paints them anew")
    for failure in result.failures:
        say(f"left out: {failure}")
    _show(f"report: {run.folder / 'report.html'}")
    return mean


def made(settings: Mapping[str, Any], parts: Parts, folder: Path, who: RunIdentity | None = None) -> PaintingRun:
    """The run that settings describe."""
    tried = cases(settings)
    margin = settings["margin"]
    names = settings["only"] or list(settings["painters"])
    measured = {"dataset": settings["dataset"], "seed": settings["seed"]}
    margin = max(case.reach for case in tried) if margin is None else margin
    return PaintingRun(
        folder=folder,
        settings={**measured, "margin": margin},
        painters=tuple(
            Painter(
                name,
                settings["painters"][name],
                parts.make(settings["painters"][name], f"painters.{name}"),
                settings["most_hole"].get(name),
            )
            for name in names
        ),
        cases=tried,
        seed=settings["seed"],
        margin=margin,
        shown=settings["show"],
        device=choose_device(settings["device"]),
        measure_memory=settings["memory"],
        skip_finished=settings["skip_finished"],
        tracker=parts.make(settings["tracker"], "tracker"),
        identity=who,
        on_picture=lambda name, done, count: say(f"{name}: {done} of {count} pictures"),
        on_wait=lambda name: say(f"waiting for {name}, which works in {folder}"),
    )


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
    try:
        choose_device(settings["device"])
    except ValueError as error:
        raise SettingError(str(error)) from error
    parts.make(settings["dataset"], "dataset")
    parts.make(settings["tracker"], "tracker")
    for name in settings["only"] or settings["painters"]:
        painter, key = settings["painters"][name], f"painters.{name}"
        if not painter or not painter.get("_target_"):
            raise SettingError(f"{key}: expected settings with a _target_, got none; choose a painter")
        parts.make(painter, key)
        same = {setting: value for setting, value in painter.items() if setting not in WORDING}
        try:
            parts.make({"_target_": "iem.runner.peel_experiment.Loadable", "part": same}, key)
        except SettingError as error:
            words = str(error).replace(f"{key}.part", key).replace(f"{key}: painter.", f"{key}.", 1)
            raise SettingError(words) from error


def note(job: Job, given: tuple[str, ...]) -> str:
    """A margin that leaves out what was painted."""
    settings = task_settings(job.config)
    reach = max(case.reach for case in cases(settings))
    if settings["margin"] is not None and settings["margin"] < reach:
        return (
            f"margin: {reach} pixels around what was covered may be painted, of which {settings['margin']} are measured"
        )
    return ""


def identity(settings: Mapping[str, Any], hydra: Any) -> RunIdentity:
    """What the run is called wherever it is watched.

    Args:
        settings: all of the task's.
        hydra: Hydra's own.
    """
    folder = Path(hydra.runtime.output_dir)
    is_sweep = hydra.mode is not None and hydra.mode.name == "MULTIRUN"
    tags = ("painting", str(hydra.runtime.choices.get("experiment") or ""))
    return RunIdentity(
        id=fingerprint({key: value for key, value in settings.items() if key not in OUTSIDE})[:12],
        name=folder.name,
        folder=folder,
        config=settings,
        group=folder.parent.name if is_sweep else settings["name"],
        job_type="painting",
        tags=tuple(filter(None, tags)),
        notes=" ".join(hydra.overrides.task),
    )


def _write(
    run: PaintingRun,
    result: PaintingResult,
    table: PaintingTable,
    settings: Mapping[str, Any],
    provenance: Provenance,
    chosen: Mapping[str, Any],
    mean: float,
) -> None:
    """``table.csv``, ``table.md``, ``pictures.csv``, ``sheet.png``, ``report.html`` and, last, ``result.json``."""
    folder, lines = run.folder, as_plain(table)
    write_csv(folder / "table.csv", lines)
    write_atomic(folder / "table.md", as_markdown(table).encode())
    rows = [{"painter": name, **row} for name, found in result.rows.items() for row in found]
    write_csv(folder / "pictures.csv", [{key: row[key] for key in row if key != "event"} for row in rows])
    sheet = folder / "sheet.png"
    sheet.unlink(missing_ok=True)
    found = write_sheet(sheet, run, chosen)
    write_painting_report(
        folder / "report.html",
        title=settings["title"],
        table=table,
        settings=settings,
        painters=run.painters,
        sheet=sheet if found else None,
        chosen=chosen,
        failures=result.failures,
    )
    write_json(
        folder / "result.json",
        {
            "means": {settings["metric"]: mean},
            "table": lines,
            "failures": result.failures,
            "settings": settings,
            "versions": versions(),
            "provenance": provenance.describe(
                {**settings, "device": run.device}, [{"name": row["name"]} for row in rows]
            ),
        },
    )
    if run.tracker is not None:
        if found:
            run.tracker.image("sheet", table.pictures, read(sheet).image, {}, axis="data/pictures")
        run.tracker.table("painters", lines)
        whole = {line.painter: line.means for line in table.lines if line.case is None}
        run.tracker.finish({f"{name}/{key}": value for name, means in whole.items() for key, value in means.items()})


def _once(rows: Sequence[Row]) -> list[Row]:
    """One row for each picture."""
    return list({row["name"]: row for row in rows}.values())


def _mean(result: PaintingResult, metric: str) -> float:
    values = [row[metric] for found in result.rows.values() for row in found if row[metric] is not None]
    return math.fsum(values) / len(values) if values else math.nan


def _show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
