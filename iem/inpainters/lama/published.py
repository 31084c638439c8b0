"""The names under which LaMa's weights are published."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from iem.inpainters.lama.network import LamaNetwork

#: The first layer; what stands before it stands before all names, such as "generator.".
_FIRST = "model.1.ffc.convl2l.weight"
_COUNTER = ".num_batches_tracked"


def from_published(content: Any) -> LamaNetwork:
    """The network with published weights; its width and depth are those of the weights.

    Args:
        content: a lightning checkpoint, ``{"state_dict": {"generator.model.1...": weights, ...}, ...}``, or the table
            of weights itself, with or without the prefix. Weights of other parts, such as the discriminator's, and
            the counters of batches may be there or not.

    Raises:
        ValueError: names or shapes are others.
    """
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping):
        raise ValueError("there is no table of weights in it")
    first = next((name for name in content if isinstance(name, str) and name.endswith(_FIRST)), None)
    if first is None:
        raise ValueError(f"there is no {_FIRST}")
    prefix = first[: -len(_FIRST)]
    state = {
        name[len(prefix) :]: value
        for name, value in content.items()
        if isinstance(name, str) and name.startswith(f"{prefix}model.")
    }
    with torch.device("meta"):
        network = _shaped_like(state)
    wanted = network.state_dict()
    different = {name for name in set(state) ^ set(wanted) if not name.endswith(_COUNTER)}
    if different:
        raise ValueError(f"{len(different)} names are missing or unknown, such as {prefix}{min(different)}")
    network.load_state_dict({name: _checked(state, name, like) for name, like in wanted.items()}, assign=True)
    return network.eval().requires_grad_(False)


def _shaped_like(state: Mapping[str, Any]) -> LamaNetwork:
    layers = {int(found[1]) for name in state if (found := re.match(r"model\.(\d+)\.ffc\.convl2l\.weight$", name))}
    blocks = {int(found[1]) for name in state if (found := re.match(r"model\.(\d+)\.conv1\.ffc\.", name))}
    halvings = len(layers) - 1
    last = f"model.{1 + halvings}.ffc.convl2g.weight"
    if halvings < 1 or not blocks or last not in state:
        raise ValueError("it has no Fourier convolutions where LaMa has them")
    width, spectral = (_outputs(state, name) for name in (_FIRST, last))
    return LamaNetwork(width, blocks=len(blocks), halvings=halvings, spectral=spectral)


def _outputs(state: Mapping[str, Any], name: str) -> int:
    found = state[name]
    if not isinstance(found, Tensor) or found.ndim != 4 or found.shape[0] % 2 or not found.shape[0]:
        raise ValueError(f"{name} is not the weight of an even number of channels")
    return found.shape[0]


def _checked(state: Mapping[str, Any], name: str, like: Tensor) -> Tensor:
    found = state.get(name, torch.zeros((), dtype=torch.long))  # only counters can be missing here
    if not isinstance(found, Tensor) or found.shape != like.shape:
        shape = list(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise ValueError(f"{name} has the shape {shape}, not {list(like.shape)}")
    if not bool(found.isfinite().all()):
        raise ValueError(f"{name} holds NaN or infinity")
    return found.to(like.dtype)
