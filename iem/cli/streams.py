"""What the commands write: results on stdout, words for people on stderr."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any


class UsageError(Exception):
    """The command cannot be carried out as it was given: one sentence."""


class ClosedPipe(Exception):  # noqa: N818 (not an error: the reader has seen enough)
    """Whoever read our output, such as ``head``, has gone."""


def write_json_line(content: Mapping[str, Any]) -> None:
    """One line of JSON on stdout, at once."""
    write_bytes(json.dumps(content, allow_nan=False).encode("ascii") + b"\n")


def write_text(text: str) -> None:
    """Text on stdout, at once; what its encoding does not know becomes a question mark."""
    write_bytes(text.encode(sys.stdout.encoding or "utf-8", "replace"))


def write_bytes(data: bytes) -> None:
    """Bytes on stdout, at once.

    Raises:
        ClosedPipe: nobody reads it any more.
    """
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError as error:
        forget_stdout()
        raise ClosedPipe from error


def forget_stdout() -> None:
    """Point stdout at nothing: else Python tries it again when it ends, and complains."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


def say(line: str) -> None:
    """A line for people, on stderr."""
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
