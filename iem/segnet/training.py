"""A network learns its teacher's masks, and stops when it agrees no better on others of them."""

import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from iem.images import ImageError, remove_stale
from iem.segnet.lessons import Lessons
from iem.segnet.prediction import predict
from iem.segnet.recipe import Devices, Epoch, Recipe, Trained
from iem.segnet.unet import UNet

OnEpoch = Callable[[Epoch], None]


def train(
    lessons: Lessons,
    recipe: Recipe | None = None,
    *,
    folder: Path,
    seed: int = 0,
    devices: Devices | None = None,
    on_epoch: OnEpoch | None = None,
) -> list[Trained]:
    """Train a network on masks, in one or several rounds.

    After every epoch all is saved under ``folder``, atomically: a training that was killed at any moment goes on where
    it stood, and ends as if nothing had happened. What comes out depends on the lessons, the recipe, the seed, the
    versions of the packages and the kind of device alone.

    A later round learns all pictures again from the masks that the network before it makes of them: whatever the
    teacher got wrong now and then, but not always, has a chance to be outvoted by what it mostly got right.

    Args:
        lessons: pictures and the teacher's masks.
        recipe: how; None for the defaults.
        folder: of this training alone.
        seed: of the first weights, the order of the pictures and their views.
        devices: where; None for one CPU.
        on_epoch: called after every epoch.

    Returns:
        One entry per round.

    Raises:
        ImportError: the extra ``segnet`` is not installed.
        ValueError: too few pictures, a folder of another training, or devices that are not there.
    """
    recipe, devices = recipe or Recipe(), devices or Devices()
    done: list[Trained] = []
    for number in range(1, recipe.rounds + 1):
        if done:
            lessons = _relabelled(lessons, done[-1].network)
        place = folder / f"round-{number}"
        done.append(_train_once(lessons, recipe, place, f"{seed} {number}", devices, number, on_epoch))
    return done


def _train_once(
    lessons: Lessons,
    recipe: Recipe,
    folder: Path,
    seed: str,
    devices: Devices,
    number: int,
    on_epoch: OnEpoch | None,
) -> Trained:
    chosen = recipe.confidence(lessons)
    learned, kept_back = _split(chosen, recipe.held_back)
    described = json.dumps({**asdict(recipe), "epochs": recipe.epochs, "rounds": 1, "seed": seed}, sort_keys=True)
    identity = hashlib.sha256(f"{described} {lessons.fingerprint}".encode()).hexdigest()
    student_class, trainer_class, saving = _lightning()
    student = student_class(
        lessons[learned],
        lessons[kept_back],
        recipe,
        seed=_number(seed),
        identity=identity,
        number=number,
        on_epoch=on_epoch,
    )
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale(folder)
    last = folder / "last.ckpt"
    with _quiet():
        try:
            trainer = trainer_class(
                accelerator=devices.accelerator,
                devices=devices.devices,
                strategy=devices.strategy,
                num_nodes=devices.nodes,
                precision=devices.precision,
                max_epochs=recipe.epochs,
                gradient_clip_val=1.0,
                reload_dataloaders_every_n_epochs=1,
                default_root_dir=folder,
                **saving(folder),
            )
        except Exception as error:  # Lightning has many kinds; its sentences say what is missing
            raise ValueError(f"devices: {' '.join(str(error).split())}; see the settings devices.*") from error
        if last.exists():
            _read(last)
        trainer.fit(student, ckpt_path=last if last.exists() else None, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    # From the disk, since with several processes another one may have trained; a finished one left it there, too.
    end = _read(last)["iem_student"]
    history, best = end["history"], end["best_epoch"]
    network = UNet(recipe.width, recipe.levels)
    network.load_state_dict(end["best"])
    return Trained(
        network=network.eval(),
        best_epoch=best,
        agreement=history[best - 1]["agreement"],
        learned_from=lessons[learned].names,
        held_back=lessons[kept_back].names,
        history=tuple(history),
    )


def _split(chosen: list[int], part: float) -> tuple[list[int], list[int]]:
    """What to learn from and what to hold back: evenly spaced, the same for every round and every resumption."""
    count = max(1, min(4, len(chosen) // 4), round(part * len(chosen)))
    if count >= len(chosen):
        raise ValueError(
            f"lessons: expected at least 2 pictures with believable masks, got {len(chosen)}; "
            "give more pictures, or raise confidence.keep"
        )
    held_back = {(2 * i + 1) * len(chosen) // (2 * count) for i in range(count)}
    return (
        [index for i, index in enumerate(chosen) if i not in held_back],
        [index for i, index in enumerate(chosen) if i in held_back],
    )


def _relabelled(lessons: Lessons, network: UNet) -> Lessons:
    """The same pictures with the network's masks; a mask's score is how sure the network is of it."""
    masks = predict(network, lessons.images)
    soft = masks.double() / 255
    sure = (2 * soft - 1).abs().flatten(1).mean(1)
    return replace(lessons, masks=masks, scores=sure, usable=torch.ones(len(lessons), dtype=torch.bool))


def _number(seed: str) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big")


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ImageError(path, "the saved state of the training cannot be read; remove it to start anew") from error
    return found


def _lightning() -> tuple[Any, Any, Callable[[Path], dict[str, Any]]]:
    """Lightning is slow to import and an extra: it is asked for here, and here alone."""
    try:
        from lightning.pytorch import Trainer
    except ImportError as error:
        raise ImportError(
            'training: expected the package lightning, which is not installed; pip install "iem[segnet]"'
        ) from error
    from iem.segnet.saving import saving
    from iem.segnet.student import Student

    return Student, Trainer, saving


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's advice on loggers, data loaders and its own products, kept from people who train a small network."""
    names = ("lightning.pytorch", "lightning.fabric", "lightning.pytorch.utilities.rank_zero")
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            warnings.filterwarnings("ignore", message=".*LeafSpec.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
