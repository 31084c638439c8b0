"""Networks of diffusers, from folders or from what was fetched before, without a word on the terminal."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any, NoReturn

import torch

from iem.images.errors import printable
from iem.inpainters.quiet import quiet
from iem.weights import find_folder

_BASE = "Stable Diffusion 1.5 as diffusers lays it out"
_CONTROL = "a ControlNet for Stable Diffusion 1.5"
_ANY_BASE = "Stable Diffusion, for inpainting or not, as diffusers lays it out"
_DDPM = "a DDPM of whole pictures as diffusers lays it out"


def check_source(source: Path | str, name: str) -> None:
    """Require what can be seen of a source of weights without opening it.

    Raises:
        ValueError: an empty name, or a path of no folder.
    """
    expected = "expected a folder or a name of `iem models list`"
    text = str(source)
    if not isinstance(source, str | Path) or not text.strip():
        raise ValueError(f"{name}: {expected}, got {source!r}; give one")
    is_path = isinstance(source, Path) or text.startswith((".", "/", "~"))
    if is_path and not Path(source).expanduser().is_dir():
        raise ValueError(f"{name}: {expected}, found no folder {_shown(source)}; check the path")


def check_text(text: str, name: str) -> None:
    """Require a text, be it empty.

    Raises:
        ValueError: anything else.
    """
    if not isinstance(text, str):
        raise ValueError(f"{name}: expected a text, got {text!r}; write '' for none")


def check_extra(painter: str) -> None:
    """Require the packages of the extra ``diffusion``.

    Raises:
        ImportError: one is not installed.
    """
    for package in ("diffusers", "transformers", "accelerate"):
        if importlib.util.find_spec(package) is None:
            raise ImportError(
                f'{painter}: expected the package {package}, which is not installed; pip install "iem[diffusion]"'
            )


def load_controlnet(base: Path | str, controlnet: Path | str, *, device: torch.device) -> Any:
    """Stable Diffusion 1.x with a ControlNet and the DDIM sampler, ready to be asked.

    On CUDA it computes in half precision, and its networks wait in main memory for their turn. The safety checker is
    left out: it would turn a picture that it suspects black. Nothing is downloaded.

    Args:
        base: folder, or name, of a diffusers pipeline with a UNet of 4 input channels.
        controlnet: folder, or name, of a ControlNet that fits it.
        device: where to compute.

    Raises:
        ImportError: the extra ``diffusion`` is not installed.
        ValueError: weights that are not here, or are something else; one sentence.
    """
    check_extra("ControlNet")
    with quiet():
        diffusers: Any = importlib.import_module("diffusers")
        control = _load_network(diffusers.ControlNetModel, controlnet, key="controlnet", wanted=_CONTROL)
        pipeline = _load_pipeline(
            diffusers.StableDiffusionControlNetPipeline, base, key="base", wanted=_BASE, controlnet=control
        )
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
        return _made_ready(pipeline, device)


def load_stable_diffusion(model: Path | str, *, device: torch.device) -> Any:
    """Stable Diffusion to fill holes with, and the DDIM sampler; as ``load_controlnet`` in everything else.

    Args:
        model: folder, or name, of a diffusers pipeline with a UNet of 9 input channels (which sees the picture and the
            hole) or of 4 (which sees neither).
        device: where to compute.

    Raises:
        ImportError: the extra ``diffusion`` is not installed.
        ValueError: weights that are not here, or are something else; one sentence.
    """
    check_extra("StableDiffusion")
    with quiet():
        diffusers: Any = importlib.import_module("diffusers")
        pipeline = _load_pipeline(
            diffusers.StableDiffusionInpaintPipeline, model, key="model", wanted=_ANY_BASE, image_encoder=None
        )
        channels = pipeline.unet.config.in_channels
        if channels not in (4, 9):
            raise ValueError(
                f"model: expected a UNet of 4 or 9 input channels, got {channels} in {_shown(model)}; "
                "give Stable Diffusion itself, or its variant for inpainting"
            )
        return _made_ready(pipeline, device)


def load_ddpm(model: Path | str, *, device: torch.device) -> tuple[Any, Any]:
    """A network that denoises whole pictures, in half precision on CUDA, and RePaint's scheduler of its noise.

    Args:
        model: folder, or name, of a ``UNet2DModel`` and its scheduler, side by side or in ``unet/`` and ``scheduler/``.
        device: where to compute.

    Raises:
        ImportError: the extra ``diffusion`` is not installed.
        ValueError: weights that are not here, or are something else; one sentence.
    """
    check_extra("RePaint")
    folder = find_folder(model, key="model", wanted=_DDPM)
    unet_folder, noise_folder = (
        folder / part if (folder / part).is_dir() else folder for part in ("unet", "scheduler")
    )
    with quiet():
        diffusers: Any = importlib.import_module("diffusers")
        unet = _load_network(diffusers.UNet2DModel, unet_folder, key="model", wanted=_DDPM)
        try:
            noise = diffusers.RePaintScheduler.load_config(noise_folder)
            scheduler = diffusers.RePaintScheduler.from_config(noise)
        except Exception as error:
            _refuse("model", _DDPM, model, error)
        channels, predicted = (unet.config.in_channels, unet.config.out_channels), noise.get("prediction_type")
        if channels != (3, 3) or predicted not in (None, "epsilon"):
            raise ValueError(
                f"model: expected a network from 3 channels to the noise in them, got one from {channels[0]} channels "
                f"to {channels[1]} ({predicted or 'epsilon'}) in {_shown(model)}; give a DDPM of RGB pictures without "
                "learned variances"
            )
        return unet.to(device, torch.float16 if device.type == "cuda" else torch.float32), scheduler


def check_length(pipeline: Any, text: str, name: str) -> None:
    """Require that the text encoder reads ``text`` to its end: the rest would be left out without a word.

    Raises:
        ValueError: a longer text.
    """
    with quiet():
        count, most = len(pipeline.tokenizer(text).input_ids), pipeline.tokenizer.model_max_length
    if count > most:
        raise ValueError(f"{name}: expected at most {most - 2} tokens, got {count - 2}; shorten it")


def _load_network(kind: Any, source: Path | str, *, key: str, wanted: str) -> Any:
    folder = find_folder(source, key=key, wanted=wanted)
    try:
        declared = kind.load_config(folder).get("_class_name")
        if declared != kind.__name__:
            raise ValueError(f"{declared} is no {kind.__name__}")
        network, report = kind.from_pretrained(
            folder, variant=_variant(folder), local_files_only=True, output_loading_info=True
        )
        if report["missing_keys"]:
            raise ValueError(f"no {report['missing_keys'][0]}")
    except Exception as error:  # of half a dozen libraries, for what is missing, damaged or of another kind
        _refuse(key, wanted, source, error)
    return network.eval()


def _load_pipeline(kind: Any, source: Path | str, *, key: str, wanted: str, **parts: Any) -> Any:
    folder = find_folder(source, key=key, wanted=wanted)
    try:
        pipeline = kind.from_pretrained(
            folder,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
            variant=_variant(folder / "unet"),
            local_files_only=True,
            **parts,
        )
        reads, said = pipeline.unet.config.cross_attention_dim, pipeline.text_encoder.config.hidden_size
        if reads != said:  # of Stable Diffusion XL, which has a second encoder
            raise ValueError(f"a UNet that reads {reads} numbers a word, and an encoder that gives {said}")
    except Exception as error:
        _refuse(key, wanted, source, error)
    return pipeline


def _made_ready(pipeline: Any, device: torch.device) -> Any:
    diffusers: Any = importlib.import_module("diffusers")
    # As the sampler that came with Stable Diffusion; those of the folders belong to others.
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


def _variant(folder: Path) -> str | None:
    """``fp16`` where only weights of half precision were fetched."""
    names = {path.name for path in folder.glob("diffusion_pytorch_model*")}
    return "fp16" if names and all(".fp16" in name for name in names) else None


def _refuse(key: str, wanted: str, got: Path | str, error: Exception) -> NoReturn:
    raise ValueError(
        f"{key}: expected {wanted}, got a folder with something else or only a part of it: {_shown(got)}; "
        "download the whole folder anew"
    ) from error


def _shown(name: Path | str) -> str:
    return printable(str(name))
