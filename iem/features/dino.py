"""What self-supervised transformers know of a picture's patches."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, final

from iem.checks import check_choice, check_number
from iem.features.pretrained import Once, check_model, load_network
from iem.features.vision_transformer import Attention, PatchMap, VisionTransformer
from iem.interfaces import Image

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, with which all of them were trained
_KINDS = {
    "vit": "DINO",
    "dinov2": "DINOv2",
    "dinov2_with_registers": "DINOv2",
    "dinov3_vit": "DINOv3",
}


@final
@dataclass(frozen=True)
class DINO:
    """A frozen DINO, DINOv2 or DINOv3: one vector per patch, alike for patches of the same thing.

    The last layer's keys are what TokenCut, LOST and FOUND compare (Siméoni et al., BMVC 2021, arXiv 2109.14279).
    A picture of any shape is brought to whole patches, antialiased, and normalised as ImageNet is. Gradients flow to
    the picture, never to the weights.

    The network is loaded at the first call, onto the picture's device, and is no part of what is compared, printed or
    pickled. Nothing is downloaded: a name on the hub has to be fetched first, with ``iem models get NAME``.

    Licences of the weights: DINO (``facebook/dino-vits16``, ``-vits8``, ``-vitb16``, ``-vitb8``) and DINOv2
    (``facebook/dinov2-small``, ``-base``, ``facebook/dinov2-with-registers-small``, ...) Apache-2.0; DINOv3
    (``facebook/dinov3-vits16-pretrain-lvd1689m``, ...) Meta's DINOv3 licence, to be accepted on the hub first.

    Args:
        model: a name of ``iem models list``, one on the Hugging Face hub, or a folder that ``save_pretrained`` wrote.
        facet: "key", "query" or "value" of the last layer, all heads side by side, as its linear maps make them (DINOv3
            turns keys and queries by their position after that); "token", what the network puts out.
        size: bring the short side of every picture to so many pixels first, the long side within four times that. None
            keeps the picture's size: memory and time then grow with it, time with the square of its pixels.

    Raises:
        ValueError: no such folder; when first called, a name that is not fetched, another kind of
            network, or missing weights.
        ModuleNotFoundError: the extra ``features`` is not installed.

    >>> DINO("facebook/dino-vits8", size=224)  # nothing is loaded yet
    DINO(model='facebook/dino-vits8', facet='key', size=224)
    """

    model: str | Path = "facebook/dino-vits16"
    facet: Literal["key", "query", "value", "token"] = "key"
    size: int | None = None
    _network: Once = field(default_factory=Once, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", str(self.model))
        check_choice(self.facet, "facet", ("key", "query", "value", "token"))
        if self.size is not None:
            check_number(self.size, "size", low=1, integer=True)
        check_model(str(self.model), "DINO")

    def __call__(self, image: Image) -> PatchMap:
        """``[b, c, h / patch, w / patch]``."""
        return self._loaded().features(image, self.facet, self.size)

    def keys_and_attention(self, image: Image) -> tuple[PatchMap, Attention]:
        """The last layer's keys, and how much its class token attends to each of them.

        Returns:
            Keys ``[b, c, h / patch, w / patch]``, whatever ``facet`` is, and attention
            ``[b, heads, h / patch, w / patch]``, at least 0. The heads' keys lie side by side in c. Over all tokens a
            head's attention sums to one; what goes to the class token and to registers is left out.
        """
        return self._loaded().keys_and_attention(image, self.size)

    def _loaded(self) -> VisionTransformer:
        network: VisionTransformer = self._network.get(self._load)
        return network

    def _load(self) -> VisionTransformer:
        network = load_network(str(self.model), kinds=_KINDS, wanted="facebook/dino-vits16")
        config = network.config
        return VisionTransformer(
            network,
            patch=config.patch_size,
            prefix=1 + getattr(config, "num_register_tokens", 0),
            mean=_MEAN,
            std=_STD,
            # DINO's own positions are for one size; its successors adapt theirs unasked.
            settings={"interpolate_pos_encoding": True} if config.model_type == "vit" else {},
            outputs={"token": lambda tokens: tokens},
        )
