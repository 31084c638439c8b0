"""FOUND's seed: the object is what does not look like the background."""

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import torch
import torch.nn.functional as F  # noqa: N812 (its usual name)
from jaxtyping import Bool, Float
from torch import Tensor

from iem.checks import check_image, check_number
from iem.initialisers.square import Square
from iem.initialisers.tokens import Size, as_mask, check_size, frame_tokens, resized, token_grid
from iem.interfaces import FeatureMap, Features, Image, Mask

Attention = Float[Tensor, "b heads rows columns"]


@runtime_checkable
class AttentiveFeatures(Features, Protocol):
    """Features of a transformer that tells, too, what its class token looks at."""

    def keys_and_attention(self, image: Image) -> tuple[FeatureMap, Attention]:
        """Keys ``[b, heads * channels, h, w]``, head after head, and each head's attention ``[b, heads, h, w]``."""
        ...


@final
@dataclass(frozen=True)
class Found:
    """All tokens that are not like a token of the background; the object may lie in several pieces.

    Simeoni et al., "Unsupervised object localization: observing the background to discover objects" (FOUND), CVPR 2023,
    section 3.1 and the authors' ``bkg_seg.py``; its second part, a small network trained on these masks, is left out.
    The background's seed is the token that gets the least attention, and the background is what has a cosine
    similarity above ``threshold`` to it. Both, attention and keys, are weighted by head, the more the sparser::

        beta_h = log(sum_j Q_j / Q_h),     Q_h = the share of tokens whose attention in head h is above the mean

    Features without attention have another seed: the token of the frame that is most similar, on average, to all
    tokens of the frame. A picture without two sides, or one that is not finite, gets the centred square.

    Args:
        features: with a method ``keys_and_attention`` (see ``AttentiveFeatures``), or any others.
        threshold: cosine similarity to the seed; 0.3 as published, for DINO's keys.
        size: at which features are taken, see ``TokenCut``.
        patch: side, in pixels, of the squares over which features of pixels are averaged; of no account for others.
        position: weight of the nearness of the frame, see ``TokenCut``; of no account with attention.

    >>> from iem.features import RGB
    >>> image = torch.full((1, 3, 64, 64), 0.2); image[:, 0, 16:48, 8:40] = 0.9
    >>> bool((Found(RGB(-1.0, 1.0), patch=8)(image) == (image[:, :1] > 0.5)).all())
    True
    """

    features: Features
    threshold: float = 0.3
    size: Size = None
    patch: int = 16
    position: float = 0.0

    def __post_init__(self) -> None:
        check_number(self.threshold, "threshold", low=-1, high=1)
        check_size(self.size)
        check_number(self.patch, "patch", low=1, integer=True)
        check_number(self.position, "position", low=0)

    def __call__(self, image: Image) -> Mask:
        """Each picture by itself, ``[b, 1, h, w]``, 0 or 1."""
        check_image(image)
        masks = [self._mask(image[i : i + 1].detach()) for i in range(len(image))]
        return torch.cat(masks) if masks else image.new_zeros(0, 1, *image.shape[2:])

    def _mask(self, one: Image) -> Mask:
        if not bool(one.isfinite().all()):
            return Square()(one)
        picture = resized(one, self.size)
        with torch.no_grad():
            if isinstance(self.features, AttentiveFeatures):
                similarity = similarity_by_attention(*self.features.keys_and_attention(picture))
            else:
                similarity = similarity_by_frame(token_grid(self.features(picture), picture, self.patch, self.position))
        found: Bool[Tensor, "h w"] = similarity <= self.threshold
        return as_mask(found, one)


def similarity_by_attention(keys: FeatureMap, attention: Attention) -> Float[Tensor, "h w"]:
    """How like each token is to the one that gets the least attention, heads weighted by their sparsity.

    >>> keys = torch.tensor([1.0, 1.0, -1.0]).view(1, 1, 1, 3)
    >>> attention = torch.tensor([[[[0.1, 0.2, 0.7]], [[0.2, 0.3, 0.5]]]])
    >>> similarity_by_attention(keys.repeat(1, 2, 1, 1), attention).round()
    tensor([[ 1.,  1., -1.]])
    """
    heads = attention.shape[1]
    if len(keys) != 1 or keys.shape[1] % heads or keys.shape[2:] != attention.shape[2:]:
        raise ValueError(
            f"keys: expected [1, a multiple of {heads}, h, w] like the attention, got {list(keys.shape)} and "
            f"{list(attention.shape)}; give both from one layer"
        )
    share = (attention[0] > attention[0].mean()).flatten(1).float().mean(1) + 1e-10
    weight = (share.sum() / share).log()
    least = (attention[0] * weight[:, None, None]).sum(0).argmin()
    weighted = keys[0].unflatten(0, (heads, -1)) * weight[:, None, None, None]
    return _similarity(weighted.flatten(0, 1), int(least))


def similarity_by_frame(tokens: Float[Tensor, "1 c h w"]) -> Float[Tensor, "h w"]:
    """How like each token is to the one of the frame that is most like the rest of the frame.

    >>> similarity_by_frame(torch.tensor([1.0, 1.0, -1.0]).view(1, 1, 1, 3))
    tensor([[ 1.,  1., -1.]])
    """
    frame = frame_tokens(*tokens.shape[2:]).flatten()
    unit = F.normalize(tokens[0].flatten(1), dim=0)
    likeness = unit[:, frame].mean(1) @ unit
    return _similarity(tokens[0], int(likeness.masked_fill(~frame.to(likeness.device), -torch.inf).argmax()))


def _similarity(tokens: Float[Tensor, "c h w"], seed: int) -> Float[Tensor, "h w"]:
    unit = F.normalize(tokens.flatten(1), dim=0)
    return (unit[:, seed] @ unit).view(tokens.shape[1:])
