"""Small JSON files, written whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from iem.images import write_atomic


def write_object(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain containers.

    Raises:
        ImageError: no space or no permission.
        ValueError: NaN or infinity, which JSON does not know.
    """
    write_atomic(path, (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def read_object(path: Path) -> dict[str, Any] | None:
    """What ``write_object`` wrote, None if it is not there or not whole.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.json")
    >>> write_object(path, {"epochs": 3})
    >>> read_object(path)
    {'epochs': 3}
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
