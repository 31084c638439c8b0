"""Stable Diffusion and a ControlNet as they lie on the hub, but with a few thousand random weights.

Each function fills ``folder`` and returns it; the same arguments give the same weights.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

_UNET = {
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "norm_num_groups": 4,
    "attention_head_dim": 2,
    "cross_attention_dim": 32,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
}


def tiny_stable_diffusion(folder: Path, *, channels: int = 4, seed: int = 0) -> Path:
    """As ``stable-diffusion-v1-5/stable-diffusion-v1-5``; 9 input ``channels`` as its variant for inpainting."""
    tokenizer = clip_tokenizer()
    words = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    scheduler = diffusers.PNDMScheduler(  # that of the published folder
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
    )
    with seeded(seed), silent():
        pipeline = diffusers.StableDiffusionPipeline(
            unet=diffusers.UNet2DConditionModel(
                sample_size=16,
                in_channels=channels,
                out_channels=4,
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
                **_UNET,
            ),
            vae=diffusers.AutoencoderKL(
                sample_size=32,
                block_out_channels=(8, 16),
                layers_per_block=1,
                norm_num_groups=4,
                latent_channels=4,
                down_block_types=("DownEncoderBlock2D",) * 2,
                up_block_types=("UpDecoderBlock2D",) * 2,
            ),
            text_encoder=transformers.CLIPTextModel(words),
            tokenizer=tokenizer,
            scheduler=scheduler,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.save_pretrained(folder)
    return folder


def tiny_control(folder: Path, *, seed: int = 1, **settings: Any) -> Path:
    """As ``lllyasviel/control_v11p_sd15_inpaint``, trained: the layers that start from zero are random, too."""
    with seeded(seed), silent():
        model = diffusers.ControlNetModel(
            in_channels=4, conditioning_embedding_out_channels=(8, 16), **{**_UNET, **settings}
        )
        for weights in model.parameters():
            if not bool(weights.any()):
                torch.nn.init.normal_(weights, std=0.2)
        model.save_pretrained(folder)
    return folder


def clip_tokenizer(length: int = 77) -> transformers.CLIPTokenizer:
    """One that knows single characters."""
    from tokenizers.pre_tokenizers import ByteLevel

    characters = sorted(ByteLevel.alphabet())
    words = [*characters, *(character + "</w>" for character in characters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: index for index, word in enumerate(words)}
    return transformers.CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=length)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def silent() -> Iterator[None]:
    from iem.inpainters.quiet import quiet

    with quiet():
        yield
