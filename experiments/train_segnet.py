"""Train a network on the masks of IEM: ``experiments/train_segnet.py dataset=image_mask_folder dataset.root=DIR``.

A teacher (``preset=best``, or another one) makes the masks, which are kept under the run's folder; the network learns
them, and no ground truth is looked at. Then, for the report alone, teacher and network are measured on the pictures
that were learned from and on the others. The same command continues a run that was interrupted.
"""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from iem.checks import check_choice, check_number
from iem.datasets.subset import evenly_spaced
from iem.images import write_image
from iem.interfaces import Dataset, Mask, Sample
from iem.runner.application import Application, start
from iem.runner.claims import claim
from iem.runner.experiment import identity, preset
from iem.runner.naming import result_settings, task_settings
from iem.runner.provenance import Provenance
from iem.runner.results import plain, read_json, write_json
from iem.runner.schema.command import Job
from iem.runner.schema.parts import Parts
from iem.runner.settings import describe
from iem.runner.threads import set_threads
from iem.runner.versions import versions
from iem.segmentation import segment
from iem.segnet import Epoch, Photographs, compare, learners, mean_rows, segnet_preset, study, teach, teacher_mask
from iem.visualise import contact_sheet

PARTS = ("features", "inpainter", "initialiser", "objective", "optimiser", "refiner", "tracker", "segnet", "devices")
METHODS = ("teacher", "network", "segnet")


def train_segnet(config: DictConfig, parts: Parts) -> float:
    """One training. Returns the agreement with the teacher on pictures held back, for a search to maximise."""
    hydra = HydraConfig.get()
    folder, settings, provenance = Path(hydra.runtime.output_dir), task_settings(config), Provenance()
    set_threads(config.threads)
    dataset = open_dataset(settings, parts)
    teacher = preset(settings, hydra.runtime.choices["preset"], parts)
    shown = {"preset": describe(teacher), "size": config.size}
    learned, others = learners(len(dataset), config.split)
    tracker = parts.make(settings["tracker"], "tracker")

    def on_epoch(epoch: Epoch) -> None:
        say(
            f"round {epoch.round}, epoch {epoch.epoch}/{epoch.epochs}: agreement {epoch.agreement:.4f}, "
            f"best {epoch.best:.4f}, loss {epoch.loss:.4f}"
        )
        if tracker is not None:
            step = (epoch.round - 1) * epoch.epochs + epoch.epoch
            tracker.log(step, {"train/agreement": epoch.agreement, "train/loss": epoch.loss}, axis="train/epoch")

    with exclusive(folder):
        claim_folder(folder, result_settings(config))
        if tracker is not None:
            tracker.start(replace(identity(settings, result_settings(config, settings), hydra), job_type="train"))
        kept = {"folder": folder / "teacher", "settings": shown, "batch_size": config.batch_size}
        ask = partial(segment, preset=teacher, size=config.size)
        checkpoint = study(
            dataset,
            learned,
            ask,
            parts.make(settings["segnet"], "segnet"),
            folder=folder,
            teacher_settings=shown,
            size=config.train_size,
            seed=config.seed,
            batch_size=config.batch_size,
            devices=parts.make(settings["devices"], "devices"),
            licence=config.licence,
            about={"split": config.split, "dataset": hydra.runtime.choices["dataset"]},
            on_picture=counter("teacher"),
            on_epoch=on_epoch,
        )
        if is_first_process():
            rows: dict[str, list[dict[str, Any]]] = {}
            if settings["photos"] is None:
                if others:
                    teach(dataset, others, ask, on_picture=counter("teacher, others"), **kept)
                rows = measure(dataset, {"learned": learned, "others": others}, folder, shown, config.ignore_rule)
            means = {part: mean_rows(found) for part, found in rows.items()}
            write_json(
                folder / "result.json",
                {
                    "means": means,
                    "rows": rows,
                    "agreement": checkpoint.card["agreement"],
                    "checkpoint": {"file": "segnet.safetensors", "sha256": checkpoint.sha256},
                    "settings": result_settings(config),
                    "versions": versions(),
                    "provenance": provenance.describe(settings, []),
                },
            )
            print_means(means)
            print(f"agreement with the teacher on pictures held back: {checkpoint.card['agreement']:.4f}")
            print(f"checkpoint: {folder / 'segnet.safetensors'}")
            if tracker is not None:
                numbers = {f"{part}/{key}": value for part, found in means.items() for key, value in found.items()}
                tracker.finish({"train/agreement": checkpoint.card["agreement"], **numbers})
    return float(checkpoint.card["agreement"])


def open_dataset(settings: dict[str, Any], parts: Parts) -> Dataset:
    """The labelled data set, or the folder of photographs that replaces it."""
    if settings["photos"] is not None:
        return Photographs(settings["photos"], size=4 * settings["size"])
    found: Dataset = parts.make(settings["dataset"], "dataset")
    return found


def measure(
    dataset: Dataset, halves: dict[str, range], folder: Path, shown: dict[str, Any], ignore_rule: Any
) -> dict[str, list[dict[str, Any]]]:
    """Teacher, network, and network with the refiner of ``preset=segnet``, against the truth; and some masks to see."""
    ours = segnet_preset(folder / "segnet.safetensors")
    network, refine = ours.initialiser, ours.refiner
    assert refine is not None

    def masks(sample: Sample) -> dict[str, Mask]:
        taught = teacher_mask(folder / "teacher", sample.name, sample.image, shown)
        if taught is None:
            raise ValueError(f"teacher: the mask of {sample.name} is gone; start the run again")
        said = network(sample.image)
        return {"teacher": taught, "network": said, "segnet": refine(sample.image, said)}

    rows = {
        part: compare(dataset, half, masks, ignore_rule=ignore_rule, on_picture=counter(f"measuring, {part}"))
        for part, half in halves.items()
        if half
    }
    shown_half = halves["others"] or halves["learned"]
    samples = [dataset[index] for index in evenly_spaced(shown_half, 8)]
    table = [[s.image, *(mask.expand(-1, 3, -1, -1) for mask in (*masks(s).values(), s.truth))] for s in samples]
    sheet = contact_sheet(table, labels=["picture", *METHODS, "truth"], height=128)
    write_image(folder / "masks.png", sheet)
    return rows


def print_means(means: dict[str, dict[str, float]]) -> None:
    """A line per method, per-image mean IoU; nothing where there is no truth."""
    if not means:
        return
    words = {"learned": "learned from", "others": "not learned from"}
    print(f"{'mean IoU':<10}" + "".join(f"{words[part] + ', ' + p:>26}" for part in means for p in ("fixed", "oracle")))
    for method in METHODS:
        values = [found[f"{method}/iou_{p}"] for found in means.values() for p in ("fixed", "oracle")]
        print(f"{method:<10}" + "".join(f"{value:>26.4f}" for value in values))


def claim_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Make the folder this run's, or find that it is."""
    path = folder / "settings.json"
    earlier = read_json(path)
    if earlier is None:
        write_json(path, settings)
    elif earlier != plain(settings):
        raise ValueError(f"folder: {folder} holds a run with other settings; choose another folder or remove it")


def exclusive(folder: Path) -> AbstractContextManager[None]:
    """One run at a time in a folder; the other processes of a training on several devices belong to the first."""
    if not is_first_process():
        return nullcontext()
    folder.mkdir(parents=True, exist_ok=True)
    return claim(folder / "run.lock", on_wait=lambda name: say(f"waiting for {name}, which works in {folder}"))


def is_first_process() -> bool:
    """Whether Lightning did not start this process as a helper of another."""
    return os.environ.get("LOCAL_RANK", "0") == "0" and os.environ.get("SLURM_PROCID", "0") == "0"


def counter(what: str) -> Callable[[str, int], None]:
    """Says how many pictures are done."""
    done = iter(range(1, sys.maxsize))
    return lambda name, count: say(f"{what}: {next(done)}/{count} {name}")


def say(text: str) -> None:
    """To stderr, once for all processes."""
    if is_first_process():
        print(text, file=sys.stderr, flush=True)


def check(job: Job, parts: Parts, given: tuple[str, ...], folder: Path) -> None:
    """Refuse settings that no training can have."""
    settings = task_settings(job.config)
    for key, low in {"size": 8, "train_size": 8, "batch_size": 1, "seed": 0, "max_steps": 1}.items():
        check_number(settings[key], key, low=low, integer=True)
    if settings["threads"] is not None:
        check_number(settings["threads"], "threads", low=1, integer=True)
    check_choice(settings["split"], "split", ("half", "none"))
    check_choice(settings["ignore_rule"], "ignore_rule", ("exclude", "background"))
    if not isinstance(settings["licence"], str):
        raise ValueError(f"licence: expected words, got {settings['licence']!r}; name the licence of the weights")
    for key in PARTS:
        parts.make(settings[key], key)
    preset(settings, str(job.choices["preset"]), parts)
    count = len(open_dataset(settings, parts))
    if count < 4:
        raise ValueError(f"dataset: expected at least 4 pictures to learn from and to hold back, got {count}")


def store() -> None:
    """No schema: the parts check their own settings, and ``check`` the others."""


APPLICATION = Application(
    task=train_segnet,
    folder=Path(__file__).resolve().parents[1] / "conf",
    name="train_segnet",
    store=store,
    check=check,
)

if __name__ == "__main__":
    sys.exit(start(APPLICATION))
