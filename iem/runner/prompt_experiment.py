"""One job of ``experiments/prompt.py``: from settings to masks, a table and a sheet of pictures."""

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from iem.images import resize, write_atomic, write_image
from iem.initialisers import GrabCut
from iem.interfaces import Dataset, Image, Segmenter
from iem.prompts import Box, Points, Scribble
from iem.runner.application import say
from iem.runner.measuring import Row
from iem.runner.naming import result_settings, task_settings
from iem.runner.page_contents import number
from iem.runner.prompt_run import PromptRun
from iem.runner.provenance import Provenance
from iem.runner.results import write_json
from iem.runner.schema.command import Job, plain
from iem.runner.schema.parts import Parts
from iem.runner.schema.problems import SettingError
from iem.runner.schema.prompt import check_ranges
from iem.runner.schema.usage import check_used
from iem.runner.threads import set_threads, share_of_cores, usable_cores
from iem.runner.versions import versions
from iem.visualise import contact_sheet, overlay

_SHOWN = 224  # height of the pictures that are shown, in pixels
_POSITIVE, _NEGATIVE, _EDGE = (0.1, 0.9, 0.3), (0.95, 0.15, 0.2), (1.0, 1.0, 1.0)


def prompt_dataset(config: DictConfig, parts: Parts) -> float:
    """Measure masks from prompts with the settings of ``conf/prompt.yaml``.

    Returns:
        The mean IoU of the masks from prompts, after the last click, for a search to maximise.
    """
    hydra, provenance = HydraConfig.get(), Provenance()
    folder = Path(hydra.runtime.output_dir)
    set_threads(share_of_cores(hydra.launcher, usable_cores()) if config.threads == "auto" else config.threads)
    torch.manual_seed(config.seed)
    settings = task_settings(config)
    run = made(settings, parts, folder)
    dataset: Dataset = parts.make(settings["dataset"], "dataset")
    rows = run(dataset)
    for failure in run.failures:
        say(f"left out: {failure}")
    if not rows:
        raise ValueError(f"dataset: expected pictures with an object, got none that could be used of {len(dataset)}")
    means = {name: mean(rows, f"iou_{name}") for name in run.methods}
    table = as_markdown(run.methods, rows)
    write_atomic(folder / "table.md", f"# {settings['title']}\n\n{table}".encode())
    if settings["show"]:
        write_image(folder / "sheet.png", sheet(run, dataset, [row["name"] for row in rows], settings["show"]))
    found = result_settings(config, settings)
    write_json(
        folder / "result.json",
        {
            "means": means,
            "rows": rows,
            "failures": run.failures,
            "settings": found,
            "versions": versions(),
            "provenance": provenance.describe(found, rows),
        },
    )
    sys.stdout.write(f"{table}\nfolder: {folder}\n")
    return next(value for name, value in reversed(means.items()) if name not in ("unprompted", "grabcut"))


def made(settings: Mapping[str, Any], parts: Parts, folder: Path) -> PromptRun:
    """The run that settings describe."""
    segmenter: Segmenter = parts.make(settings["segmenter"], "segmenter")
    return PromptRun(
        folder=folder,
        segmenter=segmenter,
        kind=settings["prompt"],
        clicks=settings["clicks"],
        unprompted=settings["unprompted"],
        grabcut=GrabCut(seed=settings["seed"]) if settings["grabcut"] else None,
        size=settings["size"],
        ignore_rule=settings["ignore_rule"],
        skip_finished=settings["skip_finished"],
        on_row=lambda row, count: say(f"{row['name']}: {describe(row)}"),
        on_wait=lambda name: say(f"waiting for {name}, which works in {folder}"),
    )


def check(job: Job, parts: Parts, given: tuple[str, ...], folder: Path) -> None:
    """Refuse settings that no run can have, and prompts that the segmenter does not understand.

    Raises:
        SettingError: one sentence.
    """
    check_used(given, plain(job.config), job.choices, folder)
    try:
        settings = task_settings(job.config)
    except OmegaConfBaseException as error:
        raise SettingError(f"{error.full_key}: {str(error.msg).splitlines()[0]}") from error
    check_ranges(settings)
    if settings["grabcut"]:
        try:
            import cv2  # noqa: F401
        except ImportError as error:
            raise SettingError(
                'grabcut: OpenCV is not installed; pip install "iem[opencv]", or grabcut=false'
            ) from error
    parts.make(settings["dataset"], "dataset")
    segmenter = parts.make(settings["segmenter"], "segmenter")
    kind = {"box": Box, "click": Points, "scribble": Scribble}[settings["prompt"]]
    if kind not in segmenter.answers:
        names = ", ".join(each.__name__ for each in segmenter.answers)
        raise SettingError(
            f"prompt: expected one that {type(segmenter).__name__} answers, {names}, got {kind.__name__}"
        )


def mean(rows: Sequence[Row], key: str) -> float:
    """Of what is known; NaN of nothing.

    >>> mean([{"iou": 0.5}, {"iou": None}], "iou")
    0.5
    """
    known = [value for value in (number(row.get(key)) for row in rows) if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan


def describe(row: Row) -> str:
    """The IoU of every method, in words.

    >>> describe({"iou_unprompted": 0.5, "seconds_unprompted": 1.0, "iou_2 clicks": 0.7512})
    'unprompted 0.500, 2 clicks 0.751'
    """
    found = {key.removeprefix("iou_"): number(value) for key, value in row.items() if key.startswith("iou_")}
    return ", ".join(f"{name} {value:.3f}" for name, value in found.items())


def as_markdown(methods: Sequence[str], rows: Sequence[Row]) -> str:
    """Mean IoU, the share of pictures below one half, and seconds a picture, one line per method.

    >>> print(as_markdown(["box"], [{"iou_box": 0.25, "seconds_box": 1.0}, {"iou_box": 0.75, "seconds_box": 2.0}]))
    | Method | Mean IoU | IoU below 0.5 | Seconds a picture | Pictures |
    | --- | ---: | ---: | ---: | ---: |
    | box | 0.500 | 50 % | 1.50 | 2 |
    <BLANKLINE>
    """
    lines = ["| Method | Mean IoU | IoU below 0.5 | Seconds a picture | Pictures |", "| --- |" + " ---: |" * 4]
    for name in methods:
        low = sum(number(row.get(f"iou_{name}")) < 0.5 for row in rows) / len(rows)
        iou, seconds = mean(rows, f"iou_{name}"), mean(rows, f"seconds_{name}")
        lines.append(f"| {name} | {iou:.3f} | {low:.0%} | {seconds:.2f} | {len(rows)} |".replace("%", " %"))
    return "\n".join(lines) + "\n"


def sheet(run: PromptRun, dataset: Dataset, names: Sequence[str], most: int) -> Image:
    """A row per picture: itself with the prompt drawn, the truth, and every method's mask."""
    count = min(most, len(names))
    rows = []
    for name in [names[(2 * i + 1) * len(names) // (2 * count)] for i in range(count)]:
        sample = dataset[list(dataset.names).index(name)]
        height, width = (int(side) for side in sample.image.shape[2:])
        size = (_SHOWN, max(1, round(width * _SHOWN / height)))  # before lines are drawn, so that they are fine
        image = resize(sample.image, size, mode="bicubic")
        answers = list(run.answers(sample))
        masks = [resize((mask > 0.5).to(image), size) for mask in (sample.truth, *(each[1] for each in answers))]
        given = next(prompts for method, _, _, prompts in reversed(answers) if method not in ("unprompted", "grabcut"))
        pointed = image
        for prompt in given:
            pointed = drawn(pointed, prompt.rescaled((height, width), size))
        rows.append([pointed, *(overlay(image, mask) for mask in masks)])
    return contact_sheet(rows, labels=["Prompt", "Truth", *(name.capitalize() for name in run.methods)], height=_SHOWN)


def drawn(image: Image, prompt: object) -> Image:
    """The picture with a prompt on it: green on the object, red beside it, with a white edge.

    Args:
        image: ``[1, 3, h, w]``, of the size that the prompt is for.
        prompt: ``Points``, ``Box`` or ``Scribble``.
    """
    size = (int(image.shape[2]), int(image.shape[3]))
    if isinstance(prompt, Points):
        for place, positive in zip(prompt.xy, prompt.positive, strict=True):
            point = Points([place])
            image = _filled(image, point.to_mask(size, radius=6), _EDGE)
            image = _filled(image, point.to_mask(size, radius=4), _POSITIVE if positive else _NEGATIVE)
    elif isinstance(prompt, Scribble):
        image = _filled(image, Scribble(prompt.points, prompt.width + 3).to_mask(size), _EDGE)
        image = _filled(image, prompt.to_mask(size), _POSITIVE)
    elif isinstance(prompt, Box):
        left, top, right, bottom = prompt.left, prompt.top, prompt.right - 1e-3, prompt.bottom - 1e-3
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        for width, colour in ((5.0, _EDGE), (2.5, _POSITIVE)):
            image = _filled(image, Scribble(corners, width).to_mask(size), colour)
    return image


def _filled(image: Image, mask: torch.Tensor, colour: tuple[float, float, float]) -> Image:
    return torch.where(mask.to(image.device) > 0.5, image.new_tensor(colour).view(1, 3, 1, 1), image)
