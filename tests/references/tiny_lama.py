"""LaMa of a few thousand weights, read from files like the published ones."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import jaxtyping
import numpy as np
import torch

from iem.inpainters.lama import Lama, LamaNetwork


def tiny_lama(folder: Path, *, width: int = 4, blocks: int = 2, **settings: object) -> Lama:
    """LaMa with random weights, from a lightning checkpoint; what it paints varies in space."""
    return Lama(lama_file(folder, width=width, blocks=blocks), **settings)


def tiny_lama_program(folder: Path, *, width: int = 4, blocks: int = 2, **settings: object) -> Lama:
    """The same network as a TorchScript program."""
    return Lama(lama_program_file(folder, width=width, blocks=blocks), **settings)


def lama_file(folder: Path, *, width: int = 4, blocks: int = 2) -> Path:
    """``{"state_dict": {"generator.model...": ...}}`` with other things beside."""
    path = folder / f"lama_{width}_{blocks}.ckpt"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        weights = {f"generator.{name}": value for name, value in lama_weights(width, blocks).items()}
        torch.save({"epoch": 1, "state_dict": {**weights, "discriminator.model0.0.weight": torch.ones(1)}}, path)
    return path


def lama_program_file(folder: Path, *, width: int = 4, blocks: int = 2, composites: bool = True) -> Path:
    """A traced ``forward(image, mask)``, like ``big-lama.pt``."""
    path = folder / f"lama_{width}_{blocks}{'' if composites else '_bare'}.pt"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        network = LamaNetwork(width, blocks=blocks).eval().requires_grad_(False)
        network.load_state_dict(lama_weights(width, blocks))
        examples = torch.rand(1, 3, 40, 48), torch.ones(1, 1, 40, 48)
        with warnings.catch_warnings(), without_shape_checks():
            warnings.simplefilter("ignore")  # of TorchScript being superseded
            torch.jit.trace(Traceable(network, composites), examples, check_trace=False).save(str(path))
    return path


@contextlib.contextmanager
def without_shape_checks() -> Iterator[None]:
    """Sizes are tensors while PyTorch traces, which no annotation expects."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)


class Traceable(torch.nn.Module):
    """As the published ``to_jit.py`` wraps the network."""

    def __init__(self, network: LamaNetwork, composites: bool) -> None:
        super().__init__()
        self.model, self.composites = network.model, composites

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        paint = self.model(torch.cat([image * (1 - mask), mask], dim=1))
        return mask * paint + (1 - mask) * image if self.composites else paint


def lama_weights(width: int = 4, blocks: int = 2) -> dict[str, torch.Tensor]:
    """Under the published names without "generator."."""
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in LamaNetwork(width, blocks=blocks).state_dict().items()}
    return random_lama_weights(shapes)


def random_lama_weights(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Weights by name and shape alone, the same with every version of PyTorch; statistics are not those of a start."""
    draw = np.random.RandomState(0)
    found = {}
    for name in sorted(shapes):
        shape = shapes[name]
        if name.endswith("num_batches_tracked"):
            found[name] = torch.tensor(7)
            continue
        normal = draw.standard_normal(shape)
        if name.endswith("running_var"):
            values = np.exp(0.3 * normal)
        elif len(shape) == 4:
            values = normal * 1.4 / np.sqrt(np.prod(shape[1:]))
        elif name.endswith("weight"):
            values = 1 + 0.2 * normal
        else:
            values = 0.2 * normal
        found[name] = torch.from_numpy(values.astype(np.float32))
    return found
