"""A file of DeepFillv2's published weights."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from iem.images.errors import printable
from iem.inpainters.deepfill.network import DeepFillNetwork
from iem.inpainters.deepfill.published import from_published

_WANTED = (
    "the file of DeepFillv2's weights, states_pt_places2.pth or states_tf_places2.pth, "
    "published at github.com/nipponjo/deepfillv2-pytorch under Pretrained models"
)


def load_checkpoint(path: Path | str | None, sha256: str | None = None) -> tuple[DeepFillNetwork, str]:
    """The network and the file's checksum.

    Args:
        path: ``.pth`` (``{"G": weights, ...}`` or the weights themselves, read with ``weights_only=True``) or
            ``.safetensors``.
        sha256: what the checksum must be; None for any.

    Raises:
        ValueError: no file, another file, a damaged one; one sentence.
        ImportError: a ``.safetensors`` file, and the package to read it is not installed.

    >>> load_checkpoint(None)
    Traceback (most recent call last):
    ...
    ValueError: checkpoint: expected the file of DeepFillv2's weights, ...; give it as painter.checkpoint=FILE
    """
    if path is None:
        raise ValueError(f"checkpoint: expected {_WANTED}, got none; give it as painter.checkpoint=FILE")
    path = Path(path).expanduser()
    if not path.is_file():
        _refuse(path, "a folder" if path.is_dir() else "a path where nothing is", "give it as painter.checkpoint=FILE")
    try:
        digest = _sha256(path)
    except OSError as error:
        _refuse(path, f"a file that cannot be read ({error.strerror or error})", "look at its permissions")
    if sha256 not in (None, digest):
        raise ValueError(
            f"sha256: expected {sha256}, got {digest} from {printable(str(path))}; it is another file, or altered"
        )
    return _network(path), digest


def _network(path: Path) -> DeepFillNetwork:
    try:
        content = _content(path)
    except ImportError:
        raise
    except Exception:  # zip, pickle and safetensors each have errors of their own for what they cannot read
        _refuse(path, "a file that is truncated or holds no weights", "download it anew")
    try:
        return from_published(_weights(content))
    except ValueError as error:
        _refuse(path, f"other weights ({error})", "give the file of that network")


def _content(path: Path) -> Any:
    if path.suffix != ".safetensors":
        return torch.load(path, map_location="cpu", weights_only=True)
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(
            'checkpoint: expected the package safetensors, which is not installed; pip install "iem[segnet]"'
        ) from error
    return load_file(path)


def _weights(content: Any) -> Mapping[str, Tensor]:
    found = content.get("G", content) if isinstance(content, Mapping) else content
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ValueError("there is no table of weights in it")
    return found


def _refuse(path: Path, got: str, remedy: str) -> NoReturn:
    raise ValueError(f"checkpoint: expected {_WANTED}, got {got}: {printable(str(path))}; {remedy}") from None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
