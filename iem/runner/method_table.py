"""The job of ``experiments/table.py``: every method on every data set, each a run of its own, and one table of all."""

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from iem.images import ImageError, resize
from iem.interfaces import Dataset, Image
from iem.presets import Preset
from iem.runner.application import say
from iem.runner.comparison import Comparison, Method, compare
from iem.runner.comparison_files import as_markdown, write_comparison
from iem.runner.experiment import PARTS
from iem.runner.naming import result_settings, task_settings
from iem.runner.results import read_events
from iem.runner.run import run
from iem.runner.schema import segment as segment_schema
from iem.runner.schema.command import Job
from iem.runner.schema.parts import Parts
from iem.runner.schema.problems import SettingError
from iem.runner.schema.sentences import sentence
from iem.runner.schema.table import check_table
from iem.runner.schema.table import store as store_table
from iem.runner.shards import Shard
from iem.runner.student import HELD_OUT, train_student
from iem.runner.table_plan import TablePlan
from iem.runner.threads import set_threads
from iem.segmentation import segment
from iem.visualise import contact_sheet, overlay

_SHOWN = 224  # height of the pictures that are shown, in pixels


def store() -> None:
    """Make the schemas known to Hydra."""
    store_table()
    segment_schema.store()


def check(job: Job, parts: Parts, given: tuple[str, ...], folder: Path) -> None:
    """Refuse what no table can be made of: unknown presets, data sets that are not there, settings out of range.

    Raises:
        SettingError: one sentence.
    """
    settings = task_settings(job.config)
    check_table(settings)
    table = TablePlan(settings, folder, Path(), parts)
    if settings["students"]:
        parts.make(settings["segnet"], "segnet")
    for data in settings["data"]:
        count = len(table.open(data))
        if settings["students"] and count < 4:
            raise SettingError(
                f"data.{data}: expected at least 4 pictures to learn from and to measure on, got {count}; "
                "give more, or students=[]"
            )
        for name in dict.fromkeys([*settings["methods"], *settings["students"]]):
            config = table.compose(name, data)
            for part in (each for each in PARTS if each != "dataset"):
                parts.make(task_settings(config)[part], part)


def make_table(config: DictConfig, parts: Parts) -> float:
    """Measure all methods on all data sets, and write and print the table.

    Returns:
        The best mean IoU with oracle polarity.

    Raises:
        ValueError: a method failed; the table has the others.
    """
    hydra = HydraConfig.get()
    conf = next(Path(source.path) for source in hydra.runtime.config_sources if source.provider == "main")
    table = TablePlan(task_settings(config), conf, Path(hydra.runtime.output_dir), parts)
    (table.folder / "failure.json").unlink(missing_ok=True)
    comparisons: list[Comparison] = []
    sheets: dict[str, Image] = {}
    for data in table.settings["data"]:
        dataset = table.open(data)
        methods, presets = _measure(table, data, dataset)
        names = list(dataset.names)
        held_out = [names[i] for i in HELD_OUT.indices(len(names))]
        comparisons.append(compare(data, names, held_out, methods, samples=config.samples))
        with contextlib.suppress(ImageError):  # the method that cannot read it has said so
            shown = HELD_OUT.indices(len(names)) if config.students else range(len(names))
            if config.photographs and presets:
                sheets[data] = _sheet(table, dataset, shown, presets)
        # After each data set, so that what is known can be seen.
        write_comparison(table.folder, comparisons, title=config.title, settings=table.settings, sheets=sheets)
    sys.stdout.write(f"{as_markdown(comparisons, title=config.title)}\npage: {table.folder / 'table.html'}\n")
    failed = sum(len(each.failures) for each in comparisons)
    if failed:
        raise ValueError(f"{failed} of the methods failed, the table has the others; the same command tries them again")
    return _best(comparisons)


def _measure(table: TablePlan, data: str, dataset: Dataset) -> tuple[list[Method], dict[str, Preset]]:
    """Every method on one data set, and, by label, those that worked."""
    methods: list[Method] = []
    presets: dict[str, Preset] = {}
    for name in table.settings["methods"]:
        config = table.compose(name, data)
        with _reported(table, data, Method(name, table.label(name)), methods) as found:
            made = table.preset(name, config)
            found.update(_rows(table, dataset, made, table.place(data, name, config), result_settings(config), Shard()))
            presets[table.label(name)] = made
    for teacher in table.settings["students"]:
        label = f"SegNet from {teacher}"
        with _reported(table, data, Method(f"segnet_{teacher}", label, teacher=teacher), methods) as found:
            made, settings = train_student(table, data, dataset, teacher)
            folder = table.place(data, f"segnet_{teacher}", settings)
            found.update(_rows(table, dataset, made, folder, settings, HELD_OUT))
            presets[label] = made
    return methods, presets


@contextlib.contextmanager
def _reported(table: TablePlan, data: str, method: Method, methods: list[Method]) -> Iterator[dict[str, Any]]:
    """Add ``method`` with the rows that the block finds; one that fails does not lose the others."""
    say(f"{data}: {method.label} ...")
    set_threads(table.settings["threads"])
    begun = time.perf_counter()
    found: dict[str, Any] = {}
    failure = None
    try:
        yield found
    except Exception as error:
        failure = sentence(error)
        say(f"{data}: {method.label} failed: {failure}")
    else:
        say(f"{data}: {method.label}, {len(found)} pictures, {time.perf_counter() - begun:.1f} s")
    methods.append(Method(method.name, method.label, found, method.teacher, failure))


def _rows(
    table: TablePlan, dataset: Dataset, made: Preset, folder: Path, settings: Mapping[str, Any], shard: Shard
) -> dict[str, Any]:
    """The rows of a run, with the curves of F that its result leaves out."""
    result = run(
        dataset,
        made,
        folder=folder,
        settings=settings,
        size=table.settings["size"],
        batch_size=table.settings["batch_size"],
        ignore_rule=table.settings["ignore_rule"],
        write_pictures=False,
        title=f"{made.name} on {folder.parent.name}",
        shard=shard,
        skip_finished=table.settings["skip_finished"],
    )
    for failure in result.failures:
        say(f"left out: {failure}")
    names = {row["name"] for row in result.rows}
    events = read_events(folder / "metrics.jsonl")
    return {row["name"]: row for row in events if row["event"] == "picture" and row["name"] in names}


def _sheet(table: TablePlan, dataset: Dataset, among: range, presets: Mapping[str, Preset]) -> Image:
    """A row per photograph: itself, the truth and what each method found."""
    count = min(table.settings["photographs"], len(among))
    rows = []
    for index in [among[(2 * i + 1) * len(among) // (2 * count)] for i in range(count)]:
        sample = dataset[index]
        masks = [segment(sample.image, each, size=table.settings["size"]).mask for each in presets.values()]
        height, width = sample.image.shape[2:]
        size = (_SHOWN, max(1, round(width * _SHOWN / height)))  # before the outlines are drawn, so that they are fine
        image = resize(sample.image, size, mode="bicubic")
        shown = [resize((mask > 0.5).to(image), size) for mask in (sample.truth, *masks)]
        rows.append([image, *(overlay(image, mask) for mask in shown)])
    return contact_sheet(rows, labels=["Photograph", "Truth", *presets], height=_SHOWN, margin=8)


def _best(comparisons: list[Comparison]) -> float:
    lines = [line for each in comparisons for line in (*each.whole, *each.apart)]
    return max((line.means["iou_oracle"] for line in lines), default=0.0)
