"""What the Hugging Face hub's cache holds, read without asking the hub, nor its library.

The layout is the documented one: ``models--OWNER--NAME/refs/main`` holds a commit, ``snapshots/COMMIT`` its files.
https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

import re
from collections.abc import Collection
from pathlib import Path

from iem.weights.folders import hub_folders

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
#: What every repository of a network has.
_DESCRIPTIONS = ("config.json", "model_index.json")


def is_repository_name(text: str) -> bool:
    """Whether a text has the form ``owner/name``.

    >>> is_repository_name("facebook/dino-vits16"), is_repository_name("weights/a/b"), is_repository_name("dino")
    (True, False, False)
    """
    return _REPOSITORY.fullmatch(text) is not None and "--" not in text and ".." not in text


def snapshot(repository: str, files: tuple[str, ...] = ()) -> Path | None:
    """The folder of a repository's ``main`` with all that is needed in it; None if it is not there.

    Args:
        repository: ``owner/name``.
        files: what is needed, as in ``Checkpoint.files``; nothing is opened.

    >>> snapshot("nobody/nothing") is None
    True
    """
    return next((folder for folder in _snapshots(repository) if missing_of(folder, files) is None), None)


def partial_snapshot(repository: str) -> Path | None:
    """The folder of a repository's ``main``, whole or not; None if there is none."""
    return next(iter(_snapshots(repository)), None)


def _snapshots(repository: str) -> list[Path]:
    if not is_repository_name(repository):
        return []
    found = []
    for parent in hub_folders():
        place = parent / f"models--{repository.replace('/', '--')}"
        try:
            commit = (place / "refs" / "main").read_text(encoding="ascii").strip()
            if commit and (place / "snapshots" / commit).is_dir():
                found.append(place / "snapshots" / commit)
        except (OSError, UnicodeDecodeError):
            continue
    return found


def missing_of(folder: Path, files: tuple[str, ...]) -> str | None:
    """The first of the needed files that is not in a snapshot; links that lead nowhere do not count.

    >>> missing_of(Path("nowhere"), ("extra.json?", "model.safetensors|pytorch_model.bin"))
    'model.safetensors'
    """
    named = {name for each in files or _DESCRIPTIONS for name in each.rstrip("?").split("|")}
    return missing_among({name for name in named if (folder / name).is_file()}, files)


def missing_among(names: Collection[str], files: tuple[str, ...]) -> str | None:
    """The first of the needed files that is not among ``names``."""
    if not files:
        return None if any(each in names for each in _DESCRIPTIONS) else _DESCRIPTIONS[0]
    for each in files:
        alternatives = each.split("|")
        if not each.endswith("?") and not any(name in names for name in alternatives):
            return alternatives[0]
    return None
