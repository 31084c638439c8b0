"""One job of ``experiments/mask_generators.py``: from settings to masks, painted pictures, a table and a sheet."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from iem.images import resize_mask, short_side, write_atomic, write_image
from iem.interfaces import Image
from iem.runner.application import say
from iem.runner.inputs import choose_device
from iem.runner.mask_run import MaskRun, Method
from iem.runner.mask_table import as_markdown, as_plain, as_text
from iem.runner.measuring import Row
from iem.runner.naming import task_settings
from iem.runner.painting_table import write_csv
from iem.runner.pairs import Pair, PairsError, open_pairs
from iem.runner.peel_choices import load_part
from iem.runner.prompt_experiment import drawn
from iem.runner.provenance import Provenance
from iem.runner.results import write_json
from iem.runner.schema.command import Job, plain
from iem.runner.schema.mask_generators import check_ranges
from iem.runner.schema.parts import Parts
from iem.runner.schema.problems import SettingError
from iem.runner.schema.usage import check_used
from iem.runner.threads import set_threads, share_of_cores, usable_cores
from iem.runner.versions import versions
from iem.visualise import contact_sheet, overlay

_SHOWN = 224  # height of the pictures that are shown, in pixels


def try_generators(config: DictConfig, parts: Parts) -> float:
    """Try all segmenters with the settings of ``conf/mask_generators.yaml``; write pictures, tables and a sheet.

    Returns:
        The mean IoU over all masks where the truth is known, else minus the seconds a mask, for a search to maximise.
    """
    hydra, provenance = HydraConfig.get(), Provenance()
    set_threads(share_of_cores(hydra.launcher, usable_cores()) if config.threads == "auto" else config.threads)
    torch.manual_seed(config.seed)
    settings = task_settings(config)
    device = choose_device(settings["device"])
    methods, left_out = ready(settings, parts, device)
    for failure in left_out:
        say(f"left out: {failure}")
    if not methods:
        raise ValueError("segmenters: expected at least one that is ready, got none; see what each needs above")
    folder = Path(hydra.runtime.output_dir)
    run = made(settings, methods, parts, folder, device)
    pairs = open_pairs(settings["pairs"])
    rows = run(pairs)
    for failure in run.failures:
        say(f"left out: {failure}")
    if not rows:
        raise ValueError("pairs: expected at least one photograph that a segmenter could work on, got none")
    lines = as_plain([method.name for method in methods], rows, run.memory())
    write_csv(folder / "table.csv", lines)
    write_atomic(folder / "table.md", f"# {settings['title']}\n\n{as_markdown(lines)}".encode())
    names = list(dict.fromkeys(row["name"] for row in rows))
    if settings["show"]:
        prompted = {pair.name: pair for pair in open_pairs(folder)}
        write_image(folder / "sheet.png", sheet(run, prompted, rows, names[: settings["show"]]))
    write_json(
        folder / "result.json",
        {
            "methods": [method.name for method in methods],
            "table": lines,
            "rows": rows,
            "failures": [*left_out, *run.failures],
            "settings": settings,
            "versions": versions(),
            "provenance": provenance.describe({**settings, "device": device}, [{"name": name} for name in names]),
        },
    )
    sys.stdout.write(f"{as_text(lines)}\nfolder: {folder}\n")
    known: list[float] = [row["iou"] for row in rows if row.get("iou") is not None]
    return sum(known) / len(known) if known else -sum(float(row["seconds"]) for row in rows) / len(rows)


def ready(settings: Mapping[str, Any], parts: Parts, device: str) -> tuple[list[Method], list[str]]:
    """The methods whose networks are here, loaded, and for each other one what it lacks.

    Raises:
        SettingError: one is not ready, and ``unready`` is "refuse".
    """
    methods, left_out = [], []
    for name in settings["only"] or settings["segmenters"]:
        try:
            method = _method(settings, parts, name)
            load_part(method.segmenter, device)
        except (SettingError, ValueError, ImportError) as error:
            if settings["unready"] == "refuse" or not _lacks_something(error):
                raise SettingError(_named(name, error)) from error
            left_out.append(_named(name, error))
        else:
            methods.append(method)
    return methods, left_out


def made(
    settings: Mapping[str, Any], methods: Sequence[Method], parts: Parts, folder: Path, device: str = "cpu"
) -> MaskRun:
    """The run that settings describe."""
    painter = parts.make(settings["painter"], "painter")
    load_part(painter, device)
    return MaskRun(
        folder=folder,
        methods=methods,
        painter=painter,
        painter_settings=settings["painter"],
        size=settings["size"],
        grow=settings["grow"],
        feather=settings["feather"],
        device=device,
        measure_memory=settings["memory"],
        skip_finished=settings["skip_finished"],
        on_row=lambda row, count: say(f"{row['method']}, {row['name']}: {row['seconds']:.2f} s"),
        on_wait=lambda name: say(f"waiting for {name}, which works in {folder}"),
    )


def check(job: Job, parts: Parts, given: tuple[str, ...], folder: Path) -> None:
    """Refuse settings that no run can have, photographs and prompts that are not there.

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
        open_pairs(settings["pairs"])
    except (PairsError, ValueError) as error:
        raise SettingError(str(error)) from error
    if not settings["painter"]:
        raise SettingError("painter: expected settings with a _target_, got none; choose a painter")
    parts.make({"_target_": "iem.runner.peel_experiment.Loadable", "part": settings["painter"]}, "painter")
    for name in settings["given"]:
        if name not in settings["segmenters"]:
            raise SettingError(f"given: there is no segmenter {name}; they are {', '.join(settings['segmenters'])}")
    for name in settings["only"] or settings["segmenters"]:
        try:
            _method(settings, parts, name).check()
        except (SettingError, ImportError) as error:
            if settings["unready"] == "refuse" or not _lacks_something(error):
                raise SettingError(str(error)) from error
        except ValueError as error:
            raise SettingError(str(error)) from error


def sheet(run: MaskRun, pairs: Mapping[str, Pair], rows: Sequence[Row], names: Sequence[str]) -> Image:
    """Two rows a photograph: with its prompts, and each method's mask on it; as it was, and painted by each method."""
    methods = [method.name for method in run.methods]
    found = {(row["method"], row["name"]) for row in rows}
    lines = []
    for name in names:
        photo = run.photo(name)
        old = (int(photo.shape[2]), int(photo.shape[3]))
        small = short_side(photo, _SHOWN)
        size = (int(small.shape[2]), int(small.shape[3]))
        pointed = small
        for prompt in pairs[name].prompts.values():
            pointed = drawn(pointed, prompt.rescaled(old, size))
        empty = small * 0 + 0.93
        lines.append([pointed, *(overlay(small, resize_mask(run.mask(method, name), size))
                                 if (method, name) in found else empty for method in methods)])  # fmt: skip
        lines.append([small, *(short_side(run.painted(method, name), _SHOWN)
                               if (method, name) in found else empty for method in methods)])  # fmt: skip
    return contact_sheet(lines, labels=["Photograph", *methods], height=_SHOWN)


def _method(settings: Mapping[str, Any], parts: Parts, name: str) -> Method:
    part = settings["segmenters"][name]
    if not part or not part.get("_target_"):
        raise ValueError(f"segmenters.{name}: expected settings with a _target_, got none; choose a segmenter")
    return Method(name, part, parts.make(part, f"segmenters.{name}"), settings["given"].get(name))


def _lacks_something(error: Exception) -> bool:
    """Weights that are not here or a package that is not installed, rather than a setting that cannot be."""
    return isinstance(error, ImportError) or any(hint in str(error) for hint in ("iem models get", "pip install"))


def _named(name: str, error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if text.startswith(f"segmenters.{name}") else f"segmenters.{name}: {text}"
