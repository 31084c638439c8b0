"""What a network says of many small pictures."""

import torch
from torch import Tensor

from iem.interfaces import Image, Mask
from iem.segnet.unet import UNet


def soft_mask(network: UNet, image: Image, *, mirror: bool = True) -> Mask:
    """The mask of each picture, in [0, 1]; with ``mirror``, the mean of what the picture and its mirror image say.

    >>> image = torch.rand(1, 3, 16, 16)
    >>> network = UNet(4, 2)
    >>> mask = soft_mask(network, image)
    >>> torch.allclose(soft_mask(network, image.flip(3)), mask.flip(3), atol=1e-5)
    True
    """
    with torch.no_grad():
        mask: Mask = network(image).sigmoid()
        if mirror:
            mask = (mask + network(image.flip(3)).sigmoid().flip(3)) / 2
    return mask


def predict(network: UNet, images: Tensor, *, batch_size: int = 8, mirror: bool = True) -> Tensor:
    """The masks of pictures, both with eight bits per value.

    Args:
        network: on any device.
        images: ``uint8[n, 3, h, w]``.
        batch_size: pictures at a time.
        mirror: see ``soft_mask``.

    Returns:
        ``uint8[n, 1, h, w]``.
    """
    device = next(network.parameters()).device
    parts = []
    for batch in images.split(batch_size):
        mask = soft_mask(network, batch.to(device).float() / 255, mirror=mirror)
        parts.append((mask * 255).round().to(torch.uint8).cpu())
    return torch.cat(parts)
