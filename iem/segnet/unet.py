"""The network: a small U-Net that sees colours and where each pixel stands."""

import math

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from torch import Tensor, nn

from iem.checks import check_image, check_number
from iem.interfaces import Image, Mask


class UNet(nn.Module):
    """Logits of a mask, ``[b, 1, h, w]``, for pictures of any size; the same for a picture alone and in a batch.

    Encoder and decoder with skip connections (Ronneberger, Fischer and Brox, "U-Net", 2015), two convolutions of 3 x 3
    per level. Group normalisation (Wu and He, 2018) knows no batch, so that training in batches of any size and
    segmenting one picture are the same function. Besides the colours the network gets each pixel's place, (y, x) in
    [-1, 1] and the squared distance from the centre: photographers put the subject somewhere in the middle, and a few
    dozen pictures are too few to learn that from padding.

    Args:
        width: channels at full resolution; they double with every level, up to 16 times ``width``.
        levels: resolutions, each half of the one before; at least 1.

    >>> network = UNet(width=4, levels=3)
    >>> network(torch.rand(2, 3, 37, 50)).shape
    torch.Size([2, 1, 37, 50])
    """

    def __init__(self, width: int = 16, levels: int = 4) -> None:
        check_number(width, "width", low=1, integer=True)
        check_number(levels, "levels", low=1, high=8, integer=True)
        super().__init__()
        self.width, self.levels = width, levels
        widths = [width * min(2**level, 16) for level in range(levels)]
        entries = [6, *widths[:-1]]
        self.down = nn.ModuleList(_block(a, b) for a, b in zip(entries, widths, strict=True))
        self.up = nn.ModuleList(_block(widths[i] + widths[i - 1], widths[i - 1]) for i in range(levels - 1, 0, -1))
        self.head = nn.Conv2d(width, 1, kernel_size=1)

    def forward(self, image: Image) -> Mask:
        """Logits: above 0 is foreground."""
        check_image(image)
        height, width = image.shape[2:]
        unit = 2 ** (self.levels - 1)
        fields = torch.cat([image * 2 - 1, _places(image)], 1)
        fields = F.pad(fields, (0, -width % unit, 0, -height % unit), mode="replicate")
        skipped: list[Tensor] = []
        for level, block in enumerate(self.down):
            fields = block(F.max_pool2d(fields, 2) if level else fields)
            skipped.append(fields)
        fields = skipped.pop()
        for block in self.up:
            fields = block(torch.cat([F.interpolate(fields, scale_factor=2.0, mode="nearest"), skipped.pop()], 1))
        logits: Tensor = self.head(fields)
        return logits[..., :height, :width]


def _block(entries: int, exits: int) -> nn.Sequential:
    groups = math.gcd(8, max(1, exits // 4))
    layers: list[nn.Module] = []
    for channels in (entries, exits):
        convolution = nn.Conv2d(channels, exits, kernel_size=3, padding=1, bias=False)
        layers += [convolution, nn.GroupNorm(math.gcd(groups, exits), exits), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _places(image: Image) -> Tensor:
    """(y, x, y^2 + x^2) of every pixel, ``[b, 3, h, w]``; the frame is at -1 and 1."""
    height, width = image.shape[2:]
    down = (torch.arange(height, device=image.device, dtype=image.dtype) * 2 + 1) / height - 1
    along = (torch.arange(width, device=image.device, dtype=image.dtype) * 2 + 1) / width - 1
    y, x = torch.meshgrid(down, along, indexing="ij")
    return torch.stack([y, x, y**2 + x**2]).expand(len(image), 3, height, width)
