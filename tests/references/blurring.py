"""Normalised convolution by plain 2-D convolutions, and the objective for k regions made of it; autograd throughout."""

from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class PlainInpainter:
    """Predicts from the known pixels around; shows nothing of itself but what every inpainter must."""

    sigma: float = 5.0
    kernel_size: int = 11
    passes: int = 2
    scale_factor: int = 1
    far_field: str = "region_mean"
    differentiable: bool = True

    def blur(self, fields: torch.Tensor) -> torch.Tensor:
        position = torch.arange(self.kernel_size, dtype=fields.dtype) - self.kernel_size // 2
        taps = torch.exp(-(position**2) / (2 * self.sigma**2))
        taps = torch.outer(taps, taps) / taps.sum() ** 2
        kernel = taps.expand(fields.shape[1], 1, -1, -1)
        s = self.scale_factor
        small = functional.avg_pool2d(fields, s, ceil_mode=True, count_include_pad=False)
        for _ in range(self.passes):
            small = functional.conv2d(small, kernel, padding=self.kernel_size // 2, groups=fields.shape[1])
        large = small.repeat_interleave(s, dim=2).repeat_interleave(s, dim=3)
        return large[..., : fields.shape[2], : fields.shape[3]]

    def predict(self, image: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        above, below = image * known, known
        if self.far_field == "zero":
            return self.blur(above) / (self.blur(below) + 1e-8)
        above, below = (self.blur(part) + 1e-8 * part.sum((2, 3), keepdim=True) for part in (above, below))
        return above / below.clamp_min(torch.finfo(below.dtype).tiny)  # 0, not 0/0, where nothing is known at all

    def __call__(self, image: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        painted = image * (1 - hole) + self.predict(image, 1 - hole) * hole
        return torch.where(hole == 0, image, painted)


def inpainting_error(inpainter: PlainInpainter, x: torch.Tensor, regions: torch.Tensor) -> torch.Tensor:
    """``[b]``; written without compositing, so that its derivative exists at 0 and 1 too."""
    total = torch.zeros(len(x), dtype=x.dtype)
    for k in range(regions.shape[1]):
        region = regions[:, k : k + 1]
        error = (x - inpainter.predict(x, 1 - region)).abs().mean(1, keepdim=True)
        total = total + (region * error).sum((1, 2, 3)) / region.sum((1, 2, 3))
    return total


def diversity(x: torch.Tensor, regions: torch.Tensor) -> torch.Tensor:
    """``[b]``, per pixel of the picture, negative."""
    total = torch.zeros(len(x), dtype=x.dtype)
    for k in range(regions.shape[1]):
        region = regions[:, k : k + 1]
        mean = (x * region).sum((2, 3), keepdim=True) / region.sum((2, 3), keepdim=True)
        total = total - (region * (x - mean) ** 2).sum((1, 2, 3)) / (x.shape[2] * x.shape[3])
    return total
