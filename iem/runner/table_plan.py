"""What the methods of a table share: data sets, settings, and the folders of their runs."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from iem.interfaces import Dataset
from iem.presets import Preset
from iem.runner.experiment import preset
from iem.runner.naming import short_fingerprint, task_settings
from iem.runner.schema.command import understand
from iem.runner.schema.parts import Parts
from iem.runner.settings import fingerprint


@dataclass(frozen=True)
class TablePlan:
    """What all methods of a table share.

    Attributes:
        settings: of ``conf/table.yaml``, plain containers.
        conf: the folder of the configuration.
        folder: of the table.
        parts: makes data sets and parts of presets.
    """

    settings: Mapping[str, Any]
    conf: Path
    folder: Path
    parts: Parts

    def label(self, name: str) -> str:
        """What the table calls a preset."""
        return str(self.settings["labels"].get(name, name))

    def place(self, data: str, name: str, settings: DictConfig | Mapping[str, Any]) -> Path:
        """The folder of a run with these settings."""
        digits = short_fingerprint(settings) if isinstance(settings, DictConfig) else fingerprint(settings)[:12]
        return self.folder / "runs" / data / f"{name}-{digits}"

    def dataset(self, data: str) -> dict[str, Any]:
        """The settings of a data set."""
        given = self.settings["data"][data]
        root = {"_target_": "iem.datasets.ImageMaskFolder", "root": given, "size": self.settings["size"]}
        return root if isinstance(given, str) else dict(given)

    def open(self, data: str) -> Dataset:
        """A data set, opened once."""
        opened: Dataset = self.parts.make(self.dataset(data), f"data.{data}")
        return opened

    def compose(self, name: str, data: str) -> DictConfig:
        """The settings of ``experiments/segment.py`` with a preset and a data set."""
        shared = [f"{key}={self.settings[key]}" for key in ("size", "batch_size", "ignore_rule", "seed")]
        with _composing():
            command = understand(
                [f"preset={name}", *shared], folder=self.conf, name="segment", multirun=False, extra=None
            )
        config = next(iter(command.jobs)).config
        OmegaConf.set_struct(config, False)
        config.dataset = self.dataset(data)
        return config

    def preset(self, name: str, config: DictConfig) -> Preset:
        """The preset of composed settings."""
        return preset(task_settings(config), name, self.parts)


@contextlib.contextmanager
def _composing() -> Iterator[None]:
    """In this block configurations can be composed, although Hydra runs a job and has but one place for its loader."""
    hydra = GlobalHydra.instance()
    running, hydra.hydra = hydra.hydra, None
    try:
        yield
    finally:
        hydra.hydra = running
