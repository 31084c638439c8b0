"""What another's network answers: drawn from a seed, and looked at before it is used."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

_BEYOND = 0.5  #: of its range: how far an answer may leave it, as networks without a last bound do


@contextlib.contextmanager
def drawing_from(seed: int, device: torch.device) -> Iterator[None]:
    """PyTorch's random numbers from a seed, and as they were afterwards."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def check_answer(answer: Any, name: str, *, shape: torch.Size, low: float, high: float) -> None:
    """Require a picture.

    Args:
        answer: of the network.
        name: of the network.
        shape: of the picture that it was shown.
        low: black.
        high: white.

    Raises:
        ValueError: anything else; one sentence.
    """
    if not isinstance(answer, Tensor):
        got = type(answer).__name__
        raise ValueError(f"{name}: expected a tensor as its answer, got {got}; say by output which of several it is")
    if answer.shape != shape:
        raise ValueError(
            f"{name}: expected an answer of shape {list(shape)}, got {list(answer.shape)}; look at layout, output, "
            "size and multiple"
        )
    if not answer.is_floating_point():
        raise ValueError(f"{name}: expected floating-point numbers as its answer, got {answer.dtype}; convert them")
    least, most = answer.min().item(), answer.max().item()
    if not bool(answer.isfinite().all()):
        raise ValueError(f"{name}: expected finite numbers as its answer, got NaN or infinity; look at image_range")
    slack = _BEYOND * (high - low)
    if least < low - slack or most > high + slack:
        raise ValueError(
            f"{name}: expected an answer in [{low:g}, {high:g}], got [{least:.3g}, {most:.3g}]; state its output_range"
        )


def check_flow(answer: Tensor, inputs: Sequence[Tensor], name: str) -> None:
    """Require that the answer depends on some of the inputs, as autograd sees it.

    Raises:
        ValueError: it does not; one sentence.
    """
    wanted = [each for each in inputs if each.requires_grad]
    if answer.requires_grad:
        found = torch.autograd.grad(answer.sum(), wanted, retain_graph=True, allow_unused=True)
        if any(each is not None for each in found):
            return
    raise ValueError(
        f"{name}: expected gradients to flow through it, but its answer is cut off from what it was given; "
        "set differentiable to false"
    )
