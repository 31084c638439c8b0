"""Silence of transformers and diffusers, which otherwise talk while they load."""

import contextlib
import importlib
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without progress bars and remarks of transformers and diffusers, whichever of them is there."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.filterwarnings("ignore", module="huggingface_hub")  # diffusers calls it in ways that it deprecates
        for name in ("transformers", "diffusers"):
            with contextlib.suppress(ImportError):
                stack.enter_context(_quiet_library(name))
        yield


@contextlib.contextmanager
def _quiet_library(name: str) -> Iterator[None]:
    its = importlib.import_module(f"{name}.utils.logging")
    verbosity, has_bars = its.get_verbosity(), its.is_progress_bar_enabled()
    its.set_verbosity(logging.CRITICAL)  # that a folder holds pickles is an error to diffusers, which then reads them
    its.disable_progress_bar()
    try:
        yield
    finally:
        its.set_verbosity(verbosity)
        if has_bars:
            its.enable_progress_bar()
