"""Pipelines of diffusers, from folders or from what the hub's cache holds, without a word on the terminal."""

import contextlib
import importlib
import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import torch

from iem.images.errors import printable


def check_source(source: Path | str, name: str) -> None:
    """Require what can be seen of a source of weights without opening it.

    Raises:
        ValueError: an empty name, or a path of no folder.
    """
    text = str(source)
    if not isinstance(source, str | Path) or not text.strip():
        raise ValueError(f"{name}: expected a folder or a name on the Hugging Face hub, got {source!r}; give one")
    is_path = isinstance(source, Path) or text.startswith((".", "/", "~"))
    if is_path and not Path(source).expanduser().is_dir():
        raise ValueError(
            f"{name}: expected a folder or a name on the Hugging Face hub, found no folder {_shown(source)}; "
            "check the path"
        )


def check_extra() -> None:
    """Require the packages of the extra ``diffusion``.

    Raises:
        ImportError: one is not installed.
    """
    for package in ("diffusers", "transformers", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f'ControlNet: expected the package {package}, which is not installed; pip install "iem[diffusion]"'
            )


def load_controlnet(base: Path | str, controlnet: Path | str, *, device: torch.device, download: bool) -> Any:
    """Stable Diffusion 1.x with a ControlNet and the DDIM sampler, ready to be asked.

    On CUDA it computes in half precision, and its networks wait in main memory for their turn. The safety checker is
    left out: it would turn a picture that it suspects black.

    Args:
        base: folder, or name on the hub, of a diffusers pipeline with a UNet of 4 input channels.
        controlnet: folder, or name on the hub, of a ControlNet that fits it.
        device: where to compute.
        download: whether what is not here may be fetched.

    Raises:
        ImportError: the extra ``diffusion`` is not installed.
        ValueError: weights that are not here, or are something else; one sentence.
    """
    check_extra()
    with quiet():
        diffusers: Any = importlib.import_module("diffusers")
        try:
            control = diffusers.ControlNetModel.from_pretrained(_location(controlnet), local_files_only=not download)
        except Exception as error:  # of half a dozen libraries, for what is missing, damaged or of another kind
            _refuse("controlnet", "a ControlNet for Stable Diffusion 1.5", controlnet, download, error)
        try:
            pipeline = diffusers.StableDiffusionControlNetPipeline.from_pretrained(
                _location(base),
                controlnet=control,
                safety_checker=None,
                feature_extractor=None,
                requires_safety_checker=False,
                local_files_only=not download,
            )
        except Exception as error:
            _refuse("base", "Stable Diffusion 1.5 as diffusers lays it out", base, download, error)
        channels = pipeline.unet.config.in_channels
        if channels != 4:
            raise ValueError(
                f"base: expected a UNet of 4 input channels, got {channels} in {_shown(base)}; "
                "give Stable Diffusion itself, not its variant for inpainting"
            )
        if control.config.cross_attention_dim != pipeline.unet.config.cross_attention_dim:
            raise ValueError(
                f"controlnet: expected one for {_shown(base)}, got {_shown(controlnet)}, trained with another; "
                "give two that belong together"
            )
        # As the sampler that came with Stable Diffusion; those of the folder belong to another one.
        pipeline.scheduler = diffusers.DDIMScheduler.from_config(
            pipeline.scheduler.config,
            clip_sample=False,
            set_alpha_to_one=False,
            steps_offset=1,
            timestep_spacing="leading",
        )
        pipeline.set_progress_bar_config(disable=True)
        pipeline.to(dtype=torch.float16 if device.type == "cuda" else torch.float32)
        if device.type == "cuda":
            pipeline.enable_model_cpu_offload(device=device)
        else:
            pipeline.to(device)
    return pipeline


def check_length(pipeline: Any, text: str, name: str) -> None:
    """Require that the text encoder reads ``text`` to its end: the rest would be left out without a word.

    Raises:
        ValueError: a longer text.
    """
    with quiet():
        count, most = len(pipeline.tokenizer(text).input_ids), pipeline.tokenizer.model_max_length
    if count > most:
        raise ValueError(f"{name}: expected at most {most - 2} tokens, got {count - 2}; shorten it")


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
    logging = importlib.import_module(f"{name}.utils.logging")
    verbosity, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if has_bars:
            logging.enable_progress_bar()


def _refuse(key: str, wanted: str, got: Path | str, download: bool, error: Exception) -> NoReturn:
    folder = Path(got).expanduser()
    if folder.is_dir():
        found = f"a folder with something else or only a part of it: {_shown(got)}"
        remedy = "download the whole folder anew"
    elif download:
        found = f"{_shown(got)}, which could not be fetched ({type(error).__name__})"
        remedy = f"look at the name and at the network, or give a folder as painter.{key}=FOLDER"
    else:
        found = f"{_shown(got)}, which is neither a folder nor in the cache of the Hugging Face hub"
        remedy = (
            f"give a folder as painter.{key}=FOLDER, or have the 5 GB of the base and the 1.5 GB of the ControlNet "
            "fetched with painter.download=true"
        )
    raise ValueError(f"{key}: expected {wanted}, got {found}; {remedy}") from error


def _location(source: Path | str) -> str:
    """Where to look: a folder of that name comes before the hub's."""
    folder = Path(source).expanduser()
    return str(folder) if folder.is_dir() else str(source)


def _shown(name: Path | str) -> str:
    return printable(str(name))
