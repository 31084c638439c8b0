"""Pictures with holes at other sizes: what is hidden stays so."""

import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Float
from torch import Tensor

_NOTHING = 1e-6  #: a share of a pixel that is known


def resample(
    image: Float[Tensor, "b c h w"], hole: Float[Tensor, "b 1 h w"], size: tuple[int, int]
) -> tuple[Float[Tensor, "b c h2 w2"], Float[Tensor, "b 1 h2 w2"]]:
    """A picture and its hole at another size; hidden pixels have no influence on the known ones.

    The picture is a mean over what is known alone, ``resize(image (1 - hole)) / resize(1 - hole)``; a pixel that covers
    anything hidden is hidden. Gradients pass from both to both.

    Args:
        image: any values.
        hole: in [0, 1], 1 = hidden.
        size: (height, width), smaller or larger.

    Returns:
        The picture times (1 - hole), so that it is 0 where it is hidden, and the hole.

    >>> import torch
    >>> image, hole = torch.tensor([[[[0.5, 9.0, 0.5, 0.5]]]]), torch.tensor([[[[0.0, 1.0, 0.0, 0.0]]]])
    >>> resample(image, hole, (1, 2))
    (tensor([[[[0.0000, 0.5000]]]]), tensor([[[[1., 0.]]]]))
    """
    if tuple(image.shape[2:]) == tuple(size):
        return image * (1 - hole), hole
    known = 1 - hole
    total = F.interpolate(image * known, size, mode="bilinear", antialias=True)
    weight = F.interpolate(known, size, mode="bilinear", antialias=True)
    hole = F.adaptive_max_pool2d(hole, size)
    return total / weight.clamp_min(_NOTHING) * (1 - hole), hole
