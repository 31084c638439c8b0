"""From what a user calls a checkpoint to where it lies; nothing is downloaded."""

import difflib
from pathlib import Path

from iem.images.errors import printable
from iem.weights.cache import expected_sum, file_of, locate, read_record
from iem.weights.catalogue import find, lookup, table
from iem.weights.checkpoint import Checkpoint
from iem.weights.folders import hub_folders
from iem.weights.hub_cache import is_repository_name, missing_of, partial_snapshot, snapshot
from iem.weights.sums import digest


def find_file(source: Path | str | None, *, key: str, wanted: str) -> Path:
    """The file that ``source`` means: a path, or a name of ``iem models list`` that was fetched before.

    A file of the list is compared with its sum first, so that a truncated or altered one is never used. Nothing is
    downloaded.

    Args:
        source: what the user gave.
        key: the setting's name, for messages.
        wanted: what is expected, in words.

    Raises:
        ValueError: there is no such file, or it is damaged; one sentence that says what to do.

    >>> find_file("nowhere.pth", key="checkpoint", wanted="weights of LaMa")
    Traceback (most recent call last):
    ...
    ValueError: checkpoint: expected weights of LaMa, got a path where nothing is: nowhere.pth; ...
    """
    remedy = "give a file, or a name of `iem models list`"
    if source is None or not str(source).strip():
        raise ValueError(f"{key}: expected {wanted}, got {'none' if source is None else 'an empty name'}; {remedy}")
    path, name = Path(source).expanduser(), printable(str(source))
    if path.is_file():
        return path
    entry = lookup(str(source))
    if entry is None:
        got = "a folder" if path.is_dir() else "a path where nothing is"
        raise ValueError(f"{key}: expected {wanted}, got {got}: {name}; {_meant(str(source)) or remedy}")
    if entry.kind == "hub":
        raise ValueError(f"{key}: expected {wanted}, got {name}, which is a whole folder of weights; {remedy}")
    if not file_of(entry).is_file():
        raise ValueError(f"{key}: expected {wanted}, got {name}, which is not fetched yet; {_fetch(entry)}")
    return _checked(entry, key, wanted)


def find_folder(source: Path | str, *, key: str, wanted: str) -> Path:
    """The folder that ``source`` means: a path, a name of ``iem models list``, or one on the Hugging Face hub.

    Of the hub, only what its cache holds is found: nothing is downloaded, and the hub is not asked.

    Args:
        source: what the user gave.
        key: the setting's name, for messages.
        wanted: what is expected, in words.

    Raises:
        ValueError: there is no such folder, or a part of it is missing; one sentence that says what to do.

    >>> find_folder("./nowhere", key="base", wanted="Stable Diffusion")
    Traceback (most recent call last):
    ...
    ValueError: base: expected Stable Diffusion, found no folder ./nowhere; check the path
    """
    text = str(source)
    name = printable(text)
    if not text.strip():
        raise ValueError(f"{key}: expected {wanted}, got nothing; give a folder, or a name of `iem models list`")
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if isinstance(source, Path) or text.startswith((".", "/", "~")):
        raise ValueError(f"{key}: expected {wanted}, found no folder {name}; check the path")
    entry = lookup(text)
    if entry is not None and entry.kind != "hub":
        raise ValueError(
            f"{key}: expected {wanted}, got {name}, which is a single file; give a folder, or the name of one in "
            "`iem models list`"
        )
    if entry is None and not is_repository_name(text):
        remedy = _meant(text) or "give a folder, or a name of `iem models list`"
        raise ValueError(f"{key}: expected {wanted}, found neither a folder nor weights of the name {name}; {remedy}")
    repository, files = (entry.address, entry.files) if entry is not None else (text, ())
    if (found := snapshot(repository, files)) is not None:
        return found
    partial = partial_snapshot(repository)
    state = f"of which {missing_of(partial, files)} is missing" if partial is not None else "which is not fetched yet"
    remedy = _fetch(entry) if entry is not None else f"fetch it with `iem models get {name}`"
    raise ValueError(
        f"{key}: expected {wanted}, got {name}, {state} in {printable(str(hub_folders()[-1]))}; "
        f"{remedy}, or give a folder"
    )


def is_ready(name: str) -> bool:
    """Whether the weights of a name are there; no content is looked at, so that it costs nothing.

    Args:
        name: of ``iem models list``, or a repository of the hub.

    Raises:
        ValueError: there is no such name.

    >>> is_ready("nobody/nothing")
    False
    """
    entry = lookup(name)
    if entry is None and is_repository_name(name):
        return snapshot(name) is not None
    return locate(find(name)) is not None


def _checked(entry: Checkpoint, key: str, wanted: str) -> Path:
    path, record = file_of(entry), read_record(entry)
    place = printable(str(path))
    remedy = f"remove it and fetch it anew with `iem models get {entry.name}`"
    try:
        if record is not None and (size := path.stat().st_size) < record.size:
            raise ValueError(
                f"{key}: expected {wanted}, got a truncated file ({size:,} of {record.size:,} bytes): {place}; {remedy}"
            )
        expected = expected_sum(entry, record)
        if expected is not None and (found := digest(path)) != expected:
            raise ValueError(
                f"{key}: expected {wanted} with the sha256 sum {expected[:12]}..., got {found[:12]}...: {place}; it is "
                f"altered or truncated, {remedy}"
            )
    except OSError as error:
        raise ValueError(
            f"{key}: expected {wanted}, got a file that cannot be read ({error.strerror or error}): {place}; "
            "look at its permissions"
        ) from None
    return path


def _fetch(entry: Checkpoint) -> str:
    if entry.kind == "page":
        return (
            f"download {entry.file} in a browser from {entry.address} and register it with "
            f"`iem models get {entry.name} --from FILE` ({entry.terms})"
        )
    return f"fetch it with `iem models get {entry.name}` ({entry.terms})"


def _meant(text: str) -> str | None:
    near = difflib.get_close_matches(text, [entry.name for entry in table()], n=1, cutoff=0.75)
    return f"did you mean {near[0]}?" if near else None
