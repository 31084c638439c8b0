"""Networks that answer prompts, as they lie on the hub, but tiny and with random weights: built, then saved.

Each function fills ``folder`` and returns it; the same arguments give the same weights.
"""

from pathlib import Path
from typing import Any

import transformers
from references.tiny_models import _quiet, _random, _saved
from tokenizers.pre_tokenizers import ByteLevel

SIDE = 64  #: of the square that the tiny SAM sees; its own masks have 32 pixels
_WIDTHS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
_EYE = {
    **_WIDTHS,
    "output_channels": 16,
    "image_size": SIDE,
    "patch_size": 8,
    "mlp_ratio": 2.0,
    "window_size": 4,
    "global_attn_indexes": [1],
    "num_pos_feats": 8,
    "mlp_dim": 64,
}
_PROMPTS = {"hidden_size": 16, "image_size": SIDE, "patch_size": 8, "mask_input_channels": 4}
_DECODER = {
    "hidden_size": 16,
    "mlp_dim": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "iou_head_hidden_dim": 16,
    "iou_head_depth": 2,
}


def tiny_sam(folder: Path, *, seed: int = 0) -> Path:
    """As ``facebook/sam-vit-base``."""
    config = transformers.SamConfig(vision_config=_EYE, prompt_encoder_config=_PROMPTS, mask_decoder_config=_DECODER)
    return _saved(_random(transformers.SamModel, config, seed, noise=0), folder)


def tiny_sam_hq(folder: Path, *, seed: int = 0) -> Path:
    """As ``syscv-community/sam-hq-vit-base``."""
    config = transformers.SamHQConfig(
        vision_config=_EYE, prompt_encoder_config=_PROMPTS, mask_decoder_config={**_DECODER, "vit_dim": 32}
    )
    return _saved(_random(transformers.SamHQModel, config, seed, noise=0), folder)


def tiny_mask2former(folder: Path, *, seed: int = 0, labels: tuple[str, ...] = ("cat", "dog", "bus")) -> Path:
    """As ``facebook/mask2former-swin-tiny-coco-instance``."""
    config = transformers.Mask2FormerConfig(
        backbone_config=_swin(["stage1", "stage2", "stage3", "stage4"]),
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=4,
        dim_feedforward=32,
        num_queries=6,
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
    )
    return _saved(_random(transformers.Mask2FormerForUniversalSegmentation, config, seed, noise=0), folder)


def tiny_clipseg(folder: Path, *, seed: int = 0) -> Path:
    """As ``CIDAS/clipseg-rd64-refined``, but for its last layers, which are plain."""
    tokenizer = clip_tokenizer()
    words = {**_WIDTHS, "vocab_size": len(tokenizer), "intermediate_size": 64, "max_position_embeddings": 16}
    words |= {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    pictures = {**_WIDTHS, "num_hidden_layers": 3, "intermediate_size": 64, "image_size": 32, "patch_size": 8}
    config = transformers.CLIPSegConfig(
        text_config=words,
        vision_config=pictures,
        projection_dim=16,
        extract_layers=[0, 1, 2],
        reduce_dim=16,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=32,
    )
    tokenizer.save_pretrained(folder)
    return _saved(_random(transformers.CLIPSegForImageSegmentation, config, seed), folder)


def tiny_grounding_dino(folder: Path, *, seed: int = 0) -> Path:
    """As ``IDEA-Research/grounding-dino-tiny``; it needs pictures of at least 96 pixels."""
    tokenizer = bert_tokenizer()
    words = transformers.BertConfig(
        vocab_size=len(tokenizer), intermediate_size=64, max_position_embeddings=64, **_WIDTHS
    )
    config = transformers.GroundingDinoConfig(
        backbone_config=_swin(["stage2", "stage3", "stage4"]),
        text_config=words,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        num_queries=8,
        max_text_len=64,
        encoder_n_points=2,
        decoder_n_points=2,
        disable_custom_kernels=True,
    )
    tokenizer.save_pretrained(folder)
    return _saved(_random(transformers.GroundingDinoForObjectDetection, config, seed), folder)


def clip_tokenizer(length: int = 16) -> Any:
    """CLIP's, with a vocabulary of single bytes."""
    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return transformers.CLIPTokenizer(
        vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=length
    )


def bert_tokenizer(length: int = 64) -> Any:
    """BERT's, with a vocabulary of single letters."""
    letters = [chr(code) for code in range(97, 123)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *letters, *("##" + letter for letter in letters)]
    return transformers.BertTokenizer(vocab={word: i for i, word in enumerate(words)}, model_max_length=length)


def network_of(folder: Path, architecture: str) -> Any:
    """The network as the library itself loads it."""
    with _quiet():
        return getattr(transformers, architecture).from_pretrained(folder).eval()


def _swin(stages: list[str]) -> Any:
    return transformers.SwinConfig(
        image_size=64,
        patch_size=4,
        window_size=4,
        embed_dim=16,
        depths=[1] * 4,
        num_heads=[1, 2, 2, 2],
        out_features=stages,
    )


__all__ = [
    "SIDE",
    "bert_tokenizer",
    "clip_tokenizer",
    "network_of",
    "tiny_clipseg",
    "tiny_grounding_dino",
    "tiny_mask2former",
    "tiny_sam",
    "tiny_sam_hq",
]
