"""The published rule, slow and obvious: two grouped convolutions per pass, autograd, no early stop.

Written from the description of the method alone; imports nothing of ours, so that it can judge it.
"""

import torch
from torch.nn import functional


def gaussian_taps(size: int, sigma: float) -> torch.Tensor:
    position = torch.arange(size, dtype=torch.float64) - size // 2
    taps = torch.exp(-(position**2) / (2 * sigma**2))
    return taps / taps.sum()


def predict(visible: torch.Tensor, known: torch.Tensor, *, sigma: float, size: int, passes: int) -> torch.Tensor:
    """What each pixel would be, going by the known pixels around it; ``visible`` is zero where nothing is known."""
    stack = torch.cat([visible, known], dim=1)
    everything = 1e-8 * stack.sum(dim=(2, 3), keepdim=True)
    channels = stack.shape[1]
    taps = gaussian_taps(size, sigma).to(stack)
    for _ in range(passes):
        stack = functional.conv2d(
            stack, taps.view(1, 1, -1, 1).repeat(channels, 1, 1, 1), padding=(size // 2, 0), groups=channels
        )
        stack = functional.conv2d(
            stack, taps.view(1, 1, 1, -1).repeat(channels, 1, 1, 1), padding=(0, size // 2), groups=channels
        )
    stack = stack + everything
    return stack[:, :-1] / stack[:, -1:]


def inpainting_error(
    x: torch.Tensor, mask: torch.Tensor, *, sigma: float = 5.0, size: int = 11, passes: int = 2
) -> torch.Tensor:
    other = 1 - mask
    settings = {"sigma": sigma, "size": size, "passes": passes}
    of_mask = (x - predict(x * other, other, **settings)).abs().mean(dim=1, keepdim=True) * mask
    of_other = (x - predict(x * mask, mask, **settings)).abs().mean(dim=1, keepdim=True) * other
    return of_mask.sum(dim=(1, 2, 3)) / mask.sum(dim=(1, 2, 3)) + of_other.sum(dim=(1, 2, 3)) / other.sum(dim=(1, 2, 3))


def diversity(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    total = torch.zeros(len(x), dtype=x.dtype)
    for side in (mask, 1 - mask):
        mean = (x * side).sum(dim=(2, 3), keepdim=True) / side.sum(dim=(2, 3), keepdim=True)
        total = total + (side * (x - mean) ** 2).sum(dim=(1, 2, 3))
    return total


def objective(x: torch.Tensor, mask: torch.Tensor, *, weight: float = 0.001, **inpainter: float) -> torch.Tensor:
    return inpainting_error(x, mask, **inpainter) - weight * diversity(x, mask)


def edge(side: torch.Tensor) -> torch.Tensor:
    """Pixels of ``side`` with a 4-neighbour that is not; outside the picture nothing is."""
    around = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], dtype=side.dtype).view(1, 1, 3, 3)
    return (side == 1) & (functional.conv2d(side, around, padding=1) < 4)


def start(x: torch.Tensor) -> torch.Tensor:
    height, width = x.shape[2:]
    mask = torch.zeros(len(x), 1, height, width, dtype=x.dtype)
    mask[:, :, height // 5 : height - height // 5, width // 5 : width - width // 5] = 1
    return mask


def step(x: torch.Tensor, mask: torch.Tensor, **settings: float) -> torch.Tensor:
    variable = mask.clone().requires_grad_()
    objective(x, variable, **settings).sum().backward()
    slope = variable.grad
    assert slope is not None
    update = (edge(mask) | edge(1 - mask)) & (slope != 0)
    moved = torch.where(update, (slope > 0).to(mask.dtype), mask)
    votes = functional.conv2d(moved, torch.ones(1, 1, 3, 3, dtype=mask.dtype), padding=1)
    return (votes >= 4).to(mask.dtype)


def segment(image: torch.Tensor, *, steps: int = 150, **settings: float) -> torch.Tensor:
    """The mask of pictures ``[b, 3, h, w]`` in [0, 1] after ``steps`` steps."""
    x = image * 2 - 1
    mask = start(x)
    for _ in range(steps):
        mask = step(x, mask, **settings)
    return mask
