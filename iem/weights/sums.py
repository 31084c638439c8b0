"""The sum of a file."""

import hashlib
from pathlib import Path


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
