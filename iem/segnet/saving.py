"""How Lightning saves a training: after every epoch, whole or not at all. Needs the extra ``segnet``."""

from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import ModelCheckpoint

from iem.images import atomic_file


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoints that have reached the disk before they take the place of the one before."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Write one file.

        Raises:
            ImageError: no space or no permission; the earlier file is untouched.
        """
        with atomic_file(path) as file:
            torch.save(checkpoint, file)


def saving(folder: Path) -> dict[str, Any]:
    """Arguments of the Trainer that keep ``folder/last.ckpt`` up to date and everything else from the disk."""
    keep = ModelCheckpoint(
        dirpath=folder,
        filename="last",
        save_top_k=1,
        every_n_epochs=1,
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    return {"callbacks": [keep], "plugins": [AtomicCheckpointIO()], **quiet}
