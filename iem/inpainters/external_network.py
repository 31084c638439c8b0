"""Networks that others wrote: from a file that holds its own code, or from a function by its name."""

import importlib
import importlib.util
import inspect
import sys
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch

from iem.images.errors import printable
from iem.weights import digest, find_file

Source = Path | str | Callable[..., Any]

_WANTED = "a network as TorchScript, torch.export or a function"
_KEY = "source"


@dataclass(frozen=True)
class ExternalNetwork:
    """What can be asked, and what is known of it.

    Attributes:
        ask: called with the tensors that it takes, and nothing else.
        name: in messages.
        size: (height, width) of the only pictures that it takes; None for any, as far as one can see.
        dtype: of its inputs.
    """

    ask: Callable[..., Any]
    name: str
    size: tuple[int, int] | None = None
    dtype: torch.dtype = torch.float32


def named(source: Source) -> str:
    """What a source is called in messages."""
    if isinstance(source, str | Path):
        return printable(str(source))
    return printable(getattr(source, "__qualname__", type(source).__name__))


def is_function(source: Source) -> bool:
    """Whether a source is a function or means one: ``package.module:function`` or ``file.py:function``.

    >>> [is_function(each) for each in (print, "mine.painters:load", "mat.py:load", "mat.pt", "C:/mat.pt")]
    [True, True, True, False, False]
    """
    if not isinstance(source, str):
        return not isinstance(source, Path)
    module, colon, function = source.rpartition(":")
    return bool(module and colon) and function.isidentifier() and not Path(source).expanduser().is_file()


def check_source(source: Source | None) -> None:
    """Require what can be seen of a source without running any of its code.

    Raises:
        ValueError: there is nothing there, or nothing that could be a network; one sentence.
    """
    if source is None or (isinstance(source, str | Path) and not is_function(source)):
        _kind(find_file(source, key=_KEY, wanted=_WANTED))
    elif isinstance(source, str):
        module = source.rpartition(":")[0]
        if module.endswith(".py"):
            if not Path(module).expanduser().is_file():
                _refuse(f"a path where nothing is: {printable(module)}", "check the path")
        elif not _is_installed(module.partition(".")[0]):
            _refuse(
                f"{printable(source)}, and there is no package {printable(module.partition('.')[0])}",
                "install it, or give a file, as in painter.py:function",
            )
    elif not callable(source):
        _refuse(type(source).__name__, "give a file, a function, or the name of one, as in package.module:function")


def load_network(source: Source, device: torch.device, inputs: int, sha256: str | None = None) -> ExternalNetwork:
    """The network on a device. Whatever code it consists of runs from here on.

    Args:
        source: as ``External`` takes it.
        device: where it shall run.
        inputs: how many tensors it will be asked with.
        sha256: refuse a file with another checksum.

    Raises:
        ValueError: it cannot be loaded; one sentence that names it.
    """
    if not isinstance(source, str | Path) or is_function(source):
        return _function(source, device)
    path = find_file(source, key=_KEY, wanted=_WANTED)
    if sha256 is not None and (found := digest(path)) != sha256:
        _refuse(
            f"{printable(str(path))} with the sha256 sum {found[:12]}...",
            f"give the file with {printable(sha256[:12])}..., or leave sha256 out",
        )
    try:
        if _kind(path) == "TorchScript":
            return _script(path, device)
        return _exported(path, device, inputs)
    except _UnusableError as error:
        _refuse(f"{printable(str(path))}, {error}", "export it anew")
    except Exception as error:  # the readers have errors of many kinds
        _refuse(
            f"a file that PyTorch {torch.__version__} cannot read ({first_line(error)}): {printable(str(path))}",
            "it is truncated, or was made by a newer version",
            error,
        )


def first_line(error: BaseException) -> str:
    """An error in a few words."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = printable(lines[-1] if "Traceback" in str(error) else lines[0]) if lines else ""
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


class _UnusableError(Exception):
    """A program that does not do what is asked of it: the end of a clause."""


def _kind(path: Path) -> str:
    names: list[str] = []
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [name.partition("/")[2] or name for name in archive.namelist()]
    if any(name == "constants.pkl" for name in names):
        return "TorchScript"
    if "serialized_exported_program.json" in names or any(name.startswith("models/") for name in names):
        return "torch.export"
    if "data.pkl" in names or path.suffix in (".pth", ".ckpt", ".safetensors", ".pkl"):
        _refuse(
            f"weights without their network: {printable(str(path))}",
            "give a function that makes the network and reads them, as in painter.py:load",
        )
    _refuse(f"a file of another kind: {printable(str(path))}", "save one with torch.jit.save or torch.export.save")


def _script(path: Path, device: torch.device) -> ExternalNetwork:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TorchScript being superseded
        program = torch.jit.load(path, map_location=device).eval()
    for weight in program.parameters():
        weight.requires_grad_(False)
    kinds = [weight.dtype for weight in program.parameters() if weight.is_floating_point()]
    return ExternalNetwork(program, printable(path.name), dtype=kinds[0] if kinds else torch.float32)


def _exported(path: Path, device: torch.device, inputs: int) -> ExternalNetwork:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.export.load(path)
        examples = [
            node.meta["val"] for node in program.graph.nodes if node.name in program.graph_signature.user_inputs
        ]
        if len(examples) != inputs:
            raise _UnusableError(f"which takes {len(examples)} tensors, not {inputs} as the layout says")
        shape = examples[0].shape
        if len(shape) != 4 or (isinstance(shape[0], int) and shape[0] != 1):
            raise _UnusableError(f"which takes pictures of shape {list(shape)}, not one at a time, [1, c, h, w]")
        if any(each.device != device for each in examples):
            from torch.export.passes import move_to_device_pass

            program = move_to_device_pass(program, device)
        module = program.module().requires_grad_(False)
    fixed = isinstance(shape[2], int) and isinstance(shape[3], int)
    size = (int(shape[2]), int(shape[3])) if fixed else None
    return ExternalNetwork(module, printable(path.name), size, examples[0].dtype)


def _function(source: Source, device: torch.device) -> ExternalNetwork:
    name = named(source)
    if isinstance(source, str):
        try:
            found = _imported(source)
        except Exception as error:  # what a module does when it is imported is its own affair
            _refuse(f"{name}, which cannot be imported ({first_line(error)})", "look at it", error)
    else:
        found = source
    if _takes_nothing(found):
        try:
            found = found()
        except Exception as error:
            _refuse(f"{name}, which failed to load ({first_line(error)})", "look at it", error)
        if isinstance(found, torch.nn.Module):
            found = found.to(device).eval().requires_grad_(False)
    if not callable(found):
        _refuse(f"{name}, which gives {type(found).__name__}", "let it return a function of an image and a mask")
    return ExternalNetwork(found, name)


def _imported(source: str) -> Any:
    module, _, function = source.rpartition(":")
    if not module.endswith(".py"):
        return getattr(importlib.import_module(module), function)
    path = Path(module).expanduser().resolve()
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    made = importlib.util.module_from_spec(specification)
    # As for a script: what lies beside it can be imported, now and later.
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    specification.loader.exec_module(made)
    return getattr(made, function)


def _takes_nothing(function: Any) -> bool:
    """Whether it is called without arguments: it loads the network rather than being it."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C
        return False
    return all(each.kind is each.KEYWORD_ONLY or each.default is not each.empty for each in parameters)


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _refuse(got: str, remedy: str, cause: BaseException | None = None) -> NoReturn:
    raise ValueError(f"{_KEY}: expected {_WANTED}, got {got}; {remedy}") from cause
