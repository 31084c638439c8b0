"""A DDPM as it lies on the hub, but with a few thousand random weights."""

from pathlib import Path
from typing import Any

import diffusers
from references.tiny_diffusion import seeded, silent

from iem.inpainters import RePaint


def tiny_ddpm(folder: Path, *, flat: bool = True, seed: int = 0, **settings: Any) -> Path:
    """As ``google/ddpm-celebahq-256``: weights and scheduler side by side; else in ``unet/`` and ``scheduler/``."""
    with seeded(seed), silent():
        unet = diffusers.UNet2DModel(
            **{
                "sample_size": 32,
                "in_channels": 3,
                "out_channels": 3,
                "block_out_channels": (8, 16),
                "layers_per_block": 1,
                "norm_num_groups": 4,
                "attention_head_dim": 4,
                "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
                "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
                **settings,
            }
        )
        unet.save_pretrained(folder if flat else folder / "unet")
        diffusers.DDPMScheduler().save_pretrained(folder if flat else folder / "scheduler")
    return folder


def tiny_repaint(folder: Path, **settings: object) -> RePaint:
    """Two steps without jumps at 32 pixels, unless told else."""
    weights = folder / "ddpm"
    if not weights.exists():
        tiny_ddpm(weights)
    return RePaint(weights, **{"steps": 2, "size": 32, **settings})
