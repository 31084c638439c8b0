"""LaMa with nothing but convolutions, matrices of the Fourier transform and a table of weights: slow, and plain."""

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

Table = dict[str, Tensor]


def lama_by_hand(weights: Table, image: Tensor, hole: Tensor) -> Tensor:
    """What the network says of the whole picture; sides are a multiple of 8. Names as in ``lama_weights``."""
    weights = {name: value.to(image.dtype) for name, value in weights.items()}
    blocks = len({name.split(".")[1] for name in weights if ".conv1.ffc." in name})
    seen = torch.cat([image * (1 - hole), hole], dim=1)
    nearby, everywhere = layer(weights, "model.1", seen, None, reach=3)
    for index in (2, 3, 4):
        nearby, everywhere = layer(weights, f"model.{index}", nearby, None, reach=1, stride=2)
    for index in range(5, 5 + blocks):
        before = nearby, everywhere
        for part in ("conv1", "conv2"):
            nearby, everywhere = layer(weights, f"model.{index}.{part}", nearby, everywhere, reach=1)
        nearby, everywhere = before[0] + nearby, before[1] + everywhere
    maps = torch.cat([nearby, everywhere], dim=1)
    first = 6 + blocks
    for index in (first, first + 3, first + 6):
        weight, bias = (weights[f"model.{index}.{kind}"] for kind in ("weight", "bias"))
        maps = functional.conv_transpose2d(maps, weight, bias, stride=2, padding=1, output_padding=1)
        maps = normalised(weights, f"model.{index + 1}", maps).clamp_min(0)
    last = f"model.{first + 10}"
    return 1 / (
        1 + torch.exp(-convolved(maps, weights[f"{last}.weight"], reach=3) - weights[f"{last}.bias"][:, None, None])
    )


def layer(weights: Table, name: str, nearby: Tensor, everywhere: Tensor | None, *, reach: int, stride: int = 1):
    """Local and global maps, from local and perhaps global ones."""
    to_local = convolved(nearby, weights[f"{name}.ffc.convl2l.weight"], reach=reach, stride=stride)
    to_global = None
    if f"{name}.ffc.convl2g.weight" in weights:
        to_global = convolved(nearby, weights[f"{name}.ffc.convl2g.weight"], reach=reach, stride=stride)
    if everywhere is not None:
        to_local = to_local + convolved(everywhere, weights[f"{name}.ffc.convg2l.weight"], reach=reach)
        to_global = to_global + spectral(weights, f"{name}.ffc.convg2g", everywhere)
    to_local = normalised(weights, f"{name}.bn_l", to_local).clamp_min(0)
    return to_local, None if to_global is None else normalised(weights, f"{name}.bn_g", to_global).clamp_min(0)


def spectral(weights: Table, name: str, maps: Tensor) -> Tensor:
    """The branch from global to global."""
    narrow = convolved(maps, weights[f"{name}.conv1.0.weight"], reach=0)
    narrow = normalised(weights, f"{name}.conv1.1", narrow).clamp_min(0)
    return convolved(narrow + unit(weights, f"{name}.fu", narrow), weights[f"{name}.conv2.weight"], reach=0)


def unit(weights: Table, name: str, maps: Tensor) -> Tensor:
    """To the spectrum, a convolution of 1 x 1, and back; by sums over all pixels."""
    height, width = maps.shape[2:]
    half = width // 2 + 1
    rows, columns = waves(height, maps), waves(width, maps)[:half]
    spectrum = rows @ maps.to(rows.dtype) @ columns.T
    parts = torch.stack([part for channel in spectrum[0] for part in (channel.real, channel.imag)])[None]
    parts = normalised(weights, f"{name}.bn", convolved(parts, weights[f"{name}.conv_layer.weight"], reach=0))
    parts = parts.clamp_min(0)
    changed = torch.stack([torch.complex(*pair) for pair in parts[0].split(2)])[None]
    twice = torch.full((half,), 2, dtype=maps.dtype)  # every wave along the width but these stands for two
    twice[0] = 1
    if width % 2 == 0:
        twice[-1] = 1
    return (rows.conj().T @ changed @ (twice[:, None] * columns.conj())).real


def waves(count: int, like: Tensor) -> Tensor:
    """The matrix of the discrete Fourier transform, its own inverse but for the sign."""
    places = torch.arange(count, dtype=like.dtype)
    angles = -2 * math.pi * places[:, None] * places[None] / count
    return torch.complex(angles.cos(), angles.sin()) / math.sqrt(count)


def convolved(maps: Tensor, weight: Tensor, *, reach: int, stride: int = 1) -> Tensor:
    """With the border mirrored."""
    return functional.conv2d(functional.pad(maps, (reach,) * 4, mode="reflect"), weight, stride=stride)


def normalised(weights: Table, name: str, maps: Tensor) -> Tensor:
    """By the statistics that training left."""
    mean, variance, scale, shift = (
        weights[f"{name}.{kind}"][:, None, None] for kind in ("running_mean", "running_var", "weight", "bias")
    )
    return (maps - mean) / (variance + 1e-5).sqrt() * scale + shift
