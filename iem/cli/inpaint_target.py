"""Where painted pictures go, and as which kind of file."""

from pathlib import Path

from iem.cli.streams import UsageError

#: What a file's ending says of its kind.
_KINDS = {
    "png": "png",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "webp": "webp",
    "tif": "tiff",
    "tiff": "tiff",
    "bmp": "bmp",
}


def names_file(output: str) -> bool:
    """Whether OUT means one picture's file rather than a folder.

    >>> names_file("painted.png"), names_file("painted")
    (True, False)
    """
    return _kind(output) is not None and not Path(output).is_dir()


def chosen_format(asked: str, output: str) -> str:
    """The format to write: what was asked for, or what the file is called.

    Raises:
        UsageError: they contradict each other.

    >>> chosen_format("auto", "painted.jpg"), chosen_format("auto", "painted"), chosen_format("webp", "painted")
    ('jpeg', 'auto', 'webp')
    """
    named = _kind(output) if names_file(output) else None
    if named is None or asked == "auto":
        return named or asked
    if asked != named:
        raise UsageError(f"--format {asked} does not fit -o {output}; leave one of them out, or rename the file")
    return named


def _kind(output: str) -> str | None:
    return _KINDS.get(Path(output).suffix.lower().strip("."))
