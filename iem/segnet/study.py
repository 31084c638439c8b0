"""From a data set to a checkpoint: the teacher's masks, the training, the files. No ground truth comes in here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from iem.checks import check_choice
from iem.interfaces import Dataset
from iem.segnet.checkpoint import Checkpoint, save_checkpoint
from iem.segnet.lessons import Teacher, teach
from iem.segnet.recipe import Devices, Recipe
from iem.segnet.training import OnEpoch, train

Split = Literal["half", "none"]
_PACKAGES = ("iem", "torch", "lightning", "safetensors")


def learners(count: int, split: Split) -> tuple[range, range]:
    """Which pictures of a data set to learn from, and which are left to measure on.

    Args:
        count: of pictures.
        split: "half" learns from those with even indices; "none" from all, and leaves none.

    >>> learners(5, "half")
    (range(0, 5, 2), range(1, 5, 2))
    """
    check_choice(split, "split", ("half", "none"))
    return (range(0, count, 2), range(1, count, 2)) if split == "half" else (range(count), range(0))


def study(
    dataset: Dataset,
    indices: Sequence[int],
    teacher: Teacher,
    recipe: Recipe | None = None,
    *,
    folder: Path,
    teacher_settings: Mapping[str, Any],
    size: int = 128,
    seed: int = 0,
    batch_size: int = 8,
    devices: Devices | None = None,
    licence: str = "unspecified",
    about: Mapping[str, Any] | None = None,
    on_picture: Callable[[str, int], None] | None = None,
    on_epoch: OnEpoch | None = None,
) -> Checkpoint:
    """Let a teacher segment pictures, train a network on its masks, and write it down.

    Under ``folder``: ``teacher/`` with the masks, ``training/`` with the state to resume from, ``segnet.safetensors``
    and its card ``segnet.json``. The same call continues one that was killed.

    Args:
        dataset: pictures; their truth is not looked at.
        indices: which of them to learn from.
        teacher: see ``teach``.
        recipe: how to train; None for the defaults.
        folder: of this study alone.
        teacher_settings: plain containers that say how the teacher works, for the cache and the card.
        size: side of the squares to train on, in pixels.
        seed: see ``train``.
        batch_size: pictures that the teacher gets together.
        devices: where to train; None for one CPU.
        licence: of the weights, for the card.
        about: more for the card.
        on_picture: see ``teach``.
        on_epoch: see ``train``.

    Raises:
        ImportError: the extra ``segnet`` is not installed.
        ImageError: a picture cannot be read, or a file not be written.
        ValueError: too few pictures, a folder of another training, or devices that are not there.
    """
    recipe = recipe or Recipe()
    lessons = teach(
        dataset,
        indices,
        teacher,
        folder=folder / "teacher",
        settings=teacher_settings,
        size=size,
        batch_size=batch_size,
        on_picture=on_picture,
    )
    rounds = train(lessons, recipe, folder=folder / "training", seed=seed, devices=devices, on_epoch=on_epoch)
    card = {
        "licence": licence,
        "task": "foreground mask of a photograph; trained without labels on masks that maximise an IEM objective",
        "teacher": dict(teacher_settings),
        "recipe": asdict(recipe),
        "seed": seed,
        "data": {"pictures": len(lessons), "sha256": lessons.fingerprint, "names": list(lessons.names)},
        "rounds": [
            {
                "epochs": len(done.history),
                "best_epoch": done.best_epoch,
                "agreement": done.agreement,
                "learned_from": len(done.learned_from),
                "held_back": list(done.held_back),
                "history": [dict(epoch) for epoch in done.history],
            }
            for done in rounds
        ],
        "agreement": rounds[-1].agreement,
        "versions": {name: _version(name) for name in _PACKAGES},
        **(about or {}),
    }
    path = folder / "segnet.safetensors"
    return save_checkpoint(path, rounds[-1].network, size=size, threshold=recipe.threshold, card=card)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
