"""Segmentation without labels, by information (inpainting error maximisation)."""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iem import presets
    from iem.interfaces import Solution, Status
    from iem.maximise import maximise
    from iem.peeling import peel
    from iem.removal import remove
    from iem.segmentation import segment

__version__ = "0.1.0"
__all__ = ["Solution", "Status", "maximise", "peel", "presets", "remove", "segment"]

_PLACES = {
    "Solution": "iem.interfaces",
    "Status": "iem.interfaces",
    "peel": "iem.peeling",
    "remove": "iem.removal",
    "segment": "iem.segmentation",
}


class _Package(ModuleType):
    """What is named above is imported when it is first used, so that ``iem --help`` does not wait for PyTorch."""

    def __getattr__(self, name: str) -> Any:
        if name == "presets":
            return importlib.import_module("iem.presets")
        if name in _PLACES:
            return getattr(importlib.import_module(_PLACES[name]), name)
        raise AttributeError(f"module 'iem' has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})

    @property
    def maximise(self) -> Any:
        """The function, whose module has the same name."""
        return importlib.import_module("iem.maximise").maximise

    @maximise.setter
    def maximise(self, module: ModuleType) -> None:
        """Importing ``iem.maximise`` would put the module in the function's place."""


sys.modules[__name__].__class__ = _Package
