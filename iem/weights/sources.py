"""From what a user calls a checkpoint to where it lies, and the tensors in it."""

import hashlib
import os
from pathlib import Path
from typing import Any, NoReturn

import torch

from iem.images.errors import printable


def cache_folder() -> Path:
    """Where ``iem models get`` puts files: ``IEM_WEIGHTS``, else ``iem/weights`` in the user's cache.

    >>> cache_folder().name
    'weights'
    """
    given = os.environ.get("IEM_WEIGHTS")
    if given:
        return Path(given).expanduser()
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path("~/.cache").expanduser()) / "iem" / "weights"


def find_file(source: Path | str | None, *, key: str, wanted: str) -> Path:
    """The file that ``source`` means: a path, or a name of ``iem models list`` that was fetched before.

    Nothing is downloaded.

    Args:
        source: what the user gave.
        key: the setting's name, for messages.
        wanted: what is expected, in words.

    Raises:
        ValueError: there is no such file; one sentence that says what to do.

    >>> find_file("nowhere.pth", key="checkpoint", wanted="weights of LaMa")
    Traceback (most recent call last):
    ...
    ValueError: checkpoint: expected weights of LaMa, got a path where nothing is: nowhere.pth; ...
    """
    remedy = "give a file, or a name of `iem models list`"
    if source is None:
        raise ValueError(f"{key}: expected {wanted}, got none; {remedy}")
    path = Path(source).expanduser()
    if not path.is_file():
        got = "a folder" if path.is_dir() else "a path where nothing is"
        raise ValueError(f"{key}: expected {wanted}, got {got}: {printable(str(source))}; {remedy}")
    return path


def find_folder(source: Path | str, *, key: str, wanted: str) -> Path:
    """The folder that ``source`` means: a path, a name of ``iem models list``, or one on the Hugging Face hub.

    Of the hub, only what its cache holds is found: nothing is downloaded.

    Args:
        source: what the user gave.
        key: the setting's name, for messages.
        wanted: what is expected, in words.

    Raises:
        ValueError: there is no such folder; one sentence that says what to do.

    >>> find_folder("./nowhere", key="base", wanted="Stable Diffusion")
    Traceback (most recent call last):
    ...
    ValueError: base: expected Stable Diffusion, found no folder ./nowhere; check the path
    """
    text = str(source)
    if not text.strip():
        raise ValueError(f"{key}: expected {wanted}, got nothing; give a folder, or a name of `iem models list`")
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if isinstance(source, Path) or text.startswith((".", "/", "~")):
        raise ValueError(f"{key}: expected {wanted}, found no folder {printable(text)}; check the path")
    found = _cached_snapshot(text)
    if found is None:
        raise ValueError(
            f"{key}: expected {wanted}, got {printable(text)}, which is neither a folder nor fetched yet; "
            f"fetch it with `iem models get {printable(text)}`, or give a folder"
        )
    return found


def read_tensors(path: Path, *, key: str, wanted: str) -> Any:
    """What a file of weights holds: ``.safetensors``, or a pickle read with ``weights_only=True``.

    Args:
        path: the file.
        key: the setting's name, for messages.
        wanted: what is expected, in words.

    Raises:
        ValueError: the file cannot be read as such; one sentence.
        ImportError: a ``.safetensors`` file, and the package to read it is not installed.
    """
    try:
        if path.suffix != ".safetensors":
            return torch.load(path, map_location="cpu", weights_only=True)
        try:
            from safetensors.torch import load_file
        except ImportError as error:
            raise ImportError(
                f'{key}: expected the package safetensors, which is not installed; pip install "iem[segnet]"'
            ) from error
        return load_file(path)
    except ImportError:
        raise
    except OSError as error:
        _refuse(key, wanted, f"a file that cannot be read ({error.strerror or error})", path, "look at its permissions")
    except Exception:  # zip, pickle and safetensors each have errors of their own for what they cannot read
        _refuse(key, wanted, "a file that is truncated or holds no weights", path, "download it anew")


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "empty"); file.touch(); digest(file)[:8]
    'e3b0c442'
    """
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def _cached_snapshot(name: str) -> Path | None:
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        return None
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except Exception:  # of a bad name, or of one that is not in the cache
        return None


def _refuse(key: str, wanted: str, got: str, path: Path, remedy: str) -> NoReturn:
    raise ValueError(f"{key}: expected {wanted}, got {got}: {printable(str(path))}; {remedy}") from None
