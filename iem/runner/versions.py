"""What a result was made with."""

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("iem", "torch", "kornia", "numpy", "scipy", "pillow", "hydra-core", "torchmetrics")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and the packages that results depend on, and the commit if this is a checkout.

    >>> sorted(versions())[:2]
    ['commit', 'hydra-core']
    """
    found = {name: _version(name) for name in PACKAGES}
    return {**found, "python": platform.python_version(), "platform": platform.platform(), "commit": _commit()}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return answer.stdout.strip()
