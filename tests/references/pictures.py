"""Random pictures and masks, always the same for the same seed."""

import torch
from torch.nn import functional


def noise(seed: int, *shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Uniform in [0, 1)."""
    return torch.rand(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def smooth(seed: int, *shape: int, scale: int = 6, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Blobs of about ``scale`` pixels with a little grain, in [0, 1]: moves a mask about more than noise does."""
    *batch, height, width = shape
    coarse = noise(seed, *batch, height // scale + 2, width // scale + 2)
    blobs = functional.interpolate(coarse, size=(height, width), mode="bicubic", align_corners=False)
    return (blobs + 0.05 * noise(seed + 1, *shape)).clamp(0, 1).to(dtype)


def soft_mask(seed: int, batch: int, regions: int, *size: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Values away from 0 and 1; two or more regions sum to one."""
    mask = 0.1 + 0.8 * noise(seed, batch, regions, *size)
    return (mask / mask.sum(1, keepdim=True) if regions > 1 else mask).to(dtype)


def hard_mask(seed: int, batch: int, *size: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """A few blobs, 0 or 1, neither empty nor full; some pixels are out of any blur's reach at sizes above 40."""
    return (smooth(seed, batch, 1, *size, scale=min(size)) > 0.5).to(dtype)
