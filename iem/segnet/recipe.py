"""How to train: settings, and what comes out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from iem.checks import check_choice, check_number
from iem.segnet.augmentation import Augmentation
from iem.segnet.confidence import Confidence
from iem.segnet.unet import UNet


@final
@dataclass(frozen=True)
class Recipe:
    """How to train.

    The recipe of the paper's "IEM + SegNet" is not public. This one is ours, chosen by looking at the IoU of
    development pictures; the training itself never sees a ground truth.

    Args:
        width: see ``UNet``.
        levels: see ``UNet``.
        epochs: at most, in each round.
        batch_size: pictures per step.
        rate: largest learning rate; it rises for the first twentieth of the steps, then falls along a cosine to 0.
        decay: weight decay of AdamW.
        average: decay per step of the moving average of the weights, which is what comes out.
        doubt: how little to insist on what the network contradicts, see ``iem.segnet.loss``.
        held_back: part of the pictures that is not trained on, but at least 4 of 16 and more; agreement with the
            teacher's masks of these decides when to stop and which weights to keep.
        tolerance: how much less an agreement may be than the largest to count as good as that. The last such epoch is
            taken: a few masks held back, which are wrong here and there themselves, tell no smaller differences, and
            the later weights are the more settled ones.
        patience: epochs in a row without an agreement as good as the largest after which training stops.
        rounds: trainings one after the other; from the second on, the masks are those of the network before.
        threshold: what the network must say for a pixel to be foreground, see ``SegNet``; goes with the checkpoint.
        augmentation: other views of the pictures.
        confidence: which masks to learn from, in every round.

    >>> Recipe(epochs=0)
    Traceback (most recent call last):
    ...
    ValueError: epochs: expected a whole number of at least 1, got 0
    """

    width: int = 16
    levels: int = 4
    epochs: int = 50
    batch_size: int = 8
    rate: float = 2e-3
    decay: float = 1e-2
    average: float = 0.99
    doubt: float = 0.7
    held_back: float = 0.05
    tolerance: float = 0.02
    patience: int = 10
    rounds: int = 1
    threshold: float = 0.7
    augmentation: Augmentation = field(default_factory=Augmentation)
    confidence: Confidence = field(default_factory=Confidence)

    def __post_init__(self) -> None:
        for name in ("width", "epochs", "batch_size", "patience", "rounds"):
            check_number(getattr(self, name), name, low=1, integer=True)
        check_number(self.levels, "levels", low=1, high=8, integer=True)
        check_number(self.rate, "rate", low=1e-8, high=1)
        check_number(self.decay, "decay", low=0, high=1)
        check_number(self.average, "average", low=0, high=0.9999)
        check_number(self.tolerance, "tolerance", low=0, high=1)
        check_number(self.doubt, "doubt", low=0.01, high=1)
        check_number(self.threshold, "threshold", low=0.01, high=0.99)
        check_number(self.held_back, "held_back", low=0.01, high=0.9)


@final
@dataclass(frozen=True)
class Devices:
    """Where to train; the words are those of Lightning's Trainer.

    Args:
        accelerator: "auto", "cpu", "gpu" or "mps".
        devices: how many of each machine, or "auto" for all.
        strategy: how several work together: "auto", "ddp", "ddp_spawn".
        nodes: how many machines.
        precision: "32-true", "bf16-mixed" or "16-mixed".

    >>> Devices(precision="8")
    Traceback (most recent call last):
    ...
    ValueError: precision: expected one of 32-true, bf16-mixed, 16-mixed, got '8'
    """

    accelerator: str = "cpu"
    devices: int | str = 1
    strategy: str = "auto"
    nodes: int = 1
    precision: str = "32-true"

    def __post_init__(self) -> None:
        check_choice(self.accelerator, "accelerator", ("auto", "cpu", "gpu", "mps"))
        check_choice(self.strategy, "strategy", ("auto", "ddp", "ddp_spawn"))
        check_choice(self.precision, "precision", ("32-true", "bf16-mixed", "16-mixed"))
        check_number(self.nodes, "nodes", low=1, integer=True)
        if self.devices != "auto":
            check_number(self.devices, "devices", low=1, integer=True)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Epoch:
    """How far a training is.

    Attributes:
        round: from 1.
        epoch: finished ones of this round.
        epochs: at most.
        loss: mean over the epoch's steps.
        agreement: mean IoU with the teacher's masks of the pictures held back.
        best: the largest agreement so far.
    """

    round: int
    epoch: int
    epochs: int
    loss: float
    agreement: float
    best: float


@dataclass(frozen=True)
class Trained:
    """What came out of a training.

    Attributes:
        network: with the averaged weights of the best epoch, on the CPU, ready to be asked.
        best_epoch: the one whose weights these are, from 1.
        agreement: mean IoU of that epoch with the teacher's masks of the pictures held back.
        learned_from: names of the pictures trained on.
        held_back: names of those that agreement was measured on.
        history: an entry per epoch: epoch, loss, agreement.
    """

    network: UNet
    best_epoch: int
    agreement: float
    learned_from: tuple[str, ...]
    held_back: tuple[str, ...]
    history: tuple[Mapping[str, float], ...]
