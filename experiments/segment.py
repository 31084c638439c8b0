"""Segment a labelled dataset: ``python experiments/segment.py experiment=quickstart``."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import hydra
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from iem.presets import Preset
from iem.runner.run import run
from iem.runner.settings import fingerprint
from iem.runner.table import table


def _settings(config: Any) -> dict[str, Any]:
    own = {key: value for key, value in config.items_ex(resolve=False) if key not in ("hydra", "experiment")}
    return OmegaConf.to_container(OmegaConf.create(own), resolve=True)  # type: ignore[return-value]


OmegaConf.register_new_resolver("fingerprint", lambda *, _root_: fingerprint(_settings(_root_))[:12], replace=True)


@hydra.main(version_base="1.3", config_path="../conf", config_name="segment")
def main(config: DictConfig) -> float:
    """One run; the mean IoU with oracle polarity is what sweeps optimise."""
    if config.threads:
        torch.set_num_threads(config.threads)
    make = partial(instantiate, _convert_="all")  # else Hydra turns nested dataclasses back into configuration
    choices = HydraConfig.get().runtime.choices
    preset = Preset(
        name=choices["preset"],
        initialiser=make(config.initialiser),
        objective=make(config.objective),
        optimiser=make(config.optimiser),
        max_steps=config.max_steps,
        refiner=make(config.refiner) if config.refiner else None,
    )
    result = run(
        make(config.dataset),
        preset,
        folder=Path(HydraConfig.get().runtime.output_dir),
        settings=_settings(config),
        size=config.size,
        batch_size=config.batch_size,
        ignore_rule=config.ignore_rule,
        write_pictures=config.write_pictures,
        title=config.title,
        on_row=lambda row, count: print(f"{row['name']}: {row['status']}, {row['steps']} steps", file=sys.stderr),
    )
    print(table(result.rows, result.means))
    if result.kept:
        print(f"{result.kept} kept from an earlier run; remove its folder to segment them anew", file=sys.stderr)
    for failure in result.failures:
        print(f"left out: {failure}", file=sys.stderr)
    print(f"report: {result.report}")
    return result.means["iou_oracle"]


if __name__ == "__main__":
    main()
