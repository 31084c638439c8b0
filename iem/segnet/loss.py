"""What training lowers."""

from torch import Tensor

from iem.checks import check_number
from iem.interfaces import Mask, Scores


def robust_loss(logits: Tensor, target: Mask, *, doubt: float = 0.7) -> Scores:
    """Generalised cross-entropy per pixel plus half of one minus the soft Dice coefficient, one number per picture.

    Equation, with p = sigmoid(logits), target t (soft ones are allowed) and a = p t + (1 - p) (1 - t)::

        mean((1 - a^q) / q) + 1/2 (1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1))

    The masks to learn from are wrong here and there. Cross-entropy, to which the first term tends for q -> 0, pulls
    hardest where network and mask contradict each other most, which is where the mask is wrong; at q = 1 the mean
    absolute error believes all pixels alike, and learns slowly (Zhang and Sabuncu, "Generalized Cross Entropy Loss",
    2018, whose q = 0.7 is taken). The second term keeps small objects from being drowned by their background.

    Args:
        logits: ``[b, 1, h, w]``.
        target: ``[b, 1, h, w]`` in [0, 1].
        doubt: q, above 0 to 1.

    >>> import torch
    >>> target = torch.tensor([[[[0.0, 1.0]]]])
    >>> robust_loss(20 * (target - 0.5), target).item() < 1e-3 < robust_loss(20 * (0.5 - target), target).item()
    True
    """
    check_number(doubt, "doubt", low=0.01, high=1)
    mask = logits.sigmoid()
    agreed = (mask * target + (1 - mask) * (1 - target)).clamp_min(1e-6)
    entropy = ((1 - agreed**doubt) / doubt).flatten(1).mean(1)
    common, total = (mask * target).flatten(1).sum(1), (mask + target).flatten(1).sum(1)
    loss: Scores = entropy + (1 - (2 * common + 1) / (total + 1)) / 2
    return loss
