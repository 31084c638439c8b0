"""Vision transformers, read by their last layer."""

import contextlib
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from iem.checks import check_image
from iem.images import resize
from iem.interfaces import Image

Tokens = Float[Tensor, "b n c"]
PatchMap = Float[Tensor, "b c rows columns"]
Attention = Float[Tensor, "b heads rows columns"]
Ready = Float[Tensor, "some 3 height width"]  # pictures of whole patches, normalised

#: A picture is made no longer than this many times its short side's target.
_LONGEST = 4
_SUFFIXES = {
    facet: (f"attention.{facet[0]}_proj", f"attn.{facet[0]}_proj", f"attention.{facet}")
    for facet in ("key", "query", "value")
}


def whole_patches(height: int, width: int, *, patch: int, size: int | None = None) -> tuple[int, int]:
    """(height, width) of a picture in whole patches, nearest to its own shape.

    Args:
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        patch: side of a patch.
        size: what to bring the short side to; the long side stays within 4 ``size``. None: the picture's own size.

    >>> whole_patches(100, 150, patch=16), whole_patches(100, 150, patch=16, size=224), whole_patches(1, 5, patch=16)
    ((96, 144), (224, 336), (16, 16))
    """
    scale = 1.0 if size is None else min(size / min(height, width), _LONGEST * size / max(height, width))
    rows, columns = (max(1, round(side * scale / patch)) for side in (height, width))
    return rows * patch, columns * patch


@final
@dataclass(frozen=True, eq=False)
class VisionTransformer:
    """A network of transformers that cuts pictures into patches, and how to read it.

    Attributes:
        network: of transformers, in eval mode.
        patch: side of a patch, in pixels.
        prefix: tokens before those of the patches.
        mean: of each channel, which the network wants to have subtracted.
        std: of each channel, by which it wants to have it divided.
        settings: more arguments of the network's call.
        outputs: facet -> what makes it of the tokens that the last layer puts out.
    """

    network: Any
    patch: int
    prefix: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    settings: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Callable[[Tokens], Tokens]] = field(default_factory=dict)

    def features(self, image: Image, facet: str, size: int | None) -> PatchMap:
        """``[b, c, h', w']``, one vector per patch of the picture brought to ``size`` on its short side."""
        pictures = self._pictures(image, size)
        found = [self._features(some, facet) for some in pictures]
        return torch.cat(found).to(image.dtype)

    def keys_and_attention(self, image: Image, size: int | None) -> tuple[PatchMap, Attention]:
        """The last layer's keys ``[b, c, h', w']``, and how its class token attends to them, ``[b, heads, h', w']``."""
        keys, attentions = zip(*(self._keys_and_attention(some) for some in self._pictures(image, size)), strict=True)
        return torch.cat(keys).to(image.dtype), torch.cat(attentions).to(image.dtype)

    def _pictures(self, image: Image, size: int | None) -> tuple[Ready, ...]:
        """Whole patches, normalised, on the network's device; what is to be read together."""
        check_image(image)
        self.network.to(image.device)
        ready = resize(image.float(), whole_patches(image.shape[2], image.shape[3], patch=self.patch, size=size))
        mean, std = (ready.new_tensor(each).view(3, 1, 1) for each in (self.mean, self.std))
        # One by one, lest the last digits depend on which pictures come together; a GPU would lose too much by that.
        together = 1 if image.device.type == "cpu" else max(1, len(image))
        pictures: tuple[Ready, ...] = ((ready - mean) / std).split(together)
        return pictures

    def _features(self, picture: Ready, facet: str) -> Tensor:
        if facet in self.outputs:
            output = self.network(pixel_values=picture, **self.settings).last_hidden_state
            return self._map(self.outputs[facet](output), picture)
        with _outputs(self._last(facet)[1]) as caught:
            self.network(pixel_values=picture, **self.settings)
        return self._map(caught[0], picture)

    def _keys_and_attention(self, picture: Ready) -> tuple[Tensor, Tensor]:
        name, layer = self._last("key")
        attention = self.network.get_submodule(name.rpartition(".")[0])
        with _outputs(layer) as keys, _arguments(attention) as asked:
            self.network(pixel_values=picture, **self.settings)
        # The fast implementations keep no weights. A shallow copy with settings of its own is asked for them, and only
        # that of the last layer: the network stays as it is.
        eager = copy.copy(attention)
        eager.config = copy.copy(attention.config)
        eager.config._attn_implementation = "eager"
        arguments, keywords = asked[0]
        weights = eager(*arguments, **keywords)[1]
        return self._map(keys[0], picture), self._map(weights[:, :, 0].mT, picture)

    def _last(self, facet: str) -> tuple[str, Any]:
        """The linear layer that makes the facet in the last of the network's layers, whatever the network calls it."""
        layers: list[tuple[str, Any]] = list(self.network.named_modules())
        found = [each for each in layers if each[0].endswith(_SUFFIXES[facet])]
        if not found:
            raise ValueError(
                f"model: expected a network whose layers have a linear map for each {facet}, got "
                f"{type(self.network).__name__} without one; take another network"
            )
        return found[-1]

    def _map(self, tokens: Tokens, picture: Ready) -> PatchMap:
        rows, columns = picture.shape[2] // self.patch, picture.shape[3] // self.patch
        patches: PatchMap = tokens[:, self.prefix :].mT.unflatten(2, (rows, columns)).contiguous()
        return patches


@contextlib.contextmanager
def _outputs(layer: Any) -> Iterator[list[Tokens]]:
    """Fills with what the layer puts out."""
    caught: list[Tokens] = []
    handle = layer.register_forward_hook(lambda _, inputs, output: caught.append(output))
    try:
        yield caught
    finally:
        handle.remove()


@contextlib.contextmanager
def _arguments(layer: Any) -> Iterator[list[tuple[tuple[Any, ...], dict[str, Any]]]]:
    """Fills with what the layer is called with."""
    caught: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    handle = layer.register_forward_pre_hook(
        lambda _, arguments, keywords: caught.append((arguments, keywords)), with_kwargs=True
    )
    try:
        yield caught
    finally:
        handle.remove()
