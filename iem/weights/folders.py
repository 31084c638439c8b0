"""Where weights lie on this machine; ``IEM_WEIGHTS`` moves all of them."""

import os
from pathlib import Path


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


def hub_folders() -> tuple[Path, ...]:
    """Where repositories of the Hugging Face hub are looked for; new ones go to the first.

    That is ``hub`` in ``IEM_WEIGHTS`` if it is set, and the cache that the hub's library shares among programs:
    ``HF_HUB_CACHE``, ``HF_HOME`` and ``XDG_CACHE_HOME`` are obeyed as it does.

    >>> hub_folders()[-1].is_absolute()
    True
    """
    own = (cache_folder().absolute() / "hub",) if os.environ.get("IEM_WEIGHTS") else ()
    return (*own, _shared_hub_folder())


def _shared_hub_folder() -> Path:
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if given := os.environ.get(variable):
            return _expanded(given)
    if given := os.environ.get("HF_HOME"):
        return _expanded(given) / "hub"
    return _expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface" / "hub"


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser().absolute()
