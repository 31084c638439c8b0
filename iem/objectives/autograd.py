"""Value and gradient of an objective that has no closed form."""

from collections.abc import Callable

import torch

from iem.interfaces import Image, Regions, Scores


def value_and_gradient(
    score: Callable[[Image, Regions], Scores], image: Image, mask: Regions
) -> tuple[Scores, Regions]:
    """Differentiate ``score`` with respect to the mask by reverse-mode autograd.

    Pictures do not influence each other, so one backward pass through the sum serves the batch.

    Args:
        score: ``(image, mask) -> [b]``.
        image: ``[b, 3, h, w]``.
        mask: ``[b, k, h, w]``.

    Returns:
        The score ``[b]`` and its gradient, of the mask's shape, both detached.

    >>> image, mask = torch.rand(2, 3, 4, 4), torch.rand(2, 1, 4, 4)
    >>> score, gradient = value_and_gradient(lambda image, mask: mask.square().sum((1, 2, 3)), image, mask)
    >>> torch.allclose(gradient, 2 * mask)
    True
    """
    with torch.enable_grad():
        free = mask.detach().clone().requires_grad_()
        value = score(image.detach(), free)
        (gradient,) = torch.autograd.grad(value.sum(), free)
    return value.detach(), gradient
