"""A network of a few hundred weights that fills holes, in every form in which others hand theirs over."""

import warnings
from pathlib import Path

import numpy as np
import torch

from iem.inpainters import External


def tiny_external(folder: Path, *, kind: str = "torchscript", **settings: object) -> External:
    """A painter by a file: "torchscript", "export" (any size), "export_fixed" (40 x 48) or "python" (file.py:load)."""
    return External(external_source(folder, kind), **settings)


def external_source(folder: Path, kind: str = "torchscript") -> Path | str:
    """What ``External`` is given for the network of that kind; made where there is none yet."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / {"torchscript": "tiny.pt", "python": "tiny_network.py"}.get(kind, f"tiny_{kind}.pt2")
    if not path.exists():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of TorchScript being superseded
            {"torchscript": _script, "python": _python}.get(kind, _export)(path)
    return f"{path}:load" if kind == "python" else path


class TinyNetwork(torch.nn.Module):
    """Takes a picture and a mask, 1 = hole, both in [0, 1]; what it paints varies in space and depends on both."""

    def __init__(self, inputs: int = 4) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(inputs, 6, 5, stride=2, padding=2)
        self.last = torch.nn.ConvTranspose2d(6, 3, 4, stride=2, padding=1)
        draw = np.random.RandomState(0)
        for weight in self.parameters():
            values = draw.standard_normal(weight.shape) * 2 / np.sqrt(np.prod(weight.shape[1:]))
            weight.data = torch.from_numpy(values.astype(np.float32))

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.first(torch.cat([image, mask], 1)))
        return torch.sigmoid(self.last(hidden))


def _script(path: Path) -> None:
    torch.jit.script(TinyNetwork().eval()).save(str(path))


def _export(path: Path) -> None:
    examples, sizes = (torch.rand(1, 3, 40, 48), torch.ones(1, 1, 40, 48)), None
    if "fixed" not in path.stem:
        height, width = (4 * torch.export.Dim(name, min=1, max=1000) for name in ("height", "width"))
        sizes = {name: {2: height, 3: width} for name in ("image", "mask")}
    torch.export.save(torch.export.export(TinyNetwork().eval(), examples, dynamic_shapes=sizes), path)


def _python(path: Path) -> None:
    lines = ["from references.tiny_external import TinyNetwork", "", "", "def load():", "    return TinyNetwork()", ""]
    path.write_text("\n".join(lines), encoding="utf-8")
