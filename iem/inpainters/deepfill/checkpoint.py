"""A file of DeepFillv2's published weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from torch import Tensor

from iem.images.errors import printable
from iem.inpainters.deepfill.network import DeepFillNetwork
from iem.inpainters.deepfill.published import from_published
from iem.weights import digest, find_file, read_tensors

_KEY = "checkpoint"
_WANTED = (
    "the file of DeepFillv2's weights, states_pt_places2.pth or states_tf_places2.pth, "
    "published at github.com/nipponjo/deepfillv2-pytorch under Pretrained models"
)


def load_checkpoint(source: Path | str | None, sha256: str | None = None) -> tuple[DeepFillNetwork, str]:
    """The network and the file's checksum.

    Args:
        source: a file, or a name of ``iem models list``: ``.pth`` (``{"G": weights, ...}`` or the weights themselves,
            read with ``weights_only=True``) or ``.safetensors``.
        sha256: what the checksum must be; None for any.

    Raises:
        ValueError: no file, another file, a damaged one; one sentence.
        ImportError: a ``.safetensors`` file, and the package to read it is not installed.

    >>> load_checkpoint(None)
    Traceback (most recent call last):
    ...
    ValueError: checkpoint: expected the file of DeepFillv2's weights, ...; give it as painter.checkpoint=FILE
    """
    if source is None:
        raise ValueError(f"{_KEY}: expected {_WANTED}, got none; give it as painter.checkpoint=FILE")
    path = find_file(source, key=_KEY, wanted=_WANTED)
    try:
        checksum = digest(path)
    except OSError as error:
        _refuse(path, f"a file that cannot be read ({error.strerror or error})", "look at its permissions")
    if sha256 not in (None, checksum):
        raise ValueError(
            f"sha256: expected {sha256}, got {checksum} from {printable(str(path))}; it is another file, or altered"
        )
    content = read_tensors(path, key=_KEY, wanted=_WANTED)
    try:
        return from_published(_weights(content)), checksum
    except ValueError as error:
        _refuse(path, f"other weights ({error})", "give the file of that network")


def _weights(content: Any) -> Mapping[str, Tensor]:
    found = content.get("G", content) if isinstance(content, Mapping) else content
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise ValueError("there is no table of weights in it")
    return found


def _refuse(path: Path, got: str, remedy: str) -> NoReturn:
    raise ValueError(f"{_KEY}: expected {_WANTED}, got {got}: {printable(str(path))}; {remedy}") from None
