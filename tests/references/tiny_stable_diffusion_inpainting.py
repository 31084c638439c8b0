"""Stable Diffusion for inpainting, with a few thousand random weights."""

from pathlib import Path

from references.tiny_diffusion import tiny_stable_diffusion

from iem.inpainters import StableDiffusion


def tiny_stable_diffusion_inpainting(folder: Path, *, channels: int = 9, **settings: object) -> StableDiffusion:
    """Read from a folder like the published one; 4 ``channels`` for plain Stable Diffusion. Two steps at 32 pixels."""
    weights = folder / f"stable_diffusion_{channels}"
    if not weights.exists():
        tiny_stable_diffusion(weights, channels=channels)
    return StableDiffusion(weights, **{"steps": 2, "size": 32, **settings})
