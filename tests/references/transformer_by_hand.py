"""Vision transformers written out in NumPy, from the names and numbers in the weights' file alone."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from scipy.special import erf, expit, softmax

Array = NDArray[np.float64]
_HUB = {"q": "attention.attention.query", "k": "attention.attention.key", "v": "attention.attention.value"}
#: kind -> prefix of layer n, and what its parts are called.
LAYERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "vit": (
        "encoder.layer.{}.",
        {**_HUB, "o": "attention.output.dense", "before": "layernorm_before", "after": "layernorm_after"}
        | {"up": "intermediate.dense", "down": "output.dense"},
    ),
    "dinov2": (
        "encoder.layer.{}.",
        {
            **_HUB,
            "o": "attention.output.dense",
            "before": "norm1",
            "after": "norm2",
            "up": "mlp.fc1",
            "down": "mlp.fc2",
        },
    ),
    "dinov3_vit": (
        "layer.{}.",
        {letter: f"attention.{letter}_proj" for letter in "qkvo"}
        | {"before": "norm1", "after": "norm2", "up": "mlp.up_proj", "down": "mlp.down_proj"},
    ),
    "clip": (
        "vision_model.encoder.layers.{}.",
        {"q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj", "o": "self_attn.out_proj"}
        | {"before": "layer_norm1", "after": "layer_norm2", "up": "mlp.fc1", "down": "mlp.fc2"},
    ),
}


def by_hand(folder: Path, picture: Array) -> dict[str, Array]:
    """Facets ``[c, rows, columns]`` of a picture ``[3, h, w]``, normalised and of whole patches, and ``attention``."""
    weights = {name: value.astype(np.float64) for name, value in load_file(folder / "model.safetensors").items()}
    config = json.loads((folder / "config.json").read_text())
    kind = config["model_type"].removesuffix("_with_registers")
    config = config.get("vision_config", config)
    heads, patch, epsilon = config["num_attention_heads"], config["patch_size"], config["layer_norm_eps"]

    def linear(x: Array, name: str) -> Array:
        return x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0)

    def norm(x: Array, name: str) -> Array:
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon)
        return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    rows, columns = picture.shape[1] // patch, picture.shape[2] // patch
    cut = picture.reshape(3, rows, patch, columns, patch).transpose(1, 3, 0, 2, 4).reshape(rows * columns, -1)
    prefix, x = _embedded(cut, weights, kind, (rows, columns))
    turn = _rotation(rows, columns, x.shape[1] // heads, config["rope_theta"]) if kind == "dinov3_vit" else None

    for n in range(config["num_hidden_layers"]):
        start, names = LAYERS[kind]
        part = {short: start.format(n) + name for short, name in names.items()}
        scales = [weights.get(f"{start.format(n)}layer_scale{i}.lambda1", 1.0) for i in (1, 2)]
        normed = norm(x, part["before"])
        q, k, v = (linear(normed, part[letter]) for letter in "qkv")
        split = [each.reshape(len(x), heads, -1).transpose(1, 0, 2).copy() for each in (q, k, v)]
        if turn is not None:
            for each in split[:2]:
                each[:, prefix:] = turn(each[:, prefix:])
        attention = softmax(split[0] @ split[1].transpose(0, 2, 1) / np.sqrt(split[0].shape[2]), axis=2)
        x = x + scales[0] * linear((attention @ split[2]).transpose(1, 0, 2).reshape(len(x), -1), part["o"])
        hidden = linear(norm(x, part["after"]), part["up"])
        hidden = hidden * (expit(1.702 * hidden) if kind == "clip" else (1 + erf(hidden / np.sqrt(2))) / 2)
        x = x + scales[1] * linear(hidden, part["down"])

    final = {"clip": "vision_model.post_layernorm", "dinov3_vit": "norm"}.get(kind, "layernorm")
    facets = {"query": q, "key": k, "value": v, "token": norm(x, final)}
    if kind == "clip":
        facets["projected"] = linear(facets["token"], "visual_projection")
    maps = {facet: tokens[prefix:].T.reshape(-1, rows, columns) for facet, tokens in facets.items()}
    return {**maps, "attention": attention[:, 0, prefix:].reshape(heads, rows, columns)}


def _embedded(cut: Array, weights: Mapping[str, Array], kind: str, grid: tuple[int, int]) -> tuple[int, Array]:
    """How many tokens come before the patches', and all of them."""
    if kind == "clip":
        start, class_token = "vision_model.embeddings.", "class_embedding"
        kernel, bias = weights[f"{start}patch_embedding.weight"], 0.0
        positions = weights[f"{start}position_embedding.weight"]
    else:
        start, class_token = "embeddings.", "cls_token"
        name = "embeddings.patch_embeddings" + (
            ".projection" if f"{start}patch_embeddings.weight" not in weights else ""
        )
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        positions = weights.get("embeddings.position_embeddings", np.zeros((1, 0, 0)))[0]
    patches = cut @ kernel.reshape(len(kernel), -1).T + bias
    first = weights[start + class_token].reshape(1, -1)
    registers = weights.get(f"{start}register_tokens", np.zeros((1, 0, len(kernel))))[0]
    if len(positions):
        first = first + positions[:1]
        patches = patches + _other_grid(positions[1:], grid, antialias=registers.size > 0)
    x = np.concatenate([first, registers, patches])
    if kind == "clip":
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)
        x = x * weights["vision_model.pre_layrnorm.weight"] + weights["vision_model.pre_layrnorm.bias"]
    return 1 + len(registers), x


def _other_grid(positions: Array, grid: tuple[int, int], *, antialias: bool) -> Array:
    side = int(len(positions) ** 0.5)
    if grid == (side, side):
        return positions
    table = torch.from_numpy(positions).T.reshape(1, -1, side, side)
    found: Array = (
        torch.nn.functional.interpolate(table, grid, mode="bicubic", antialias=antialias)[0].flatten(1).T.numpy()
    )
    return found


def _rotation(rows: int, columns: int, width: int, theta: float):
    """DINOv3's positions: pairs of channels turned by angles that the patch's centre in [-1, 1] x [-1, 1] gives."""
    y, x = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
    centre = 2 * np.stack([y.ravel(), x.ravel()], axis=1) - 1
    frequency = theta ** -np.arange(0, 1, 4 / width)
    angle = np.tile((2 * np.pi * centre[:, :, None] * frequency).reshape(len(centre), -1), 2)

    def turn(values: Array) -> Array:
        low, high = np.split(values, 2, axis=-1)
        turned: Array = values * np.cos(angle) + np.concatenate([-high, low], axis=-1) * np.sin(angle)
        return turned

    return turn
