"""CLIP with both towers and its tokenizer, tiny and random, and a scene of coloured things with who names them."""

from pathlib import Path

import torch
import transformers
from references.tiny_models import _random, _saved
from references.tiny_segmenters import clip_tokenizer

COLOURS = {"red": (0.9, 0.1, 0.1), "green": (0.1, 0.8, 0.2), "blue": (0.1, 0.2, 0.9)}


def tiny_whole_clip(folder: Path, *, seed: int = 0) -> Path:
    """As ``openai/clip-vit-base-patch16``; words are read letter by letter, 77 at most."""
    tokenizer = clip_tokenizer(77)
    widths = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    words = {**widths, "vocab_size": len(tokenizer), "max_position_embeddings": 77, "projection_dim": 16}
    words |= {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    pictures = {**widths, "image_size": 32, "patch_size": 8, "projection_dim": 16}
    config = transformers.CLIPConfig(text_config=words, vision_config=pictures, projection_dim=16)
    tokenizer.save_pretrained(folder)
    return _saved(_random(transformers.CLIPModel, config, seed), folder)


def coloured_scene() -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """A dim picture, ``[1, 3, 48, 64]``, and the masks of a red, a green and a blue rectangle in it."""
    image = torch.full((1, 3, 48, 64), 0.3)
    masks = {}
    for name, (top, left, height, width) in {
        "red": (4, 4, 12, 20), "green": (20, 30, 24, 10), "blue": (2, 50, 10, 14)
    }.items():  # fmt: skip
        mask = torch.zeros(1, 1, 48, 64)
        mask[..., top : top + height, left : left + width] = 1
        image = torch.where(mask > 0, torch.tensor(COLOURS[name])[None, :, None, None], image)
        masks[name] = mask
    return image, masks


def by_colour(crops: torch.Tensor, text: str) -> torch.Tensor:
    """Minus how far the middle of each crop is from the colour of that name."""
    side = crops.shape[-1]
    middle = crops[:, :, side // 2, side // 2]
    return -(middle - torch.tensor(COLOURS[text])).abs().sum(1)
