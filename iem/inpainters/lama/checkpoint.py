"""A file of LaMa's published weights, whichever it is."""

import contextlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import torch

from iem.images.errors import printable
from iem.inpainters.lama.network import LamaNetwork
from iem.inpainters.lama.program import LamaProgram, is_program, read_program
from iem.inpainters.lama.published import from_published
from iem.weights import digest, find_file, read_tensors

_KEY = "checkpoint"
_WANTED = (
    "LaMa's weights, best.ckpt or big-lama.pt of big-lama, published at github.com/advimman/lama, "
    "or a .safetensors file of the same"
)
#: Lightning writes its settings beside the weights. Nothing of them is needed, and none of these is ever imported.
_INERT = ("pytorch_lightning", "lightning", "lightning_fabric", "omegaconf", "saicinpainting", "typing", "numpy")
_PLAIN: dict[str, Any] = {
    "collections.defaultdict": lambda *_: {},  # the reader fills no other kind of dictionary
    **{f"builtins.{kind.__name__}": kind for kind in (dict, list, int, float, str, bool)},
}


def load_checkpoint(source: Path | str | None, sha256: str | None = None) -> tuple[LamaNetwork | LamaProgram, str]:
    """The network, or the TorchScript program, and the file's checksum.

    Args:
        source: a file, or a name of ``iem models list``: a lightning checkpoint or a table of weights (read with
            ``weights_only=True``), ``.safetensors``, or a TorchScript archive.
        sha256: what the checksum must be; None for any.

    Raises:
        ValueError: no file, another file, a damaged one; one sentence.
        ImportError: a ``.safetensors`` file, and the package to read it is not installed.

    >>> load_checkpoint("nowhere.pt")
    Traceback (most recent call last):
    ...
    ValueError: checkpoint: expected LaMa's weights, ..., got a path where nothing is: nowhere.pt; ...
    """
    path = find_file(source, key=_KEY, wanted=_WANTED)
    try:
        checksum = digest(path)
    except OSError as error:
        _refuse(path, f"a file that cannot be read ({error.strerror or error})", "look at its permissions")
    if sha256 not in (None, checksum):
        raise ValueError(
            f"sha256: expected {sha256}, got {checksum} from {printable(str(path))}; it is another file, or altered"
        )
    if is_program(path):
        try:
            return read_program(path), checksum
        except ValueError as error:
            _refuse(path, f"a TorchScript program that {error}", "give the file of that network")
    return _read_network(path), checksum


def _read_network(path: Path) -> LamaNetwork:
    packed = _packed_checkpoint(path)
    if packed is not None:
        _refuse(path, "the archive that holds it", f"unpack it and give {printable(packed)}")
    named = _foreign_names(path)
    unknown = [name for name in named if name not in _PLAIN and name.partition(".")[0] not in _INERT]
    if unknown:
        _refuse(
            path,
            f"a pickle that asks to run {printable(unknown[0])}",
            "it is not LaMa's, or not safe: convert it where you trust it, "
            'with torch.save(torch.load(FILE, weights_only=False)["state_dict"], "lama.pth")',
        )
    with _harmless(named):
        content = read_tensors(path, key=_KEY, wanted=_WANTED)
    try:
        return from_published(content)
    except ValueError as error:
        _refuse(path, f"other weights ({error})", "give the file of that network")


def _packed_checkpoint(path: Path) -> str | None:
    """A checkpoint inside ``big-lama.zip``, as it is published."""
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            return next((name for name in archive.namelist() if name.endswith(".ckpt")), None)
    except (OSError, zipfile.BadZipFile):
        return None


def _foreign_names(path: Path) -> list[str]:
    """What a pickle of PyTorch names beyond tensors and plain containers; nothing of it is run or imported."""
    if path.suffix == ".safetensors" or not zipfile.is_zipfile(path):
        return []
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # of a damaged file, of which read_tensors tells
        return []


def _harmless(named: list[str]) -> contextlib.AbstractContextManager[None]:
    """Lets the reader put an inert object wherever one of these names stands."""
    allowed: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
        (_PLAIN.get(name) or type("Inert", (_Inert,), {}), name) for name in named
    ]
    return torch.serialization.safe_globals(allowed)


class _Inert:
    """Stands for an object that is not needed."""

    def __new__(cls, *_: object, **__: object) -> "_Inert":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _refuse(path: Path, got: str, remedy: str) -> NoReturn:
    raise ValueError(f"{_KEY}: expected {_WANTED}, got {got}: {printable(str(path))}; {remedy}") from None
