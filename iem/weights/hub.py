"""Fetching a repository of the Hugging Face hub: the files that are needed of it, and no others."""

import importlib
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from iem.images.errors import printable, writing_reason
from iem.weights.checkpoint import Checkpoint, size_in_words
from iem.weights.folders import hub_folders
from iem.weights.hub_cache import missing_among, partial_snapshot, snapshot

_DESCRIPTIONS, _WEIGHTS = (".json", ".txt", ".model"), (".safetensors", ".bin")
_YES = ("1", "ON", "YES", "TRUE")


class HubError(Exception):
    """A repository that could not be fetched: one sentence."""


def is_offline() -> bool:
    """Whether the user has forbidden to ask the hub, with ``HF_HUB_OFFLINE``."""
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in _YES


def entry_of(repository: str) -> Checkpoint:
    """An entry for a repository that the table does not list; nothing is known of its terms.

    >>> entry_of("me/network").page
    'https://huggingface.co/me/network'
    """
    return Checkpoint(
        repository,
        "a repository that the table does not list",
        "not known here: read it on its page",
        "hub",
        repository,
        format="folder of transformers or diffusers",
        needs_agreement=True,
    )


def download_repository(entry: Checkpoint, *, endpoint: str | None = None) -> Path:
    """Fetch what is needed of a repository; what is there is not fetched again, what was interrupted goes on.

    Args:
        entry: of kind "hub".
        endpoint: the hub's address; ``HF_ENDPOINT`` or its own by default.

    Returns:
        Its folder in the hub's cache.

    Raises:
        HubError: it cannot be had; one sentence.
    """
    if (found := snapshot(entry.address, entry.files)) is not None and entry.files:
        return found
    if is_offline():
        raise HubError(f"{entry.name}: HF_HUB_OFFLINE forbids to ask the hub; unset it and run the same command again")
    try:
        hub: Any = importlib.import_module("huggingface_hub")
        bars: Any = importlib.import_module("huggingface_hub.utils")
    except ImportError as error:
        raise HubError(
            f'{entry.name}: fetching it needs huggingface_hub, which is not installed; pip install "iem[features]"'
        ) from error
    folder, endpoint = hub_folders()[0], endpoint or os.environ.get("HF_ENDPOINT")
    had_bars = not bars.are_progress_bars_disabled()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = hub.HfApi(endpoint=endpoint).model_info(entry.address, files_metadata=True).siblings
        sizes = {each.rfilename: each.size or 0 for each in there}
        names = chosen(list(sizes), entry.files)
        if (lacks := missing_among(names, entry.files)) is not None:
            raise HubError(f"{entry.name}: {entry.page} lacks {lacks}, which is needed; it may have been rearranged")
        _check_space(entry, sum(sizes[name] for name in names if not _is_here(entry, name)), folder)
        if not sys.stderr.isatty():
            bars.disable_progress_bars()
        hub.snapshot_download(entry.address, allow_patterns=names, cache_dir=folder, endpoint=endpoint)
    except HubError:
        raise
    except Exception as error:  # of four libraries: of the hub's, of two for HTTP, and of the system
        raise HubError(f"{entry.name}: {_reason(entry, error)}") from error
    finally:
        if had_bars:
            bars.enable_progress_bars()
    if (found := snapshot(entry.address, entry.files)) is None:
        raise HubError(f"{entry.name}: its files are not in {printable(str(folder))}; run the same command again")
    return found


def chosen(names: Sequence[str], files: tuple[str, ...] = ()) -> list[str]:
    """Which of a repository's files to fetch: of alternatives the first that is there.

    Args:
        names: what there is.
        files: what is needed, as in ``Checkpoint.files``; if empty, all descriptions and, for each folder, weights in
            one format.

    >>> chosen(["config.json", "pytorch_model.bin"], ("config.json", "model.safetensors|pytorch_model.bin"))
    ['config.json', 'pytorch_model.bin']
    >>> chosen(["config.json", "model.safetensors", "pytorch_model.bin"])
    ['config.json', 'model.safetensors']
    """
    if files:
        wanted = (next((name for name in each.rstrip("?").split("|") if name in names), None) for each in files)
        return [name for name in wanted if name is not None]
    return list(_one_format(names))


def _one_format(names: Sequence[str]) -> Iterable[str]:
    safe = {name.rpartition("/")[0] for name in names if name.endswith(".safetensors")}
    for name in names:
        parent = name.rpartition("/")[0]
        is_weights = name.endswith(_WEIGHTS)
        if not is_weights and not name.endswith(_DESCRIPTIONS):
            continue
        if is_weights and (".fp16." in name or "non_ema" in name):
            continue
        if is_weights and not parent and "model_index.json" in names:  # all in one file, beside the parts
            continue
        if name.endswith(".bin") and parent in safe:
            continue
        yield name


def _is_here(entry: Checkpoint, name: str) -> bool:
    folder = partial_snapshot(entry.address)
    return folder is not None and (folder / name).is_file()


def _check_space(entry: Checkpoint, needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise HubError(
            f"{printable(str(folder))}: expected {size_in_words(needed)} of free space for {entry.name}, found "
            f"{size_in_words(free)}; free some, or choose another folder with --root"
        )


def _reason(entry: Checkpoint, error: BaseException) -> str:
    """Why the hub's library failed, and what to do: its own errors run over pages."""
    causes: list[Any] = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and cause not in causes:
        causes.append(cause)
    kinds = {kind.__name__ for each in causes for kind in type(each).__mro__}
    status = next((each.response.status_code for each in causes if getattr(each, "response", None) is not None), None)
    if "GatedRepoError" in kinds:
        return f"its publishers want an agreement first; accept it on {entry.page} and log in with: hf auth login"
    if "RepositoryNotFoundError" in kinds or status in (401, 404):
        return f"the hub has no repository {entry.address}, or shows it to its members alone; check the name"
    if status is not None:
        return f"the hub answered {status} for {entry.address}; try again later"
    if isinstance(error, OSError) and error.errno is not None and "ConnectionError" not in kinds:
        return writing_reason(error)
    return (
        f"the hub cannot be reached ({type(causes[-1]).__name__}); check the network and run the same command again, "
        "it goes on where it was"
    )
