"""A SegNet for a table: trained on a teacher's masks of every other picture, to be measured on the rest."""

import functools
import shutil
from typing import Any

from iem.interfaces import Dataset
from iem.presets import Preset
from iem.runner.application import say
from iem.runner.claims import claim
from iem.runner.naming import result_settings
from iem.runner.settings import describe
from iem.runner.shards import Shard
from iem.runner.table_plan import TablePlan
from iem.runner.threads import set_threads, usable_cores
from iem.segmentation import segment
from iem.segnet import Epoch, SegNet, learners, study, teach

#: Pictures of even index are learned from, those of odd index held out.
HELD_OUT = Shard(1, 2)


def train_student(table: TablePlan, data: str, dataset: Dataset, teacher: str) -> tuple[Preset, dict[str, Any]]:
    """A network trained on a teacher's masks of the pictures that are not held out, as a preset, and its settings.

    What an earlier call finished is not done again; one that was killed goes on.

    Args:
        table: says where and how.
        data: name of the data set.
        dataset: its pictures; no truth is looked at.
        teacher: name of a preset.
    """
    settings = table.settings
    taught_by = table.preset(teacher, table.compose(teacher, data))
    shown = {"preset": describe(taught_by), "size": settings["size"]}
    recipe = {key: settings[key] for key in ("segnet", "train_size", "seed")}
    folder = table.place(data, f"training_{teacher}", {"dataset": table.dataset(data), **shown, **recipe})
    path = folder / "segnet.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    threads = settings["training_threads"]
    with claim(folder / "run.lock"):
        if not settings["skip_finished"]:
            shutil.rmtree(folder / "training", ignore_errors=True)
        if not settings["skip_finished"] or not path.exists() or not path.with_suffix(".json").exists():
            learned, _ = learners(len(dataset), "half")
            ask = functools.partial(segment, preset=taught_by, size=settings["size"])
            shared = {"size": settings["train_size"], "batch_size": settings["batch_size"]}
            # The search gains nothing from more threads; what is made here, the study finds.
            teach(dataset, learned, ask, folder=folder / "teacher", settings=shown, **shared)
            set_threads(usable_cores() if threads == "auto" else threads)
            study(
                dataset,
                learned,
                ask,
                table.parts.make(settings["segnet"], "segnet"),
                folder=folder,
                teacher_settings=shown,
                seed=settings["seed"],
                on_epoch=_tell,
                **shared,
            )
    config = table.compose("segnet", data)
    config.initialiser.checkpoint, config.initialiser.sha256 = str(path), SegNet(path).sha256
    config.shard.index, config.shard.count = HELD_OUT.index, HELD_OUT.count
    found = result_settings(config)
    found["initialiser"].pop("checkpoint")  # its checksum says which it is, wherever it lies
    return table.preset(f"segnet_{teacher}", config), found


def _tell(epoch: Epoch) -> None:
    if epoch.epoch % 10 == 0:
        say(f"  epoch {epoch.epoch} of at most {epoch.epochs}: agreement with the teacher {epoch.agreement:.3f}")
