"""Painters that need weights, with tiny random ones that went through the same files."""

from pathlib import Path

import numpy as np
import torch
from references.tiny_diffusion import tiny_control, tiny_stable_diffusion

from iem.inpainters import ControlNet, DeepFill
from iem.inpainters.deepfill import DeepFillNetwork, to_published


def tiny_deepfill(folder: Path, *, convention: str = "pytorch", width: int = 8, **settings: object) -> DeepFill:
    """DeepFillv2 of a tenth of the weights, read from a file like the published one; what it paints varies in space."""
    path = folder / f"deepfill_{convention}_{width}.pth"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        names = {name: tuple(value.shape) for name, value in published_weights(convention, width).items()}
        torch.save({"G": random_weights(names), "n_iter": 1}, path)
    return DeepFill(path, **settings)


def published_weights(convention: str, width: int) -> dict[str, torch.Tensor]:
    """Zeros, or what the constructor draws, under the published names."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return to_published(DeepFillNetwork(width, convention))


def random_weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Weights by name and shape alone, the same with every version of PyTorch, strong enough to reach -1 and 1."""
    draw = np.random.RandomState(0)
    found = {}
    for name in sorted(shapes):
        shape = shapes[name]
        if name.endswith("fuse_weight"):
            found[name] = torch.eye(3)[None, None]
            continue
        scale = 2.5 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
        found[name] = torch.from_numpy((draw.standard_normal(shape) * scale).astype(np.float32))
    return found


def tiny_controlnet(folder: Path, **settings: object) -> ControlNet:
    """Stable Diffusion and its ControlNet of a few thousand weights each; two steps at 32 pixels unless told else."""
    base, control = folder / "stable_diffusion", folder / "control"
    if not base.exists():
        tiny_stable_diffusion(base)
        tiny_control(control)
    return ControlNet(base, control, **{"steps": 2, "size": 32, "mask_blur": 1.0, **settings})
