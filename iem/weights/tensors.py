"""Reading files of tensors, so that no file can run code."""

from pathlib import Path
from typing import Any, NoReturn

import torch

from iem.images.errors import printable


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


def _refuse(key: str, wanted: str, got: str, path: Path, remedy: str) -> NoReturn:
    raise ValueError(f"{key}: expected {wanted}, got {got}: {printable(str(path))}; {remedy}") from None
