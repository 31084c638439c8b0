"""What the Hugging Face hub's cache holds, read without asking the hub, nor its library.

The layout is the documented one: ``models--OWNER--NAME/refs/main`` holds a commit, ``snapshots/COMMIT`` its files.
https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

import os
import re
from pathlib import Path

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
#: What every repository of a network has.
_DESCRIPTIONS = ("config.json", "model_index.json")


def hub_cache_folder() -> Path:
    """Where the hub's library keeps what it fetched: ``HF_HUB_CACHE``, ``HF_HOME``, ``XDG_CACHE_HOME`` are obeyed.

    >>> hub_cache_folder().is_absolute()
    True
    """
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if given := os.environ.get(variable):
            return _expanded(given)
    if given := os.environ.get("HF_HOME"):
        return _expanded(given) / "hub"
    return _expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface" / "hub"


def is_repository_name(text: str) -> bool:
    """Whether a text has the form ``owner/name``.

    >>> is_repository_name("facebook/dino-vits16"), is_repository_name("weights/a/b"), is_repository_name("dino")
    (True, False, False)
    """
    return _REPOSITORY.fullmatch(text) is not None and "--" not in text and ".." not in text


def snapshot(repository: str, files: tuple[str, ...] = ()) -> Path | None:
    """The folder of a repository's ``main`` in the cache, with all that is needed in it; None if it is not there.

    Args:
        repository: ``owner/name``.
        files: what is needed, as in ``Checkpoint.files``; nothing is opened.

    >>> snapshot("nobody/nothing") is None
    True
    """
    folder = newest(repository)
    return folder if folder is not None and missing_of(folder, files) is None else None


def newest(repository: str) -> Path | None:
    """The folder of a repository's ``main``, whole or not; None if there is none."""
    if not is_repository_name(repository):
        return None
    place = repository_folder(repository)
    try:
        commit = (place / "refs" / "main").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    folder = place / "snapshots" / commit
    return folder if commit and folder.is_dir() else None


def repository_folder(repository: str) -> Path:
    """Where the cache keeps a repository."""
    return hub_cache_folder() / f"models--{repository.replace('/', '--')}"


def missing_of(folder: Path, files: tuple[str, ...]) -> str | None:
    """The first of the needed files that is not in a snapshot; links that lead nowhere do not count.

    >>> missing_of(Path("nowhere"), ("extra.json?", "model.safetensors|pytorch_model.bin"))
    'model.safetensors'
    """
    if not files:
        return None if any((folder / name).is_file() for name in _DESCRIPTIONS) else _DESCRIPTIONS[0]
    for each in files:
        names = each.split("|")
        if not each.endswith("?") and not any((folder / name).is_file() for name in names):
            return names[0]
    return None


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser().absolute()
