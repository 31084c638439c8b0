"""Networks as they lie on the hub, but with a few thousand random weights: built from a config, saved to a folder.

Each function fills ``folder`` and returns it; the same arguments give the same weights.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers

WIDTHS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}


def tiny_vit(folder: Path, *, patch: int = 8, positions: bool = True, seed: int = 0, **settings: Any) -> Path:
    """As ``facebook/dino-vits16``.

    Without ``positions`` and biases, like patches have like tokens wherever they lie: even random weights then tell an
    object from its surroundings.
    """
    config = transformers.ViTConfig(
        **{**WIDTHS, "intermediate_size": 64, "image_size": 4 * patch, "patch_size": patch, **settings}
    )
    model = _random(transformers.ViTModel, config, seed, noise=0.2 if positions else 0, add_pooling_layer=False)
    if not positions:
        torch.nn.init.zeros_(model.embeddings.position_embeddings)
    return _saved(model, folder)


def tiny_dinov2(folder: Path, *, registers: int = 0, seed: int = 0, **settings: Any) -> Path:
    """As ``facebook/dinov2-small``, or with ``registers`` as ``facebook/dinov2-with-registers-small``."""
    settings = {**WIDTHS, "mlp_ratio": 2, "image_size": 28, "patch_size": 14, **settings}
    if registers:
        config = transformers.Dinov2WithRegistersConfig(num_register_tokens=registers, **settings)
        return _saved(_random(transformers.Dinov2WithRegistersModel, config, seed), folder)
    return _saved(_random(transformers.Dinov2Model, transformers.Dinov2Config(**settings), seed), folder)


def tiny_dinov3(folder: Path, *, registers: int = 4, seed: int = 0, **settings: Any) -> Path:
    """As ``facebook/dinov3-vits16-pretrain-lvd1689m``."""
    config = transformers.DINOv3ViTConfig(
        **{**WIDTHS, "intermediate_size": 64, "image_size": 32, "patch_size": 16, **settings},
        num_register_tokens=registers,
    )
    return _saved(_random(transformers.DINOv3ViTModel, config, seed), folder)


def tiny_clip(folder: Path, *, patch: int = 8, seed: int = 0, **settings: Any) -> Path:
    """As ``openai/clip-vit-base-patch16``: both towers, without a tokenizer; ``settings`` are the picture tower's."""
    words = {**WIDTHS, "vocab_size": 32, "intermediate_size": 64, "max_position_embeddings": 16, "projection_dim": 16}
    words = {**words, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    pictures = {**WIDTHS, "intermediate_size": 64, "image_size": 4 * patch, "patch_size": patch, "projection_dim": 16}
    config = transformers.CLIPConfig(text_config=words, vision_config={**pictures, **settings}, projection_dim=16)
    return _saved(_random(transformers.CLIPModel, config, seed), folder)


def _random(kind: Any, config: Any, seed: int, noise: float = 0.2, **settings: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config, **settings).eval()
        # Tokens and norms begin as zeros and ones, and a mistake with them would go unseen.
        for name, parameter in model.named_parameters():
            if noise and (parameter.ndim == 1 or "token" in name):
                torch.nn.init.normal_(parameter, mean=float("norm" in name and "weight" in name), std=noise)
    return model


def _saved(model: Any, folder: Path) -> Path:
    with _quiet():
        model.save_pretrained(folder)
    return folder


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
