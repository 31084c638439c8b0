"""A trained network as two files: its weights as safetensors, and a card that says where they come from."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from iem.checks import check_number
from iem.images import write_atomic
from iem.images.errors import printable
from iem.segnet.json_files import read_object, write_object
from iem.segnet.unet import UNet

_FORMAT = "iem-segnet-1"
_LARGEST = 1 << 30  #: bytes


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message says why, in one sentence."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained network.

    Attributes:
        network: ready to be asked, on the CPU.
        size: short side of the pictures it was trained on, in pixels.
        threshold: what it must say for a pixel to be foreground.
        card: where it comes from, as plain containers.
        sha256: of the file of weights, which also holds the network's shape, ``size`` and ``threshold``.
    """

    network: UNet
    size: int
    threshold: float
    card: Mapping[str, Any]
    sha256: str


def card_of(path: Path) -> Path:
    """Where the card of a checkpoint is.

    >>> card_of(Path("flowers.safetensors")).name
    'flowers.json'
    """
    return path.with_suffix(".json")


def save_checkpoint(
    path: Path, network: UNet, *, size: int, threshold: float = 0.5, card: Mapping[str, Any]
) -> Checkpoint:
    """Write ``path`` (.safetensors) and its card (.json) beside it, each whole or not at all; the card comes last.

    Args:
        path: where to.
        network: what to save.
        size: see ``Checkpoint``.
        threshold: see ``Checkpoint``.
        card: what to tell of it; format, architecture, size and checksum are added.

    Raises:
        ImportError: the extra ``segnet`` is not installed.
        ImageError: no space or no permission.
        ValueError: a name with another ending.
    """
    check_number(size, "size", low=8, integer=True)
    check_number(threshold, "threshold", low=0.01, high=0.99)
    if path.suffix != ".safetensors":
        raise ValueError(f"checkpoint: expected a name that ends in .safetensors, got {path.name}")
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    shape = {"class": "UNet", "width": network.width, "levels": network.levels}
    about = {"format": _FORMAT, "architecture": shape, "size": size, "threshold": float(threshold)}
    # One entry: safetensors writes several in an order of its own, and the same network must have the same checksum.
    data: bytes = _safetensors().save(weights, metadata={"iem": json.dumps(about, sort_keys=True)})
    digest = hashlib.sha256(data).hexdigest()
    full = {
        "format": _FORMAT,
        "sha256": digest,
        "architecture": shape,
        "parameters": sum(value.numel() for value in weights.values()),
        "size": size,
        "threshold": threshold,
        **card,
    }
    card_of(path).unlink(missing_ok=True)  # a new file with the card of an old one would be refused as altered
    write_atomic(path, data)
    write_object(card_of(path), full)
    return Checkpoint(network, size, threshold, full, digest)


def load_checkpoint(path: Path | str) -> Checkpoint:
    """Read what ``save_checkpoint`` wrote.

    Raises:
        ImportError: the extra ``segnet`` is not installed.
        CheckpointError: a file is missing, damaged, altered, or something else.

    >>> load_checkpoint("nowhere.safetensors")
    Traceback (most recent call last):
    ...
    iem.segnet.checkpoint.CheckpointError: nowhere.safetensors: there is no such file; give the .safetensors file ...
    """
    path = Path(path)
    name = printable(str(path))
    if not path.is_file():
        found = "it is a folder" if path.is_dir() else "there is no such file"
        raise CheckpointError(f"{name}: {found}; give the .safetensors file that experiments/train_segnet.py wrote")
    card = read_object(card_of(path))
    if card is None or card.get("format") != _FORMAT:
        found = "missing" if not card_of(path).exists() else "damaged or of another kind"
        raise CheckpointError(f"{name}: its card {card_of(path).name} is {found}; copy both files of the checkpoint")
    try:
        if path.stat().st_size > _LARGEST:
            raise CheckpointError(f"{name}: expected a small network, got a file of more than 1 GB")
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{name}: it cannot be read: {error.strerror or error}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != card.get("sha256"):
        raise CheckpointError(
            f"{name}: its checksum is not the one on its card, so it is truncated or altered; copy both files anew"
        )
    try:
        weights = _safetensors().load(data)
        about = _metadata(data)
        shape = about["architecture"]
        size, threshold = int(about["size"]), float(about["threshold"])
        network = UNet(int(shape["width"]), int(shape["levels"]))
        network.load_state_dict(weights)
        finite = all(bool(torch.isfinite(value).all()) for value in weights.values())
    except ImportError:
        raise
    except Exception as error:
        raise CheckpointError(f"{name}: expected the weights of a network of this kind, got something else") from error
    if not (finite and size >= 8 and 0 < threshold < 1):
        raise CheckpointError(f"{name}: expected finite weights, a size and a threshold, got others; train it anew")
    return Checkpoint(network.eval().requires_grad_(False), size, threshold, card, digest)


def _metadata(data: bytes) -> Mapping[str, Any]:
    """What ``save_checkpoint`` put beside the weights: eight bytes of length, then JSON."""
    length = int.from_bytes(data[:8], "little")
    found: Mapping[str, Any] = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["iem"])
    return found


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError as error:
        raise ImportError(
            'checkpoint: expected the package safetensors, which is not installed; pip install "iem[segnet]"'
        ) from error
    return safetensors.torch
