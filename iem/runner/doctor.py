"""What is installed here, and whether it works. Nothing in this file may fail because something is missing."""

import importlib.metadata
import importlib.util
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_DISTRIBUTION = "iem"
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?(?P<range>[^;)]*)\)?\s*;?(?P<marker>.*)"
)
_EXTRA = re.compile(r"""extra\s*==\s*["'](?P<extra>[^"']+)["']""")


@dataclass(frozen=True)
class Finding:
    """One line of a diagnosis.

    Attributes:
        name: what was looked at.
        value: what was found, such as a version.
        good: False if something that the program needs is missing or does not work.
        advice: what to do about it.
    """

    name: str
    value: str
    good: bool = True
    advice: str = ""


def diagnose() -> dict[str, list[Finding]]:
    """Look at everything; section -> findings."""
    return {
        "program": _program(),
        "PyTorch": _torch(),
        "needed packages": _dependencies(),
        "optional packages": _extras(),
        "painters": _painters(),
        "places": _places(),
        "self-test": [_self_test()],
    }


def _program() -> list[Finding]:
    supported = (3, 10) <= sys.version_info[:2] <= (3, 13)
    root = importlib.util.find_spec("iem")
    place = str(Path(root.origin).parent) if root is not None and root.origin else "unknown"
    return [
        Finding("iem", _version(_DISTRIBUTION) or "not installed as a package (run from its source)"),
        Finding("installed in", place),
        Finding("Python", f"{platform.python_version()} ({sys.executable})", supported, "use Python 3.10 to 3.13"),
        Finding("system", f"{platform.platform()}, {os.cpu_count()} processors"),
    ]


def _torch() -> list[Finding]:
    try:
        import torch
    except Exception as error:  # a broken installation raises anything, OSError for a missing library included
        return [Finding("torch", _words(error), good=False, advice="install PyTorch anew: https://pytorch.org")]
    findings = [Finding("torch", torch.__version__), Finding("threads", str(torch.get_num_threads()))]
    try:
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU alone"
        findings.append(Finding("CUDA devices", ", ".join(names) or f"none; this PyTorch is built for {built}"))
        apple = "there is one, iem does not use it" if torch.backends.mps.is_available() else "none"
        findings.append(Finding("Apple GPU (mps)", apple))
    except Exception as error:
        findings.append(Finding("devices", _words(error), good=False, advice="check the driver; --device cpu works"))
    return findings


def _dependencies() -> list[Finding]:
    requirements = _requirements().get("", {})
    if not requirements:
        return [Finding("unknown", "iem is not installed as a package, so its needs are not on record")]
    return [_package(name, wanted) for name, wanted in sorted(requirements.items())]


def _package(name: str, wanted: str) -> Finding:
    found = _version(name)
    if found is None:
        return Finding(name, "missing", good=False, advice=f"pip install '{name}{wanted}'")
    if not _satisfies(found, wanted):
        return Finding(name, f"{found}, needed is {wanted}", good=False, advice=f"pip install '{name}{wanted}'")
    return Finding(name, found)


def _extras() -> list[Finding]:
    findings = []
    for extra, requirements in sorted(_requirements().items()):
        if extra:
            missing = sorted(name for name in requirements if _version(name) is None)
            value = f"not installed: {', '.join(missing)}" if missing else "installed"
            findings.append(Finding(f"iem[{extra}]", value))
    return findings or [Finding("none", "this installation lists no extras")]


def _painters() -> list[Finding]:
    """None of them is needed: the first, at least, is always there."""
    from iem.runner.painters import KINDS, readiness

    findings = []
    for name, kind in KINDS.items():
        try:
            found = readiness(name.value)
            value = f"ready: {kind.about}" if found.ready else found.needs
        except Exception as error:  # half an installation, or weights in a place that cannot be looked at
            value = f"cannot tell: {_words(error)}"
        findings.append(Finding(name.value, value))
    return findings


def _places() -> list[Finding]:
    return [
        _writable("current folder", os.getcwd),
        _writable("temporary files", tempfile.gettempdir),
        _weights(),
        Finding("cache of PyTorch", os.environ.get("TORCH_HOME", str(_cache() / "torch"))),
        Finding("cache of Matplotlib", os.environ.get("MPLCONFIGDIR", str(_cache() / "matplotlib"))),
    ]


def _weights() -> Finding:
    name = "weights that were fetched"
    try:
        from iem.weights import cache_folder

        folder = cache_folder()
        return Finding(name, f"{folder}{'' if folder.is_dir() else ' (none yet; see iem models list)'}")
    except Exception as error:
        return Finding(name, _words(error))


def _self_test() -> Finding:
    """Segment a bright rectangle on a dark ground, which the published settings find exactly."""
    name, advice = "a synthetic picture", "install iem anew in a fresh environment"
    try:
        import torch

        from iem.segmentation import segment

        begun = time.perf_counter()
        truth = torch.zeros(1, 1, 64, 64)
        truth[..., 20:44, 16:40] = 1
        mask = segment(0.2 + 0.6 * truth.expand(-1, 3, -1, -1), "paper", size=64).mask > 0.5
        overlap = float((mask & (truth > 0)).sum() / (mask | (truth > 0)).sum())
        seconds = time.perf_counter() - begun
    except Exception as error:
        return Finding(name, _words(error), good=False, advice=advice)
    if overlap < 0.9:
        return Finding(name, f"found with an IoU of {overlap:.2f}, expected 0.9", good=False, advice=advice)
    return Finding(name, f"found with an IoU of {overlap:.2f} in {seconds:.2f} s")


def _requirements() -> dict[str, dict[str, str]]:
    """Extra ("" for what is always needed) -> package -> range of versions."""
    try:
        lines = importlib.metadata.requires(_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        if (match := _REQUIREMENT.match(line)) is not None:
            extra = _EXTRA.search(match["marker"])
            found.setdefault(extra["extra"] if extra else "", {})[match["name"]] = match["range"].replace(" ", "")
    return found


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except Exception:  # a half-removed package has a folder and no version
        return None


def _satisfies(found: str, wanted: str) -> bool:
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError:  # then pip is left to judge
        return True
    return SpecifierSet(wanted).contains(found, prereleases=True)


def _writable(name: str, place: Callable[[], str]) -> Finding:
    try:
        folder = place()
        with tempfile.TemporaryFile(dir=folder):
            return Finding(name, f"{folder} (writable)")
    except OSError as error:
        advice = "give an output folder elsewhere, with -o"
        return Finding(name, f"cannot be written to ({error.strerror or error})", good=False, advice=advice)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home) if home else Path(os.path.expanduser("~"), ".cache")  # noqa: PTH111 (never fails, with no home)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
