"""The network as Lightning's Trainer sees it. Needs the extra ``segnet``."""

import copy
import hashlib
import math
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.utils.data import DataLoader

from iem.segnet.lessons import Lessons
from iem.segnet.loss import robust_loss
from iem.segnet.prediction import predict
from iem.segnet.recipe import Epoch, Recipe
from iem.segnet.unet import UNet

_WARM_UP = 0.05  #: part of the steps
STATE = "iem_student"  #: where a checkpoint keeps what is not Lightning's


class Student(LightningModule):
    """A network, the moving average of its weights, and how well that agrees with masks that were held back.

    Whatever chance decides is drawn from the seed, the epoch and the step, never from a stream that an interruption
    would break. After every epoch the agreement is measured by every process for itself, so that all stop together.

    Args:
        lessons: to learn from.
        held_back: to measure agreement on.
        recipe: how.
        seed: of the first weights, the order and the views.
        identity: of this training; the checkpoint of another one is refused.
        number: of the round, for ``on_epoch``.
        on_epoch: called after every epoch.
    """

    def __init__(
        self,
        lessons: Lessons,
        held_back: Lessons,
        recipe: Recipe,
        *,
        seed: int,
        identity: str,
        number: int = 1,
        on_epoch: Callable[[Epoch], None] | None = None,
    ) -> None:
        super().__init__()
        self._lessons, self._held_back, self._recipe = lessons, held_back, recipe
        self._seed, self._identity, self._number, self._on_epoch = seed, identity, number, on_epoch
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = UNet(recipe.width, recipe.levels)
        # Channels last: a third faster on processors, at 128 x 128.
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.network).requires_grad_(False)
        self.best: dict[str, Tensor] = {}
        self.history: list[dict[str, float]] = []
        self._losses: list[Tensor] = []

    @property
    def best_epoch(self) -> int:
        """The last of the epochs whose agreement is as good as the largest, counted from 1; 0 before the first."""
        agreements = [epoch["agreement"] for epoch in self.history]
        good = max(agreements, default=0.0) - self._recipe.tolerance
        return max((i for i, agreement in enumerate(agreements, start=1) if agreement >= good), default=0)

    @property
    def has_finished(self) -> bool:
        """Whether no epoch has been as good as the best one for as long as the recipe allows."""
        return len(self.history) - self.best_epoch >= self._recipe.patience

    def configure_optimizers(self) -> Any:
        """AdamW, its rate rising and then falling with every step."""
        optimiser = torch.optim.AdamW(self.network.parameters(), lr=self._recipe.rate, weight_decay=self._recipe.decay)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def train_dataloader(self) -> DataLoader[Any]:
        """This epoch's order of the pictures; the Trainer asks anew every epoch."""
        order = torch.randperm(len(self._lessons), generator=self._chance("order")).tolist()
        return DataLoader(
            order,  # type: ignore[arg-type]
            batch_size=self._recipe.batch_size,
        )

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """The loss of one batch of indices."""
        rows = batch.cpu()
        image = self._lessons.images[rows].to(self.device).float() / 255
        mask = self._lessons.masks[rows].to(self.device).float() / 255
        image, mask = self._recipe.augmentation(image, mask, self._chance(f"{batch_idx} {self.global_rank}"))
        loss = robust_loss(
            self.network(image.contiguous(memory_format=torch.channels_last)), mask, doubt=self._recipe.doubt
        ).mean()
        self._losses.append(loss.detach())
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """The average follows the weights, slowly once there is something to average."""
        keep = min(self._recipe.average, (1 + self.global_step) / (10 + self.global_step))
        with torch.no_grad():
            for mean, new in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(new, 1 - keep)

    def on_train_start(self) -> None:
        """A training that was interrupted after its last epoch has nothing left to do."""
        self.trainer.should_stop = self.has_finished

    def on_train_epoch_end(self) -> None:
        """Measure, remember, and stop if it is time."""
        found = predict(self.averaged, self._held_back.images, batch_size=self._recipe.batch_size, mirror=False)
        agreement = float(_agreement(found > 127, self._held_back.masks > 127).mean())
        loss = float(torch.stack(self._losses).mean()) if self._losses else math.nan
        self._losses.clear()
        self.history.append({"epoch": self.current_epoch + 1, "loss": loss, "agreement": agreement})
        if self.best_epoch == len(self.history):
            self.best = {name: value.detach().cpu().clone() for name, value in self.averaged.state_dict().items()}
        self.trainer.should_stop = self.has_finished
        if self._on_epoch is not None and self.trainer.is_global_zero:
            best = max(epoch["agreement"] for epoch in self.history)
            self._on_epoch(Epoch(self._number, len(self.history), self._recipe.epochs, loss, agreement, best))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """What the weights alone do not say."""
        kept = {"best": self.best, "best_epoch": self.best_epoch, "history": self.history}
        checkpoint[STATE] = {"identity": self._identity, **kept}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from there.

        Raises:
            ValueError: it belongs to another training.
        """
        kept = checkpoint.get(STATE, {})
        if kept.get("identity") != self._identity:
            raise ValueError(
                "folder: it holds a training on other pictures, masks or settings; choose another folder or remove it"
            )
        self.best, self.history = kept["best"], kept["history"]

    def _chance(self, purpose: str) -> torch.Generator:
        digest = hashlib.sha256(f"{self._seed} {self.current_epoch} {purpose}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def _rate(step: int, steps: int) -> float:
    """Part of the largest rate at a step."""
    rise = max(1, round(_WARM_UP * steps))
    fall = 0.5 + 0.5 * math.cos(math.pi * min(1.0, step / max(1, steps)))
    return min(1.0, (step + 1) / rise) * fall


def _agreement(mask: Tensor, other: Tensor) -> Tensor:
    """IoU of each picture's two masks; 1 if both are empty."""
    union = (mask | other).flatten(1).sum(1)
    return torch.where(union > 0, (mask & other).flatten(1).sum(1) / union.clamp_min(1), 1.0)
